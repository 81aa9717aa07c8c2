import { readdir, readFile } from "node:fs/promises";
import { waitFor } from "../../parts/wait-for.ts";
import type { Kubectl } from "./kubectl.ts";

const NAMESPACE = "chrony-tracker";

/** The fields of a pod that tests use. */
export type Pod = {
  readonly metadata: { readonly name: string; readonly uid: string };
  readonly spec: { readonly nodeName?: string };
  readonly status: {
    readonly phase: string;
    readonly podIP?: string;
    readonly podIPs?: readonly { readonly ip: string }[];
    readonly containerStatuses?: readonly {
      readonly ready: boolean;
      readonly restartCount: number;
      readonly state: {
        readonly waiting?: { readonly reason: string };
        readonly terminated?: { readonly exitCode: number };
      };
    }[];
  };
};

/** Waits for exactly one agent's pod on a node, and returns it. */
export function agentPodOn(kubectl: Kubectl, node: string): Promise<Pod> {
  return waitFor(
    `one agent on ${node}`,
    async () => {
      const { items } = await kubectl.get<{ items: Pod[] }>(
        "pods",
        `--namespace=${NAMESPACE}`,
        `--field-selector=spec.nodeName=${node}`,
      );
      return items.length === 1 && items[0];
    },
    60_000,
  );
}

/** Waits until an agent on a node is ready. */
export function readyAgentOn(kubectl: Kubectl, node: string): Promise<Pod> {
  return waitFor(
    `the agent on ${node} to be ready`,
    async () => {
      const pod = await agentPodOn(kubectl, node);
      return pod.status.containerStatuses?.[0]?.ready === true && pod;
    },
    120_000,
  );
}

/** The lines of `/proc/PID/status` of the agent in a pod, by name. */
export async function kernelStatusOf(
  pod: Pod,
): Promise<{ readonly pid: number; readonly status: ReadonlyMap<string, string> }> {
  for (const entry of await readdir("/proc")) {
    const pid = Number(entry);
    if (!Number.isInteger(pid)) {
      continue;
    }
    const [cgroup, command] = await Promise.all(
      ["cgroup", "cmdline"].map((file) => readFile(`/proc/${pid}/${file}`, "utf8").catch(() => "")),
    );
    if (cgroup?.includes(pod.metadata.uid) && command?.includes("chrony-tracker")) {
      const text = await readFile(`/proc/${pid}/status`, "utf8");
      const lines = text.split("\n").map((line) => line.split(/:\s*/, 2));
      return { pid, status: new Map(lines.map(([name = "", value = ""]) => [name, value.trim()])) };
    }
  }
  throw new Error(`no process of the agent was found in the pod ${pod.metadata.name}`);
}
