import { type ProcessDescription, startProcess } from "./running-process.ts";

/** The command, and its timeout. */
export type BoundedProcessDescription = Omit<ProcessDescription, "ipc"> & {
  readonly timeoutMs: number;
};

/**
 * Runs a command, and returns the last 200 lines of its output and errors.
 *
 * @throws when it cannot be started, ends with another code than 0 or takes too long, with its last output
 */
export async function runToEnd(description: BoundedProcessDescription): Promise<string> {
  const { name, timeoutMs } = description;
  const running = startProcess(description);
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    void running.stop();
  }, timeoutMs);
  const { code, signal } = await running.exited;
  clearTimeout(timer);
  if (code === 0) {
    return running.output();
  }
  let end = signal === null ? `ended with exit code ${code}` : `was ended by ${signal}`;
  if (isLate) {
    end = `took longer than ${timeoutMs / 1000} s`;
  }
  throw new Error(`${name} ${end}: ${running.output()}`);
}
