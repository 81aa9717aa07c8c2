import { fileURLToPath } from "node:url";
import { endWith, type Owner } from "../parts/owner.ts";
import { type RunningProcess, startProcess } from "../parts/running-process.ts";

const ENTRY = fileURLToPath(new URL("../../src/main.ts", import.meta.url));

/** The exit code and the output of a `wait`. */
export type WaitRun = {
  readonly code: number | null;
  /** Standard output and standard error. */
  readonly output: string;
};

/**
 * Starts `chrony-tracker wait`. Of the caller's environment it gets only `PATH` and `HOME`.
 * @param wrapper a command that runs another one, such as `unshare`
 */
export function startWait(
  owner: Owner,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
  wrapper: readonly string[] = [],
): RunningProcess {
  const { PATH, HOME } = process.env;
  const [command = "", ...rest] = [...wrapper, process.execPath, ENTRY, "wait", ...args];
  const running = startProcess({
    name: "wait",
    command,
    args: rest,
    env: { PATH, HOME, ...environment },
  });
  endWith(owner, () => running.stop());
  return running;
}

/** Runs it until it ends. */
export async function runWait(
  owner: Owner,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<WaitRun> {
  const running = startWait(owner, args, environment);
  const { code } = await running.exited;
  return { code, output: running.output() };
}
