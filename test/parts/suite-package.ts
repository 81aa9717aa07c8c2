import { chmod, glob, lstat, mkdir, readFile, writeFile } from "node:fs/promises";
import { userInfo } from "node:os";
import { dirname, join } from "node:path";
import { keepInCache } from "./cache.ts";
import { findExecutable, isExecutable } from "./executable.ts";
import type { Progress } from "./progress.ts";
import { runToEnd } from "./run-to-end.ts";

/** The timeout of each command. A whole suite takes less than a minute with a good network. */
const DOWNLOAD_MS = 2 * 60 * 1_000;

/** The programs that are taken from a suite. */
const PACKAGES = ["chrony", "prometheus", "promtool"];
const CHRONYC = "usr/bin/chronyc";
const PROGRAMS = ["usr/sbin/chronyd", CHRONYC, "usr/bin/prometheus", "usr/bin/promtool"];

/** The oldest suite first. */
const DISTRIBUTIONS: Readonly<
  Record<string, { readonly suites: readonly string[]; readonly components: string }>
> = {
  debian: { suites: ["bullseye", "bookworm", "trixie", "sid"], components: "main" },
  ubuntu: { suites: ["jammy", "noble", "resolute"], components: "main universe" },
};

/** The suites of this system's distribution that have other versions than its own, the oldest first. */
export async function otherSuites(): Promise<readonly string[]> {
  const suites = DISTRIBUTIONS[await ofRelease("ID")]?.suites ?? [];
  const own = await ofRelease("VERSION_CODENAME");
  return suites.filter((suite) => suite !== own);
}

/** The value of a key of /etc/os-release, for example `debian` of `ID`; an empty text when it is missing. */
async function ofRelease(key: string): Promise<string> {
  const release = await readFile("/etc/os-release", "utf8").catch(() => "");
  return new RegExp(`^${key}="?([a-z]+)"?$`, "m").exec(release)?.[1] ?? "";
}

/**
 * The folder of programs from another suite of this system's distribution, in the cache: a script for each of chronyd,
 * chronyc, prometheus and promtool that the suite has. Nothing is installed: packages and libraries are unpacked, and each
 * program runs with the libc of its own suite.
 *
 * @throws when the suite is not available, has none of them, or one of them does not start
 */
export function programsOfSuite(suite: string, progress: Progress): Promise<string> {
  return keepInCache(join("suites", `${suite}-${process.arch}`), async (folder) => {
    if (findExecutable("apt-get") === undefined || findExecutable("dpkg") === undefined) {
      throw new Error("this system has no apt-get");
    }
    progress(`downloading chrony, Prometheus and their libraries from ${suite}`);
    await downloadWithLibraries(suite, folder);
    await unpackAll(folder);
    for (const program of PROGRAMS.filter((each) => isExecutable(join(folder, each)))) {
      await writeStarter(folder, program);
      // Since 4.9 chronyc becomes the package's user, who does not exist here.
      if (program === CHRONYC && (await helpOf(folder)).includes("-u USER")) {
        await writeStarter(folder, program, `-u ${userInfo().username}`);
      }
    }
  });
}

async function downloadWithLibraries(suite: string, folder: string): Promise<void> {
  const apt = join(folder, "apt");
  await mkdir(join(apt, "state", "lists", "partial"), { recursive: true });
  await mkdir(join(apt, "cache", "archives", "partial"), { recursive: true });
  // An empty status means that no package is installed, so that apt lists all needed libraries.
  await writeFile(join(apt, "status"), "");
  const distribution = await ofRelease("ID");
  const components = DISTRIBUTIONS[distribution]?.components;
  const uri = await archiveUri(apt);
  const keyring = `/usr/share/keyrings/${distribution}-archive-keyring.gpg`;
  await writeFile(
    join(apt, "sources.list"),
    `deb [signed-by=${keyring}] ${uri} ${suite} ${components}\n`,
  );
  const options = [
    "APT::Sandbox::User=root",
    `Dir::State=${join(apt, "state")}`,
    `Dir::State::status=${join(apt, "status")}`,
    `Dir::Cache=${join(apt, "cache")}`,
    `Dir::Etc::sourcelist=${join(apt, "sources.list")}`,
    "Dir::Etc::sourceparts=/dev/null",
    "Acquire::Languages=none",
    "APT::Install-Recommends=false",
  ].flatMap((option) => ["-o", option]);
  // Its exit code is 0 even if nothing could be downloaded.
  const updated = await run(apt, "apt-get", [...options, "update"]);
  const policy = await run(apt, "apt-cache", [...options, "policy", ...PACKAGES]);
  const present = PACKAGES.filter((name) =>
    new RegExp(`^${name}:\\n.*\\n  Candidate: \\d`, "m").test(policy),
  );
  if (present.length === 0) {
    throw new Error(`no package of ${suite} can be had from ${uri}\n${updated}`);
  }
  const plan = await run(apt, "apt-get", [
    ...options,
    "--quiet=2",
    "--print-uris",
    "install",
    ...present,
  ]);
  const needed = [...plan.matchAll(/^'\S+' ([^_]+)_/gm)].map(([, name = ""]) => name);
  const wanted = needed.filter((name) => present.includes(name) || name.startsWith("lib"));
  await run(folder, "apt-get", [...options, "download", ...wanted]);
}

/** The server of this machine's suite. The others are on the same server. */
async function archiveUri(folder: string): Promise<string> {
  const own = await ofRelease("VERSION_CODENAME");
  const targets = await run(folder, "apt-get", [
    "indextargets",
    "--format",
    "$(REPO_URI) $(RELEASE)",
    "Created-By: Packages",
  ]);
  const uri = targets
    .split("\n")
    .map((line) => line.split(" "))
    .find(([, suite]) => suite === own)?.[0];
  if (uri === undefined) {
    throw new Error(`this machine's package sources do not name ${own}`);
  }
  return uri;
}

async function unpackAll(folder: string): Promise<void> {
  for await (const file of glob("*.deb", { cwd: folder })) {
    await run(folder, "dpkg", ["-x", file, folder]);
  }
  await run(folder, "sh", ["-c", "rm -r apt ./*.deb"]);
}

/** Writes the script that runs a program with the loader and the libraries of its own suite. */
async function writeStarter(folder: string, program: string, options = ""): Promise<void> {
  const loader = await loaderOf(folder);
  const libraries = new Set<string>();
  for await (const file of glob("{usr/,}lib/{*/,}*.so.*", { cwd: folder })) {
    libraries.add(`$here/${dirname(file)}`);
  }
  const starter = join(folder, program.split("/").at(-1) ?? program);
  await writeFile(
    starter,
    [
      "#!/bin/sh",
      // biome-ignore lint/suspicious/noTemplateCurlyInString: the shell's.
      "here=${0%/*}",
      `exec "$here/${loader}" --library-path "${[...libraries].join(":")}" "$here/${program}" ${options} "$@"`,
      "",
    ].join("\n"),
  );
  await chmod(starter, 0o755);
  await run(folder, starter, ["--version"]);
}

/** The dynamic loader of the unpacked libc. Its usual name may be a link to outside of the folder. */
async function loaderOf(folder: string): Promise<string> {
  for await (const file of glob("{usr/,}lib*/{*/,}ld-{linux-*.so.*,2.*.so}", { cwd: folder })) {
    if ((await lstat(join(folder, file))).isFile()) {
      return file;
    }
  }
  throw new Error(`the libc of ${folder} has no loader`);
}

function helpOf(folder: string): Promise<string> {
  return run(folder, join(folder, "chronyc"), ["--help"]);
}

function run(cwd: string, command: string, args: readonly string[]): Promise<string> {
  return runToEnd({
    name: `${command.split("/").at(-1)} ${args.at(-1)}`,
    command,
    args,
    cwd,
    timeoutMs: DOWNLOAD_MS,
  });
}
