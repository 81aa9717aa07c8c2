import { rmSync } from "node:fs";
import { chmod, mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { atExit } from "./at-exit.ts";
import { endWith, type Owner } from "./owner.ts";

/** A folder that is removed when this process ends. */
export type ScratchFolder = {
  readonly path: string;
  /** Removes the folder and its content. It may be removed already. */
  remove(): void;
};

/**
 * Makes an empty folder of the calling user, in the system's folder for temporary files. Other users can pass through it
 * but not list it, because parts that root starts become other users. It is removed when the process exits.
 *
 * @param prefix the beginning of the folder's name; short, because the path of a Unix socket has at most 107 bytes
 */
export async function scratchFolder(prefix: string): Promise<ScratchFolder> {
  const path = await mkdtemp(join(tmpdir(), `${prefix}-`));
  await chmod(path, 0o711);
  const remove = () => rmSync(path, { recursive: true, force: true, maxRetries: 3 });
  const forget = atExit(remove);
  return {
    path,
    remove() {
      remove();
      forget();
    },
  };
}

/**
 * The path of an empty folder like {@link scratchFolder}, which is removed with its owner.
 *
 * @param prefix the beginning of the folder's name; short
 */
export async function folderOf(owner: Owner, prefix = "ct"): Promise<string> {
  const folder = await scratchFolder(prefix);
  endWith(owner, () => folder.remove());
  return folder.path;
}
