import { mkdir, readlink } from "node:fs/promises";
import { join } from "node:path";
import { runToEnd } from "../../parts/run-to-end.ts";
import {
  type ProcessDescription,
  type RunningProcess,
  startProcess,
} from "../../parts/running-process.ts";
import {
  type AddressPair,
  CONTROL_PLANE,
  NODE_PREFIX_LENGTH,
  nodeAddress,
  podRange,
} from "./addresses.ts";

const COMMAND_MS = 30_000;
const BRIDGE = "nodes";

/** The folders that each machine has for itself. */
const OWN_FOLDERS = ["/run", "/var/lib", "/var/log", "/opt"];

/** What another process of the sandbox needs to use a machine. */
export type MachineIdentity = {
  readonly name: string;
  /** From 1 to 9, unique. The addresses are derived from it. */
  readonly number: number;
  /** The folder with its files. */
  readonly folder: string;
  /** The process that holds its namespaces. */
  readonly holderPid: number;
};

/** A simulated computer: its own network, /run and /var/lib, on the same kernel. */
export type Machine = MachineIdentity & {
  readonly addresses: AddressPair;
  /** Starts a process there. */
  start(description: ProcessDescription): RunningProcess;
  /** Runs a command there. @throws when it does not end with code 0 */
  readonly run: (command: string, ...args: string[]) => Promise<string>;
  /** The outside path of one of its files, for example of `/run/chrony`. */
  pathOf(path: string): string;
};

/** A machine that this process started. */
export type StartedMachine = Machine & {
  /** Releases its network and mounts. Processes that still run there keep them. */
  stop(): Promise<void>;
};

/** Creates the bridge that connects the machines and this process. */
export async function makeNetwork(): Promise<void> {
  await ip("link", "set", "lo", "up");
  await ip("link", "add", BRIDGE, "type", "bridge");
  await addAddresses(CONTROL_PLANE, BRIDGE, ip);
  await ip("link", "set", BRIDGE, "up");
  await forwardPackets(here);
}

/**
 * Starts a machine that can reach the others.
 *
 * @param description.number from 1 to 9
 * @param description.folder for its files; it must not exist yet
 */
export async function startMachine(description: {
  readonly name: string;
  readonly number: number;
  readonly folder: string;
}): Promise<StartedMachine> {
  const { name, number, folder } = description;
  const holder = startProcess({
    name: `the machine ${name}`,
    command: "unshare",
    args: ["--net", "--mount", "--propagation", "private", "--", "sleep", "infinity"],
  });
  await holder.waitUntil("its own namespaces", async () => {
    const [own, others] = await Promise.all([namespaceOf(holder.pid), namespaceOf(process.pid)]);
    return own !== others;
  });
  const machine = machineOf({ name, number, folder, holderPid: holder.pid });
  const { addresses, run } = machine;
  for (const path of OWN_FOLDERS) {
    const own = machine.pathOf(path);
    await mkdir(own, { recursive: true });
    await run("mount", "--bind", own, path);
  }
  // Kubelet's mounts propagate to pods only if the root is shared.
  await run("mount", "--make-rshared", "/");

  const plug = `${BRIDGE}${number}`;
  await ip("link", "add", plug, "type", "veth", "peer", "name", "eth0", "netns", `${holder.pid}`);
  await ip("link", "set", plug, "master", BRIDGE, "up");
  const ipThere = (...args: string[]) => run("ip", ...args);
  await ipThere("link", "set", "lo", "up");
  await addAddresses(addresses, "eth0", ipThere);
  await ipThere("link", "set", "eth0", "up");
  await ipThere("route", "add", "default", "via", CONTROL_PLANE.v4);
  await ipThere("-6", "route", "add", "default", "via", CONTROL_PLANE.v6);
  const pods = podRange(number);
  await ip("route", "add", pods.v4, "via", addresses.v4);
  await ip("-6", "route", "add", pods.v6, "via", addresses.v6);
  await forwardPackets(run);
  return { ...machine, stop: () => holder.stop() };
}

/** A machine that was started by another process. */
export function machineOf(identity: MachineIdentity): Machine {
  const { name, number, folder, holderPid } = identity;
  const entered = (command: string, args: readonly string[]) => ({
    command: "nsenter",
    args: [
      `--net=/proc/${holderPid}/ns/net`,
      `--mount=/proc/${holderPid}/ns/mnt`,
      "--",
      command,
      ...args,
    ],
  });
  return {
    ...identity,
    addresses: nodeAddress(number),
    start: (process) => startProcess({ ...process, ...entered(process.command, process.args) }),
    run: (command, ...args) =>
      runToEnd({
        name: `${command} on ${name}`,
        ...entered(command, args),
        timeoutMs: COMMAND_MS,
      }),
    pathOf: (path) => join(folder, path),
  };
}

type Run = (command: string, ...args: string[]) => Promise<string>;

const here: Run = (command, ...args) =>
  runToEnd({ name: command, command, args, timeoutMs: COMMAND_MS });

function ip(...args: string[]): Promise<string> {
  return here("ip", ...args);
}

async function addAddresses(
  { v4, v6 }: AddressPair,
  device: string,
  ipCommand: (...args: string[]) => Promise<string>,
): Promise<void> {
  await ipCommand("address", "add", `${v4}/${NODE_PREFIX_LENGTH.v4}`, "dev", device);
  // nodad, because otherwise nothing could bind to the address in the first seconds.
  await ipCommand("address", "add", `${v6}/${NODE_PREFIX_LENGTH.v6}`, "dev", device, "nodad");
}

async function forwardPackets(run: Run): Promise<void> {
  await run("sysctl", "-w", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1");
}

async function namespaceOf(pid: number): Promise<string> {
  return readlink(`/proc/${pid}/ns/net`);
}
