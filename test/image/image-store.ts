import { join } from "node:path";
import { runToEnd } from "../parts/run-to-end.ts";
import { scratchFolder } from "../parts/scratch-folder.ts";

const COMMAND_MS = 10 * 60 * 1_000;

/** buildah with its own storage, so that this machine's images are not touched. */
export type ImageStore = {
  /** Runs a buildah command, and returns its last line. */
  buildah(...args: string[]): Promise<string>;
  /** Makes an image of the files of a folder. */
  imageOfFolder(folder: string, name: string, architecture: string): Promise<void>;
  /** The folder of an image's files, until the storage is removed. It must not be changed. */
  filesOf(image: string): Promise<string>;
  remove(): void;
};

export async function imageStore(): Promise<ImageStore> {
  const storage = await scratchFolder("images");
  const buildah = async (...args: string[]) => {
    const output = await runToEnd({
      name: `buildah ${args[0]}`,
      command: "buildah",
      args: [
        `--root=${join(storage.path, "root")}`,
        `--runroot=${join(storage.path, "run")}`,
        // Because it works on every file system.
        "--storage-driver=vfs",
        ...args,
      ],
      timeoutMs: COMMAND_MS,
    });
    return output.split("\n").at(-1) ?? "";
  };
  return {
    buildah,
    async imageOfFolder(folder, name, architecture) {
      const container = await buildah("from", `--arch=${architecture}`, "scratch");
      await buildah("add", "--quiet", container, folder, "/");
      await buildah("config", `--arch=${architecture}`, container);
      await buildah("commit", "--quiet", "--rm", container, name);
    },
    async filesOf(image) {
      return buildah("mount", await buildah("from", "--pull-never", image));
    },
    remove: () => storage.remove(),
  };
}
