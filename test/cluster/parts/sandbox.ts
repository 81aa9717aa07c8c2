import { spawn } from "node:child_process";

/**
 * Runs a command where it can do nothing to the machine: with processes, mounts and network of its
 * own. Whatever it starts, mounts or configures there ends with it, however it ends: the kernel sees
 * to that.
 *
 * @returns its exit code; 1 when it was ended by a signal.
 */
export function runInSandbox(command: string, args: readonly string[]): Promise<number> {
  const child = spawn(
    "unshare",
    [
      "--fork",
      "--kill-child=SIGKILL",
      "--pid",
      "--mount-proc",
      "--mount",
      "--net",
      "--",
      command,
      ...args,
    ],
    { stdio: "inherit" },
  );
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => resolve(code ?? 1));
  });
}
