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

/** Every folder in which a node keeps what is its own. */
const OWN_FOLDERS = ["/run", "/var/lib", "/var/log", "/opt"];

/** What another process of the sandbox needs to know of a machine to work with it. */
export type MachineIdentity = {
  readonly name: string;
  /** From 1 to 9, another one for each. It gives the addresses. */
  readonly number: number;
  /** Holds its files. */
  readonly folder: string;
  /** The process that keeps its namespaces. */
  readonly holderPid: number;
};

/** Something like a computer: a network, a /run, a /var/lib of its own, on the same kernel. */
export type Machine = MachineIdentity & {
  readonly addresses: AddressPair;
  /** Starts a process there. */
  start(description: ProcessDescription): RunningProcess;
  /** Runs a command there. @throws when it does not end with code 0. */
  readonly run: (command: string, ...args: string[]) => Promise<string>;
  /** Where one of its files is from outside, for instance `/run/chrony`. */
  pathOf(path: string): string;
};

/** A machine that this process started. */
export type StartedMachine = Machine & {
  /** Lets go of its network and mounts; what still runs there keeps them. */
  stop(): Promise<void>;
};

/** Makes the place where machines are plugged in: a bridge, on which this process is the first. */
export async function makeNetwork(): Promise<void> {
  await ip("link", "set", "lo", "up");
  await ip("link", "add", BRIDGE, "type", "bridge");
  await addAddresses(CONTROL_PLANE, BRIDGE, ip);
  await ip("link", "set", BRIDGE, "up");
  await forwardPackets(here);
}

/**
 * Starts a machine that reaches the others.
 *
 * @param description.number from 1 to 9.
 * @param description.folder holds its files; it must not exist yet.
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
  // Kubelet asks for mounts that are passed on to pods, which only a shared root gives.
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

/** A machine that runs already. */
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
  // Without nodad nothing could bind to it in the first seconds.
  await ipCommand("address", "add", `${v6}/${NODE_PREFIX_LENGTH.v6}`, "dev", device, "nodad");
}

async function forwardPackets(run: Run): Promise<void> {
  await run("sysctl", "-w", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1");
}

async function namespaceOf(pid: number): Promise<string> {
  return readlink(`/proc/${pid}/ns/net`);
}
