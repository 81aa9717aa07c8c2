import { createHash } from "node:crypto";
import { cp, readdir, readFile, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { installDebianPackages } from "../cluster/parts/debian-tools.ts";
import { keepInCache } from "../parts/cache.ts";
import type { Progress } from "../parts/progress.ts";
import { type ScratchFolder, scratchFolder } from "../parts/scratch-folder.ts";
import {
  bringNode,
  bringNodeBase,
  bringRuntimeBase,
  type ImageArchitecture,
} from "./base-images.ts";
import { type ImageStore, imageStore } from "./image-store.ts";
import { npmConfiguration } from "./npm-configuration.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** The Dockerfile, the files that it copies, and those that make the base images. */
const SOURCES = [
  ".dockerignore",
  ".npmrc",
  "Dockerfile",
  "package-lock.json",
  "package.json",
  "src",
  "test/image",
  "tools/bundle.ts",
];

const ownArchitecture: ImageArchitecture = process.arch === "arm64" ? "arm64" : "amd64";
const NODE_BASE = "localhost/base/node";
const RUNTIME_BASE = "localhost/base/runtime";
const BUNDLE_STAGE = "localhost/stage/build";
const BUILD = [
  "build",
  "--quiet",
  "--pull-never",
  // Both avoid what is not allowed in a container, because tests may run in one.
  "--isolation=chroot",
  "--network=host",
];

/** The name of the agent's image in its archive. */
const AGENT_IMAGE = "localhost/chrony-tracker:test";

/** The agent's image as a file. */
export type AgentImage = {
  /** The path of an OCI archive. */
  readonly archive: string;
  readonly name: string;
};

/**
 * The agent's image of the project's Dockerfile, built with buildah on base images that are made here. It is built, in a
 * minute, if one of its files has changed; else it is in the cache.
 *
 * The bundler runs natively also for the other architecture. Its stage is built separately, because buildah in Debian 12
 * does not find a base image of this machine's architecture when it builds for another one.
 *
 * @throws {MissingPart} when buildah, debootstrap or a package is not available
 */
export async function bringAgentImage(
  progress: Progress,
  { architecture }: { readonly architecture: ImageArchitecture },
): Promise<AgentImage> {
  await installDebianPackages(progress, ["buildah"]);
  const name = `image-agent-${architecture}-${await hashOfSources()}`;
  const folder = await keepInCache(name, async (making) => {
    const store = await imageStore();
    const contexts = await scratchFolder("context");
    try {
      const own = await ownOptions(store, contexts, progress);
      const options =
        architecture === ownArchitecture
          ? own
          : await foreignOptions(store, contexts, architecture, own, progress);
      progress(`building the agent's image for ${architecture}`);
      await store.imageOfFolder(
        await bringRuntimeBase(architecture, progress),
        RUNTIME_BASE,
        architecture,
      );
      await store.buildah(
        ...BUILD,
        `--platform=linux/${architecture}`,
        `--build-arg=RUNTIME=${RUNTIME_BASE}`,
        "--build-arg=REVISION=test",
        `--tag=${AGENT_IMAGE}`,
        ...options,
        ROOT,
      );
      const archive = join(making, "image.tar");
      await store.buildah("push", "--quiet", AGENT_IMAGE, `oci-archive:${archive}:${AGENT_IMAGE}`);
    } finally {
      store.remove();
      contexts.remove();
    }
  });
  return { archive: join(folder, "image.tar"), name: AGENT_IMAGE };
}

/** Unpacks the files of an image of {@link bringAgentImage} into a folder that does not exist yet. */
export async function unpackAgentImage({ archive }: AgentImage, folder: string): Promise<void> {
  const store = await imageStore();
  try {
    await store.buildah("pull", "--quiet", `oci-archive:${archive}`);
    const files = await store.filesOf(AGENT_IMAGE);
    await cp(files, folder, { recursive: true, verbatimSymlinks: true });
  } finally {
    store.remove();
  }
}

/** Options of a build from the first stage on. */
async function ownOptions(
  store: ImageStore,
  contexts: ScratchFolder,
  progress: Progress,
): Promise<string[]> {
  const base = await bringNodeBase(ownArchitecture, progress);
  await store.imageOfFolder(base, NODE_BASE, ownArchitecture);
  const npmrc = join(contexts.path, "npmrc");
  const { text, authorities } = await npmConfiguration();
  await writeFile(npmrc, text, { mode: 0o600 });
  return [
    `--build-arg=NODE=${NODE_BASE}`,
    `--secret=id=npmrc,src=${npmrc}`,
    ...(authorities === undefined ? [] : [`--volume=${authorities}:${authorities}:ro`]),
  ];
}

/** Options of a build whose first stages are folders made here. */
async function foreignOptions(
  store: ImageStore,
  contexts: ScratchFolder,
  architecture: ImageArchitecture,
  own: readonly string[],
  progress: Progress,
): Promise<string[]> {
  progress(`bundling the agent for ${architecture}`);
  await store.buildah(
    ...BUILD,
    "--target=build",
    `--build-arg=TARGETARCH=${architecture}`,
    `--tag=${BUNDLE_STAGE}`,
    ...own,
    ROOT,
  );
  const build = join(contexts.path, "build");
  await cp(join(await store.filesOf(BUNDLE_STAGE), "image"), join(build, "image"), {
    recursive: true,
    verbatimSymlinks: true,
  });
  const node = join(contexts.path, "node");
  await cp(await bringNode(architecture, progress), join(node, "usr/local/bin/node"));
  return [`--build-context=build=${build}`, `--build-context=node=${node}`];
}

async function hashOfSources(): Promise<string> {
  const hash = createHash("sha256");
  for (const source of SOURCES) {
    for (const file of await filesUnder(join(ROOT, source))) {
      hash.update(`${relative(ROOT, file)}\0`).update(await readFile(file));
    }
  }
  return hash.digest("hex").slice(0, 12);
}

/** A file, or all files below a folder, in order. */
async function filesUnder(path: string): Promise<string[]> {
  const entries = await readdir(path, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries.length === 0
    ? [path]
    : entries
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name))
        .toSorted();
}
