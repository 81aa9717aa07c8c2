import { chmod, chown, mkdir, rm, writeFile } from "node:fs/promises";
import type { RunningProcess } from "../../parts/running-process.ts";
import type { Machine } from "./machine.ts";

const SYNCHRONISED_MS = 60_000;
const SETTLED_DISPERSION_SECONDS = 0.01;

/** The directory of chronyd's socket on every node. */
const SOCKET_DIRECTORY = "/run/chrony";

/** The user of chronyd on a node, and the access to its directory. */
export type ChronydOwner = {
  readonly uid: number;
  readonly gid: number;
  /** The directory's mode, for example 0o750. */
  readonly mode: number;
};

/** A node's chronyd. It is started as root, as by systemd, and becomes its own user. */
export type NodeChronyd = {
  /** Ends it like a crash: its socket and directory stay. */
  kill(): Promise<void>;
  /** Starts it again. The directory is created if it does not exist. */
  start(): Promise<void>;
  /** Ends it and removes its directory, as systemd does with a RuntimeDirectory. */
  stopAndRemoveDirectory(): Promise<void>;
  stop(): Promise<void>;
};

/**
 * Starts the chronyd of a node, and waits until it follows its source within 10 ms. It does not change the machine's
 * clock.
 *
 * @param description.configuration lines of chrony.conf with the time source
 */
export async function startNodeChronyd(description: {
  readonly machine: Machine;
  readonly chronyd: string;
  readonly chronyc: string;
  readonly owner: ChronydOwner;
  readonly configuration: readonly string[];
}): Promise<NodeChronyd> {
  const { machine, chronyd, chronyc, owner, configuration } = description;
  const directory = machine.pathOf(SOCKET_DIRECTORY);
  const configurationFile = machine.pathOf("/opt/chrony.conf");
  await writeFile(
    configurationFile,
    [...configuration, "port 0", "pidfile /run/chronyd.pid", ""].join("\n"),
  );
  // chronyd looks up its user by name.
  await writeFile(
    machine.pathOf("/opt/passwd"),
    `root:x:0:0::/:\n_chrony:x:${owner.uid}:${owner.gid}::/:\n`,
  );
  await writeFile(machine.pathOf("/opt/group"), `root:x:0:\n_chrony:x:${owner.gid}:\n`);
  let running: RunningProcess | undefined;

  async function start(): Promise<void> {
    await mkdir(directory, { recursive: true });
    await chown(directory, owner.uid, owner.gid);
    await chmod(directory, owner.mode);
    running = machine.start({
      name: `chronyd on ${machine.name}`,
      command: "unshare",
      args: [
        "--mount",
        "--",
        "sh",
        "-c",
        'mount --bind /opt/passwd /etc/passwd && mount --bind /opt/group /etc/group && exec "$@"',
        "sh",
        chronyd,
        "-x",
        "-d",
        "-u",
        "_chrony",
        "-f",
        "/opt/chrony.conf",
      ],
    });
    await running.waitUntil(
      "chronyd to synchronise",
      async () => {
        // On the node, because chronyd answers to a path that its user must be able to reach.
        const tracking = await machine.run(
          chronyc,
          "-h",
          `${SOCKET_DIRECTORY}/chronyd.sock`,
          "-n",
          "-c",
          "tracking",
        );
        const fields = tracking.split(",");
        return fields[13] === "Normal" && Number(fields[11]) < SETTLED_DISPERSION_SECONDS;
      },
      SYNCHRONISED_MS,
    );
  }

  async function kill(): Promise<void> {
    running?.signal("SIGKILL");
    await running?.exited;
  }

  await start();
  return {
    kill,
    start,
    async stopAndRemoveDirectory() {
      await running?.stop();
      await rm(directory, { recursive: true, force: true });
    },
    stop: async () => running?.stop(),
  };
}
