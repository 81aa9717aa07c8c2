import { spawn } from "node:child_process";

/**
 * Runs a command in its own namespaces of processes, mounts and network, so that it cannot change the machine. The
 * kernel ends everything that it started, mounted or configured when it ends.
 *
 * @returns its exit code; 1 when a signal ended it
 */
export function runInSandbox(command: string, args: readonly string[]): Promise<number> {
  const child = spawn(
    "setpriv",
    [
      // Also when this process is killed.
      "--pdeathsig=KILL",
      "unshare",
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
