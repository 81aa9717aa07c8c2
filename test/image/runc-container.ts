import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { runToEnd } from "../parts/run-to-end.ts";
import { type RunningProcess, startProcess } from "../parts/running-process.ts";

const COMMAND_MS = 30_000;
const CAPABILITIES = ["CAP_SETUID", "CAP_SETGID"];

/** A container of runc like the DaemonSet's, but in the machine's network. */
export type RuncContainer = {
  /** runc, which forwards signals and ends with the container's exit code. */
  readonly process: RunningProcess;
  /** The container's first process, by its number on the machine. */
  firstProcess(): Promise<number>;
  /** Runs a command in the container, like `kubectl exec`. @throws when it fails */
  exec(...command: string[]): Promise<string>;
};

/**
 * Starts a container: root with SETUID and SETGID, no_new_privs, a read-only root file system.
 * It needs root.
 *
 * @param description.files the unpacked files of the image
 * @param description.command the image's entry point
 * @param description.shared a directory of the machine with the same path in the container
 */
export async function startRuncContainer(description: {
  readonly name: string;
  /** A folder for its files, which must not exist yet. */
  readonly folder: string;
  readonly files: string;
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly shared: string;
}): Promise<RuncContainer> {
  const { name, folder, files, command, environment, shared } = description;
  await mkdir(folder);
  const process = {
    user: { uid: 0, gid: 0 },
    cwd: "/",
    args: command,
    env: [
      "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
      ...Object.entries(environment).map(([key, value]) => `${key}=${value}`),
    ],
    capabilities: { bounding: CAPABILITIES, effective: CAPABILITIES, permitted: CAPABILITIES },
    noNewPrivileges: true,
  };
  await writeFile(
    join(folder, "config.json"),
    JSON.stringify({
      ociVersion: "1.0.2",
      process,
      root: { path: files, readonly: true },
      mounts: [
        { destination: "/proc", type: "proc", source: "proc" },
        { destination: shared, type: "bind", source: shared, options: ["rbind", "rw"] },
      ],
      linux: { namespaces: ["pid", "ipc", "uts", "mount"].map((type) => ({ type })) },
    }),
  );
  const state = `--root=${join(folder, "state")}`;
  const runc = (...args: string[]) =>
    runToEnd({
      name: `runc ${args[0]}`,
      command: "runc",
      args: [state, ...args],
      timeoutMs: COMMAND_MS,
    });
  return {
    process: startProcess({
      name,
      command: "runc",
      args: [state, "run", "--bundle", folder, name],
    }),
    async firstProcess() {
      const found: { pid: number } = JSON.parse(await runc("state", name));
      return found.pid;
    },
    exec: (...words) => runc("exec", name, ...words),
  };
}
