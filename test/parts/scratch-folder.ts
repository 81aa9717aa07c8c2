import { rmSync } from "node:fs";
import { chmod, mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { atExit } from "./at-exit.ts";
import { endWith, type Owner } from "./owner.ts";

/** A folder that lives no longer than the process that made it. */
export type ScratchFolder = {
  readonly path: string;
  /** Removes the folder and all in it; it may be gone already. */
  remove(): void;
};

/**
 * Makes an empty folder of the calling user, under the system's folder for temporary files. Others can
 * go through it, for parts that root starts become other users, though they cannot list it.
 * It is removed when the process exits.
 *
 * @param prefix begins the folder's name. Keep it short: the path of a Unix socket holds 107 bytes.
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
 * The path of an empty folder, made as {@link scratchFolder} does, which is removed with its owner.
 *
 * @param prefix begins the folder's name; keep it short.
 */
export async function folderOf(owner: Owner, prefix = "ct"): Promise<string> {
  const folder = await scratchFolder(prefix);
  endWith(owner, () => folder.remove());
  return folder.path;
}
