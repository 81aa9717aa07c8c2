import { chmod, copyFile, cp, mkdir, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import projectPackage from "../../package.json" with { type: "json" };
import { installDebianPackages } from "../cluster/parts/debian-tools.ts";
import { keepInCache } from "../parts/cache.ts";
import { debianPackage } from "../parts/debian-package.ts";
import type { Progress } from "../parts/progress.ts";
import { runToEnd } from "../parts/run-to-end.ts";
import { npmPackage } from "./npm-package.ts";

/** An architecture by its name in images. */
export type ImageArchitecture = "amd64" | "arm64";

const nodeVersion = projectPackage.devDependencies.node;
// A release of the line that comes with Node.js 24.
const NPM_VERSION = "11.21.2";
const DEBOOTSTRAP_MS = 10 * 60 * 1_000;

/** An architecture by its name in Node.js. */
function nodeArchitecture(architecture: ImageArchitecture): "x64" | "arm64" {
  return architecture === "amd64" ? "x64" : architecture;
}

/** The Node.js program of an architecture, of the version that everything here runs on. */
export async function bringNode(
  architecture: ImageArchitecture,
  progress: Progress,
): Promise<string> {
  const name = `node-linux-${nodeArchitecture(architecture)}`;
  return join(await npmPackage(name, nodeVersion, progress), "bin/node");
}

/**
 * A folder with the files of the base image to build on, for this machine's architecture: like the public
 * `node:24-bookworm-slim`, with Debian 12, Node.js and npm.
 */
export async function bringNodeBase(
  architecture: ImageArchitecture,
  progress: Progress,
): Promise<string> {
  await installDebianPackages(progress, ["debian-archive-keyring", "debootstrap"]);
  const name = `image-base-node-${nodeVersion}-npm-${NPM_VERSION}-${architecture}`;
  return keepInCache(name, async (folder) => {
    progress("making a Debian to build the image on: half a minute, once");
    await runToEnd({
      name: "debootstrap",
      command: "debootstrap",
      args: [
        "--variant=minbase",
        `--arch=${architecture}`,
        "--keyring=/usr/share/keyrings/debian-archive-keyring.gpg",
        "bookworm",
        folder,
        "http://deb.debian.org/debian",
      ],
      timeoutMs: DEBOOTSTRAP_MS,
    });
    for (const path of [
      "var/cache/apt",
      "var/lib/apt/lists",
      "usr/share/doc",
      "usr/share/locale",
    ]) {
      await rm(join(folder, path), { recursive: true });
    }
    const local = join(folder, "usr/local");
    await copyFile(await bringNode(architecture, progress), join(local, "bin/node"));
    await cp(await npmPackage("npm", NPM_VERSION, progress), join(local, "lib/node_modules/npm"), {
      recursive: true,
    });
    await chmod(join(local, "lib/node_modules/npm/bin/npm-cli.js"), 0o755);
    await symlink("../lib/node_modules/npm/bin/npm-cli.js", join(local, "bin/npm"));
  });
}

/**
 * A folder with the files of the base image to run on: the C and C++ libraries and two users, as in the public
 * `distroless/cc-debian12`. Without a CA bundle, because Node.js has its own.
 */
export async function bringRuntimeBase(
  architecture: ImageArchitecture,
  progress: Progress,
): Promise<string> {
  return keepInCache(`image-base-runtime-${architecture}`, async (folder) => {
    for (const name of ["libc6", "libgcc-s1", "libstdc++6"]) {
      const files = await debianPackage(name, progress, nodeArchitecture(architecture));
      await cp(files, folder, { recursive: true, verbatimSymlinks: true });
    }
    await rm(join(folder, "usr/share"), { recursive: true });
    await mkdir(join(folder, "etc"), { recursive: true });
    await writeFile(
      join(folder, "etc/passwd"),
      "root:x:0:0:root:/root:/sbin/nologin\nnobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin\n",
    );
    await writeFile(join(folder, "etc/group"), "root:x:0:\nnogroup:x:65534:\n");
    await mkdir(join(folder, "tmp"));
    await chmod(join(folder, "tmp"), 0o1777);
  });
}
