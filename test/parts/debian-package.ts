import { mkdir, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { keepInCache } from "./cache.ts";
import { findExecutable } from "./executable.ts";
import type { Progress } from "./progress.ts";
import { runToEnd } from "./run-to-end.ts";
import { scratchFolder } from "./scratch-folder.ts";

const DOWNLOAD_MS = 5 * 60 * 1_000;

/**
 * The folder of an unpacked Debian or Ubuntu package, with the same paths as below `/`. It is downloaded if it is not in
 * the cache. Nothing is installed, and root is not needed.
 *
 * @param architecture by its name in Node.js. Default: this machine's
 * @throws when this is another system, or the package cannot be downloaded
 */
export async function debianPackage(
  name: string,
  progress: Progress,
  architecture: NodeJS.Architecture = process.arch,
): Promise<string> {
  if (findExecutable("apt-get") === undefined || findExecutable("dpkg") === undefined) {
    throw new Error("this system has no apt-get");
  }
  return keepInCache(join(await systemName(architecture), name), async (folder) => {
    progress(`downloading the Debian package ${name} for ${architecture}`);
    const download = await scratchFolder("package");
    try {
      if (architecture === process.arch) {
        await downloadPackage(name, download.path, progress);
      } else {
        await downloadForeignPackage(name, architecture, download.path, progress);
      }
      await unpack(name, download.path, folder);
    } finally {
      download.remove();
    }
  });
}

async function downloadPackage(name: string, folder: string, progress: Progress): Promise<void> {
  try {
    await aptGet("download", [name], [], folder);
  } catch {
    // The machine's package lists are missing, or name a version that no longer exists.
    progress(`fetching package lists, because the machine's do not lead to ${name}`);
    const options = await ownListsOptions(folder);
    await aptGet("update", [], options, folder);
    await aptGet("download", [name], options, folder);
  }
}

/** Because the machine's package lists do not have other architectures. */
async function downloadForeignPackage(
  name: string,
  architecture: NodeJS.Architecture,
  folder: string,
  progress: Progress,
): Promise<void> {
  progress(`fetching package lists for ${architecture}`);
  const debianName = architecture === "x64" ? "amd64" : architecture;
  const options = [
    ...(await ownListsOptions(folder)),
    `APT::Architecture=${debianName}`,
    `APT::Architectures::=${debianName}`,
  ];
  await aptGet("update", [], options, folder);
  await aptGet("download", [`${name}:${debianName}`], options, folder);
}

/** Settings with which apt-get keeps its lists in `folder`. */
async function ownListsOptions(folder: string): Promise<string[]> {
  const state = join(folder, "state");
  const cache = join(folder, "cache");
  await mkdir(join(state, "lists", "partial"), { recursive: true });
  await mkdir(join(cache, "archives", "partial"), { recursive: true });
  return [
    `Dir::State=${state}`,
    "Dir::State::status=/var/lib/dpkg/status",
    `Dir::Cache=${cache}`,
    "Acquire::Languages=none",
  ];
}

async function aptGet(
  verb: string,
  names: readonly string[],
  options: readonly string[],
  folder: string,
): Promise<void> {
  // As root, apt-get would download as another user, who may not write to the folder.
  const settings = ["APT::Sandbox::User=root", ...options];
  await runToEnd({
    name: `apt-get ${verb}`,
    command: "apt-get",
    args: [...settings.flatMap((setting) => ["-o", setting]), verb, ...names],
    cwd: folder,
    timeoutMs: DOWNLOAD_MS,
  });
}

async function unpack(name: string, downloadFolder: string, folder: string): Promise<void> {
  const file = (await readdir(downloadFolder)).find((entry) => entry.endsWith(".deb"));
  if (file === undefined) {
    throw new Error(`apt-get download ${name} left no file`);
  }
  await runToEnd({
    name: `unpacking ${file}`,
    command: "dpkg",
    args: ["-x", join(downloadFolder, file), folder],
    timeoutMs: DOWNLOAD_MS,
  });
}

/** For example `debian-12-x64`, because packages need the libraries of their system. */
async function systemName(architecture: NodeJS.Architecture): Promise<string> {
  const release = await readFile("/etc/os-release", "utf8");
  const value = (key: string) =>
    new RegExp(`^${key}="?([^"\n]*)"?$`, "m").exec(release)?.[1] ?? "unknown";
  return `${value("ID")}-${value("VERSION_ID")}-${architecture}`;
}
