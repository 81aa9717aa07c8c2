import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** The result of a report. */
export type ReportRun = {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
};

/** Runs the program in a folder, to its end. */
export async function runReport(folder: string, args: readonly string[]): Promise<ReportRun> {
  return await startReport(folder, args).ended;
}

/** Starts the program. */
export function startReport(folder: string, args: readonly string[]) {
  const { promise: ended, resolve } = Promise.withResolvers<ReportRun>();
  const child = spawn(process.execPath, [join(ROOT, "src/report/main.ts"), ...args], {
    cwd: folder,
    env: { PATH: process.env["PATH"] },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const texts = { stdout: "", stderr: "" };
  child.stdout.on("data", (text: Buffer) => {
    texts.stdout += text.toString();
  });
  child.stderr.on("data", (text: Buffer) => {
    texts.stderr += text.toString();
  });
  child.on("close", (code, signal) => resolve({ code, signal, ...texts }));
  return { ended, kill: (signal: NodeJS.Signals) => child.kill(signal) };
}

/** The fields of a report's JSON that tests use. */
export type ReportJson = {
  readonly version: string;
  readonly asked: Readonly<Record<string, unknown>>;
  readonly data: {
    readonly sha256: string;
    readonly samples: number;
    readonly queries: readonly { readonly query: string; readonly requests: number }[];
    readonly warnings: readonly string[];
    readonly lacks: readonly string[];
  };
  readonly fleet: Readonly<Record<string, unknown>>;
  readonly nodes: readonly NodeJson[];
  readonly exceedances: readonly unknown[];
};

/** One node in it. */
export type NodeJson = Readonly<Record<string, unknown>> & {
  readonly node: string;
  readonly state_seconds: Readonly<Record<string, number>>;
};

export async function reportJson(folder: string, name = "chrony-report"): Promise<ReportJson> {
  return JSON.parse(await readFile(join(folder, `${name}.json`), "utf8"));
}
