import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

const ENTRY = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
const LONGEST_MS = 60_000;

/** The exit code and the output of a `status`. */
export type StatusRun = {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
};

/** How to run `status`. */
export type StatusCircumstances = {
  /** Its environment. Of the caller's it gets only `PATH` and `HOME`. */
  readonly environment?: Readonly<Record<string, string>>;
  /** A command that runs another one, such as `setpriv`. */
  readonly wrapper?: readonly string[];
  /** Gets its output so far whenever there is more. If it returns true, the process gets SIGINT. */
  readonly interruptWhen?: (stdout: string) => boolean;
};

/** The command and its arguments that run `status` with these words. */
export function statusCommand(words: readonly string[]): [string, ...string[]] {
  return [process.execPath, ENTRY, "status", ...words];
}

/** Runs `chrony-tracker status` until it ends. Its output is a pipe. */
export function runStatus(
  words: readonly string[],
  { environment = {}, wrapper = [], interruptWhen }: StatusCircumstances = {},
): Promise<StatusRun> {
  const [command = "", ...args] = [...wrapper, ...statusCommand(words)];
  const { PATH, HOME } = process.env;
  const child = spawn(command, args, {
    env: { PATH, HOME, ...environment },
    stdio: ["ignore", "pipe", "pipe"],
    timeout: LONGEST_MS,
    killSignal: "SIGKILL",
  });
  let stdout = "";
  let stderr = "";
  let interrupted = false;
  child.stdout.setEncoding("utf8").on("data", (part: string) => {
    stdout += part;
    if (!interrupted && interruptWhen?.(stdout) === true) {
      interrupted = true;
      child.kill("SIGINT");
    }
  });
  child.stderr.setEncoding("utf8").on("data", (part: string) => {
    stderr += part;
  });
  const { promise, resolve, reject } = Promise.withResolvers<StatusRun>();
  child.on("error", reject);
  child.on("close", (code) => resolve({ code, stdout, stderr }));
  return promise;
}
