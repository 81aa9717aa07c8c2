/**
 * An installation in a real cluster: the programs of Kubernetes, containerd and runc, two nodes with a real chronyd each,
 * the shipped overlay `prometheus`, a real collector and Prometheus. Only the public issuer of tokens is a fake
 * (parts/public-issuer.ts).
 */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { startProcess } from "../parts/running-process.ts";
import { waitFor } from "../parts/wait-for.ts";
import { agentPodOn, kernelStatusOf, type Pod, readyAgentOn } from "./parts/agent-pods.ts";
import {
  CLUSTER_NAME,
  type ClusterWithChrony,
  COLLECTOR,
  type NodeName,
  OWNERS,
  rolledOut,
  startClusterWithAgents,
} from "./parts/cluster-with-agents.ts";

const NODES: readonly NodeName[] = ["node-a", "node-b"];

/** SETGID (6) and SETUID (7), in the kernel's notation. */
const SETGID_AND_SETUID = "00000000000000c0";
const NONE = "0000000000000000";

/** Longer than the agent's grace period (30 s), three failed probes and a restart. */
const RESTART_MS = 180_000;

let cluster: ClusterWithChrony;

before(async () => {
  cluster = await startClusterWithAgents();
});

after(async () => {
  await cluster?.stop();
});

const errorOf = (node: NodeName) => `chrony_clock_error_ms{instance="${node}"}`;

/** Waits for a value of a node in the backend that is made after now. */
async function freshValueOf(node: NodeName): Promise<void> {
  const from = Date.now() / 1000;
  await waitFor(
    `a new value of ${node}`,
    async () => {
      const [sample] = await cluster.backend.query(`timestamp(${errorOf(node)})`);
      return sample !== undefined && sample.value > from;
    },
    120_000,
  );
}

function restartsOf(pod: Pod): number {
  return pod.status.containerStatuses?.[0]?.restartCount ?? 0;
}

test("every node reports its clock's error with the documented labels", async () => {
  for (const node of NODES) {
    const [sample] = await cluster.backend.waitForQuery(errorOf(node));
    assert.deepEqual(sample?.labels, {
      __name__: "chrony_clock_error_ms",
      cluster: CLUSTER_NAME,
      instance: node,
      job: "chrony-tracker",
      k8s_namespace_name: "chrony-tracker",
      k8s_node_name: node,
    });
    assert.ok(sample.value > 0 && sample.value < 100, `${sample.value} ms`);
  }
});

test("an agent becomes the user of its node's chronyd permanently, without privileges", async () => {
  for (const node of NODES) {
    const { uid, gid } = OWNERS[node];
    const { pid, status } = await kernelStatusOf(await readyAgentOn(cluster.kubectl, node));
    assert.equal(status.get("Uid"), `${uid}\t${uid}\t${uid}\t${uid}`);
    assert.equal(status.get("Gid"), `${gid}\t${gid}\t${gid}\t${gid}`);
    assert.equal(status.get("Groups"), "");
    assert.equal(status.get("CapEff"), NONE);
    assert.equal(status.get("CapPrm"), NONE);
    assert.equal(status.get("CapBnd"), SETGID_AND_SETUID);
    assert.equal(status.get("NoNewPrivs"), "1");
    assert.equal(status.get("Seccomp"), "2", "a filter");
    const mounts = (await readFile(`/proc/${pid}/mounts`, "utf8")).split("\n");
    const optionsOf = (path: string) =>
      mounts.map((line) => line.split(" ")).find(([, at]) => at === path)?.[3];
    assert.match(optionsOf("/") ?? "", /^ro,/);
    assert.match(optionsOf("/run/chrony") ?? "", /^rw,/);
    assert.match(optionsOf("/var/run/secrets/chrony-tracker") ?? "", /^ro,/);
  }
});

test("status works in the pod, whoever chronyd's user is", async () => {
  for (const node of NODES) {
    const { metadata } = await readyAgentOn(cluster.kubectl, node);
    const answer = await cluster.kubectl.try([
      "exec",
      "--namespace=chrony-tracker",
      metadata.name,
      "--",
      "chrony-tracker",
      "status",
      "--brief",
    ]);
    assert.equal(answer.code, 0, answer.stderr);
    assert.match(answer.stdout, /synchronised/);
  }
});

test("the collector runs as an ordinary user, without a capability", async () => {
  const { items } = await cluster.kubectl.get<{ items: Pod[] }>(
    "pods",
    "--namespace=chrony-tracker-collector",
  );
  assert.equal(items.length, 2);
  assert.equal(new Set(items.map(({ spec }) => spec.nodeName)).size, 2, "one on each node");
});

test("the collectors' namespace rejects pods with more privileges", async () => {
  const { code, stderr } = await cluster.kubectl.try([
    "run",
    "intruder",
    "--namespace=chrony-tracker-collector",
    `--image=${cluster.setup.images.collector}`,
  ]);
  assert.notEqual(code, 0);
  assert.match(stderr, /violates PodSecurity "restricted/);
});

test("a deleted pod ends by itself within 2 s, and the next one continues the same series", async () => {
  const old = await readyAgentOn(cluster.kubectl, "node-a");
  const earlier = await cluster.backend.query(errorOf("node-a"));
  const { kubernetes, cluster: access } = cluster.setup;
  const watch = startProcess({
    name: "kubectl get --watch",
    command: kubernetes.kubectl,
    args: [
      `--kubeconfig=${access.kubeconfig}`,
      "get",
      "pod",
      old.metadata.name,
      "--namespace=chrony-tracker",
      "--watch",
      '-o=jsonpath=exit code {.status.containerStatuses[0].state.terminated.exitCode}{"\\n"}',
    ],
  });
  await watch.waitForLine(/^exit code $/, 30_000);
  // After these 2 s kubelet would kill it, and the exit code would be 137.
  await cluster.kubectl(
    "delete",
    "pod",
    old.metadata.name,
    "--namespace=chrony-tracker",
    "--grace-period=2",
  );
  assert.equal(await watch.waitForLine(/^exit code \d+$/, 30_000), "exit code 0");
  await watch.stop();
  await readyAgentOn(cluster.kubectl, "node-a");
  await freshValueOf("node-a");
  const now = await cluster.backend.query(errorOf("node-a"));
  assert.deepEqual(
    now.map(({ labels }) => labels),
    earlier.map(({ labels }) => labels),
  );
});

test("a stopped chronyd is a state of the node, and not a reason to restart the agent", async () => {
  const pod = await readyAgentOn(cluster.kubectl, "node-a");
  await cluster.chronyd("node-a").kill();
  await cluster.backend.waitForQuery(
    'chrony_sync_state{instance="node-a",state="unreachable"} == 1',
  );
  await cluster.backend.waitForQuery('chrony_up{instance="node-a"} == 0');
  await waitFor(
    "the error to be withheld",
    async () => (await cluster.backend.query(errorOf("node-a"))).length === 0,
    30_000,
  );
  assert.equal((await fetch(`http://${pod.status.podIP}:9464/livez`)).status, 200);
  await cluster.chronyd("node-a").start();
  await freshValueOf("node-a");
  const same = await agentPodOn(cluster.kubectl, "node-a");
  assert.equal(same.metadata.uid, pod.metadata.uid);
  assert.equal(restartsOf(same), restartsOf(pod));
});

test("a new directory, and one with another owner, are used after one restart", async () => {
  const pods = {
    a: await readyAgentOn(cluster.kubectl, "node-a"),
    b: await readyAgentOn(cluster.kubectl, "node-b"),
  };
  await cluster.chronyd("node-a").stopAndRemoveDirectory();
  await cluster.chronyd("node-a").start();
  const owner = { uid: 100, gid: 101, mode: 0o770 };
  await cluster.replaceChronyd("node-b", owner);
  for (const [node, old] of [
    ["node-a", pods.a],
    ["node-b", pods.b],
  ] as const) {
    const pod = await waitFor(
      `the agent on ${node} to be restarted`,
      async () => {
        const now = await agentPodOn(cluster.kubectl, node);
        return restartsOf(now) === restartsOf(old) + 1 && now;
      },
      RESTART_MS,
    );
    assert.equal(pod.metadata.uid, old.metadata.uid);
    await freshValueOf(node);
  }
  const { status } = await kernelStatusOf(await readyAgentOn(cluster.kubectl, "node-b"));
  assert.equal(status.get("Uid"), "100\t100\t100\t100");
  assert.equal(
    restartsOf(await readyAgentOn(cluster.kubectl, "node-b")),
    restartsOf(pods.b) + 1,
    "once",
  );
});

test("a rollout of the collector loses at most one interval of a node", async () => {
  await freshValueOf("node-a");
  const start = Date.now() / 1000;
  await cluster.kubectl(
    "rollout",
    "restart",
    "deployment/chrony-tracker-collector",
    "--namespace=chrony-tracker-collector",
  );
  await rolledOut(cluster.kubectl, COLLECTOR);
  for (const node of NODES) {
    // Also a few pushes to the new collectors.
    await freshValueOf(node);
    const rolledOutSeconds = Date.now() / 1000;
    const times = await waitFor(
      `three samples of ${node} after the rollout`,
      async () => {
        const [series] = await cluster.backend.series(errorOf(node), start, Date.now() / 1000);
        const all = series?.samples.map(({ timestampSeconds }) => timestampSeconds) ?? [];
        return all.filter((time) => time > rolledOutSeconds).length >= 3 && all;
      },
      60_000,
    );
    const gaps = times.slice(1).map((time, index) => time - (times[index] ?? time));
    // Two intervals of 2 s, and half of one, because a poll can be anywhere between two pushes.
    assert.ok(
      Math.max(...gaps) <= 5,
      `${node}: gaps of ${gaps.map((gap) => gap.toFixed(1)).join(", ")} s`,
    );
  }
});

test("a node that is drained keeps its agent", async () => {
  const pod = await readyAgentOn(cluster.kubectl, "node-b");
  await cluster.kubectl(
    "drain",
    "node-b",
    "--ignore-daemonsets",
    "--delete-emptydir-data",
    "--timeout=120s",
  );
  await freshValueOf("node-b");
  const now = await agentPodOn(cluster.kubectl, "node-b");
  await cluster.kubectl("uncordon", "node-b");
  assert.equal(now.metadata.uid, pod.metadata.uid);
});

test("on a node without chronyd's directory the pod waits with a reason, and nothing creates the directory", async () => {
  await cluster.chronyd("node-b").stopAndRemoveDirectory();
  const old = await agentPodOn(cluster.kubectl, "node-b");
  await cluster.kubectl("delete", "pod", old.metadata.name, "--namespace=chrony-tracker");
  await waitFor(
    "the event",
    async () => {
      const events = await cluster.kubectl(
        "get",
        "events",
        "--namespace=chrony-tracker",
        "--field-selector=reason=FailedMount",
        "-o",
        "jsonpath={.items[*].message}",
      );
      return /\/run\/chrony is not a directory|hostPath type check failed/.test(events);
    },
    90_000,
  );
  const waiting = await agentPodOn(cluster.kubectl, "node-b");
  assert.equal(waiting.status.containerStatuses?.[0]?.state.waiting?.reason, "ContainerCreating");
  await cluster.chronyd("node-b").start();
  await readyAgentOn(cluster.kubectl, "node-b");
  await freshValueOf("node-b");
});
