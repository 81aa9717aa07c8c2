import { createHash } from "node:crypto";
import { mkdir, readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { imageStore } from "../../image/image-store.ts";
import { keepInCache } from "../../parts/cache.ts";
import type { Progress } from "../../parts/progress.ts";
import { runToEnd } from "../../parts/run-to-end.ts";
import { installDebianPackages } from "./debian-tools.ts";

const QUESTION_MS = 30_000;

/**
 * An OCI archive of an image with one program of this machine and its libraries. It is kept in the cache.
 *
 * @param description.image the name for pods, with a tag
 */
export async function programImage(description: {
  readonly image: string;
  readonly program: string;
  /** The user that it runs as by default. */
  readonly user: string;
  readonly progress: Progress;
}): Promise<string> {
  const { image, program, user, progress } = description;
  await installDebianPackages(progress, ["buildah"]);
  const hash = createHash("sha256")
    .update(image)
    .update(user)
    .update(await readFile(program));
  const name = `image-${basename(program)}-${hash.digest("hex").slice(0, 12)}`;
  const folder = await keepInCache(name, async (making) => {
    progress(`making the image ${image}`);
    const store = await imageStore();
    try {
      const container = await store.buildah("from", "scratch");
      const path = `/${basename(program)}`;
      await store.buildah("add", container, program, path);
      for (const library of await librariesOf(program)) {
        await store.buildah("add", container, library, library);
      }
      await store.buildah(
        "config",
        `--entrypoint=${JSON.stringify([path])}`,
        `--user=${user}`,
        container,
      );
      await store.buildah("commit", container, image);
      await mkdir(making, { recursive: true });
      await store.buildah("push", image, `oci-archive:${join(making, "image.tar")}:${image}`);
    } finally {
      store.remove();
    }
  });
  return join(folder, "image.tar");
}

/** The paths of the libraries of a program, including the loader. */
async function librariesOf(program: string): Promise<string[]> {
  const answer = await runToEnd({
    name: "ldd",
    command: "ldd",
    args: [program],
    timeoutMs: QUESTION_MS,
  }).catch((error: unknown) => {
    // ldd fails for a program without libraries.
    if (error instanceof Error && /not a dynamic executable/.test(error.message)) {
      return "";
    }
    throw error;
  });
  return [...answer.matchAll(/(\/\S+) \(0x/g)].flatMap(([, path]) => path ?? []);
}
