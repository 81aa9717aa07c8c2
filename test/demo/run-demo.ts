import { spawn } from "node:child_process";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { endWith, type Owner } from "../parts/owner.ts";
import { folderOf } from "../parts/scratch-folder.ts";
import { waitFor } from "../parts/wait-for.ts";

const ENTRY = fileURLToPath(new URL("../../demo/main.ts", import.meta.url));
const LINE_MS = 60_000;

/** A running demo, with its own folder for temporary files. */
export type RunningDemo = {
  /** Waits for a line like this, on standard output or standard error. */
  waitForLine(pattern: RegExp): Promise<void>;
  /** Sends a signal to the demo only. */
  signal(name: NodeJS.Signals): void;
  /** The process of one of its parts. */
  pidOf(pattern: RegExp): number;
  /** Waits until it has ended. */
  ended(): Promise<EndedDemo>;
};

/** A demo that has ended. */
export type EndedDemo = {
  readonly code: number | null;
  readonly standardOutput: string;
  readonly standardError: string;
  /** The command lines of its running processes, and the files in its folder. */
  readonly leftBehind: readonly string[];
};

/** Starts a demo. It ends with its owner at the latest. */
export async function startDemo(
  owner: Owner,
  words: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<RunningDemo> {
  const folder = await folderOf(owner);
  const child = spawn(process.execPath, [ENTRY, ...words], {
    env: { ...process.env, ...environment, TMPDIR: folder },
    stdio: ["ignore", "pipe", "pipe"],
  });
  endWith(owner, async () => {
    child.kill();
    await closed;
  });
  let standardOutput = "";
  let standardError = "";
  const written = () => `${standardOutput}${standardError}`;
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    standardOutput += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    standardError += text;
  });
  const closed = new Promise<number | null>((resolve) => {
    child.once("close", (code) => resolve(code));
  });

  return {
    async waitForLine(pattern) {
      const line = waitFor(`a line ${pattern}`, () => pattern.test(written()), LINE_MS);
      const early = closed.then(() =>
        pattern.test(written())
          ? true
          : Promise.reject(new Error(`the demo ended, and wrote: ${written()}`)),
      );
      await Promise.race([line, early]);
    },
    signal: (name) => child.kill(name),
    pidOf(pattern) {
      const found = processesOf(folder).find(({ commandLine }) => pattern.test(commandLine));
      if (found === undefined) {
        throw new Error(`the demo has no process ${pattern}`);
      }
      return found.pid;
    },
    async ended() {
      const code = await closed;
      const leftBehind = [
        ...processesOf(folder).map(({ commandLine }) => commandLine),
        ...(await readdir(folder)),
      ];
      return { code, standardOutput, standardError, leftBehind };
    },
  };
}

/** The processes of a folder: it is in their arguments or environment, or their working directory. */
function processesOf(folder: string): { pid: number; commandLine: string }[] {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return pids.flatMap((pid) => {
    const read = (file: string) => orEmpty(() => readFileSync(`/proc/${pid}/${file}`, "utf8"));
    const commandLine = read("cmdline").replaceAll("\0", " ");
    const workingFolder = orEmpty(() => readlinkSync(`/proc/${pid}/cwd`));
    return `${commandLine} ${read("environ")} ${workingFolder}`.includes(folder)
      ? [{ pid: Number(pid), commandLine }]
      : [];
  });
}

/** A process may have ended meanwhile, or be another user's. */
function orEmpty(read: () => string): string {
  try {
    return read();
  } catch {
    return "";
  }
}
