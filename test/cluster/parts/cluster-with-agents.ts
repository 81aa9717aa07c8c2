import { Scope } from "../../parts/owner.ts";
import { folderOf } from "../../parts/scratch-folder.ts";
import { type Backend, startBackend } from "./backend.ts";
import { type Installation, prepareInstallation } from "./installation.ts";
import { type Kubectl, kubectlOf } from "./kubectl.ts";
import { type Machine, machineOf } from "./machine.ts";
import { type ChronydOwner, type NodeChronyd, startNodeChronyd } from "./node-chronyd.ts";
import { startNodeTimeServer } from "./node-time.ts";
import { makeIssuerPublic, TRUST_CLUSTER } from "./public-issuer.ts";
import { type TestSetup, testSetup } from "./test-setup.ts";

/** The label `cluster` of every series. */
export const CLUSTER_NAME = "blue";

/** Short intervals of polls and pushes, so that tests do not wait. */
const QUICK = { SLEEP_INTERVAL: "0.5", OTEL_METRIC_EXPORT_INTERVAL: "2000" };

/** The users of chronyd on the two nodes. They differ, as in a cluster with two node images. */
export const OWNERS = {
  "node-a": { uid: 998, gid: 996, mode: 0o750 },
  "node-b": { uid: 123, gid: 131, mode: 0o700 },
} as const satisfies Record<string, ChronydOwner>;

export type NodeName = keyof typeof OWNERS;

/** The test's cluster, with chronyd on its nodes and a backend. */
export type ClusterWithChrony = {
  readonly setup: TestSetup;
  readonly kubectl: Kubectl;
  readonly backend: Backend;
  /** A folder for the test's files. */
  readonly folder: string;
  machine(node: NodeName): Machine;
  chronyd(node: NodeName): NodeChronyd;
  /** Restarts the chronyd of a node with another user. */
  replaceChronyd(node: NodeName, owner: ChronydOwner): Promise<void>;
  stop(): Promise<void>;
};

/** @param scrapeConfigs the backend's entries of `scrape_configs` */
export async function startClusterWithChrony(
  scrapeConfigs: readonly object[] = [],
): Promise<ClusterWithChrony> {
  const setup = testSetup();
  const scope = new Scope();
  const folder = await folderOf(scope);
  const kubectl = kubectlOf(setup.kubernetes.kubectl, setup.cluster.kubeconfig);
  const timeServer = await startNodeTimeServer(scope);
  const machines = new Map(setup.cluster.nodes.map((node) => [node.name, machineOf(node)]));
  const machine = (node: NodeName) => found(machines.get(node), node);
  const start = (node: NodeName, owner: ChronydOwner) =>
    startNodeChronyd({
      machine: machine(node),
      chronyd: setup.programs.chronyd,
      chronyc: setup.programs.chronyc,
      owner,
      configuration: timeServer.followerConfiguration,
    });
  const chronyds = new Map<NodeName, NodeChronyd>([
    ["node-a", await start("node-a", OWNERS["node-a"])],
    ["node-b", await start("node-b", OWNERS["node-b"])],
  ]);
  const chronyd = (node: NodeName) => found(chronyds.get(node), node);
  const backend = await startBackend(scope, setup, scrapeConfigs);
  await makeIssuerPublic(kubectl);
  return {
    setup,
    kubectl,
    backend,
    folder,
    machine,
    chronyd,
    async replaceChronyd(node, owner) {
      await chronyd(node).stopAndRemoveDirectory();
      chronyds.set(node, await start(node, owner));
    },
    async stop() {
      await Promise.all([...chronyds.values()].map((one) => one.stopAndRemoveDirectory()));
      await scope.end();
    },
  };
}

/**
 * The overlay `prometheus`, filled in for the test's backend.
 *
 * @param more.issuerIsTrusted whether a patch makes the issuer public, as on AKS; the default
 */
export function prometheusOverlay(
  cluster: ClusterWithChrony,
  more: {
    readonly components?: readonly string[];
    readonly files?: Readonly<Record<string, string>>;
    readonly testPatches?: readonly string[];
    readonly issuerIsTrusted?: boolean;
  } = {},
): Promise<Installation> {
  const { testPatches = [], issuerIsTrusted = true, ...components } = more;
  return prepareInstallation({
    setup: cluster.setup,
    overlay: "prometheus",
    values: {
      "collector.env": {
        CLUSTER_NAME,
        REMOTE_WRITE_URL: cluster.backend.remoteWriteUrl,
        TOKEN_ISSUER_URL: cluster.setup.cluster.issuerUrl,
      },
      "agent.env": QUICK,
    },
    testPatches: [...(issuerIsTrusted ? [TRUST_CLUSTER] : []), ...testPatches],
    ...components,
  });
}

/** A cluster with the overlay `prometheus`. Its `stop` removes the overlay first. */
export async function startClusterWithAgents(): Promise<ClusterWithChrony> {
  const cluster = await startClusterWithChrony();
  const installation = await prometheusOverlay(cluster);
  await installation.apply();
  await rolledOut(cluster.kubectl, COLLECTOR, AGENTS);
  return {
    ...cluster,
    async stop() {
      await installation.remove();
      await cluster.stop();
    },
  };
}

/** Waits until the agents, and the collector if there is one, are rolled out. */
export async function rolledOut(kubectl: Kubectl, ...objects: readonly string[]): Promise<void> {
  for (const object of objects) {
    const [namespace = "", name = ""] = object.split(":");
    await kubectl("rollout", "status", name, `--namespace=${namespace}`, "--timeout=110s");
  }
}

export const AGENTS = "chrony-tracker:daemonset/chrony-tracker-agent";
export const COLLECTOR = "chrony-tracker-collector:deployment/chrony-tracker-collector";

function found<T>(value: T | undefined, name: string): T {
  if (value === undefined) {
    throw new Error(`the test cluster has no ${name}`);
  }
  return value;
}
