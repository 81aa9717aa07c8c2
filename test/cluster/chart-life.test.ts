/**
 * A Helm release in a real cluster, with the real Helm and the generated chart: installed, upgraded, rolled back,
 * removed. The issuer's keys are a file, so that nothing is fake.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { makeChart } from "../../tools/chart/make-chart.ts";
import { progressToStandardError } from "../parts/progress.ts";
import { waitFor } from "../parts/wait-for.ts";
import { bringHelm } from "./parts/bring-helm.ts";
import {
  AGENTS,
  CLUSTER_NAME,
  type ClusterWithChrony,
  COLLECTOR,
  rolledOut,
  startClusterWithChrony,
} from "./parts/cluster-with-agents.ts";
import { type Helm, helmOf } from "./parts/helm.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const RELEASE = "chrony-tracker";
const NAMESPACE = "--namespace=chrony-tracker";

let cluster: ClusterWithChrony;
let helm: Helm;
let chart: string;
let values: Readonly<Record<string, unknown>>;

before(async () => {
  cluster = await startClusterWithChrony();
  const { kubernetes, cluster: access, images } = cluster.setup;
  helm = helmOf(await bringHelm(progressToStandardError), cluster.folder, access.kubeconfig);
  chart = join(cluster.folder, "chart");
  await makeChart({ build: [kubernetes.kubectl, "kustomize"], manifests: ROOT, folder: chart });
  values = {
    way: "prometheus",
    image: images.agent,
    collectorImage: images.collector,
    collector: {
      CLUSTER_NAME,
      REMOTE_WRITE_URL: cluster.backend.remoteWriteUrl,
      TOKEN_ISSUER_URL: access.issuerUrl,
    },
    agent: { SLEEP_INTERVAL: 0.5, OTEL_METRIC_EXPORT_INTERVAL: 2000 },
    components: { publicKeysFile: true },
    publicKeys: await cluster.kubectl("get", "--raw", "/openid/v1/jwks"),
  };
});

after(async () => {
  await cluster?.stop();
});

async function ran(args: readonly string[], changed: object = {}): Promise<string> {
  const { code, stdout, stderr } = await helm([...args, NAMESPACE], { ...values, ...changed });
  assert.equal(code, 0, `helm ${args.join(" ")}: ${stderr}${stdout}`);
  return stdout;
}

/** Waits for a value of node-a in the backend that is made after now. */
async function freshValue(): Promise<void> {
  const from = Date.now() / 1000;
  await waitFor(
    "a new value of node-a",
    async () => {
      const [sample] = await cluster.backend.query(
        `timestamp(chrony_clock_error_ms{cluster="${CLUSTER_NAME}",instance="node-a"})`,
      );
      return sample !== undefined && sample.value > from;
    },
    120_000,
  );
}

/** A setting in the agents' pods. */
async function settingOf(name: string): Promise<string> {
  const path = `{.data.${name}}`;
  const settings = "configmap/chrony-tracker-agent-settings";
  return cluster.kubectl("get", settings, NAMESPACE, "-o", `jsonpath=${path}`);
}

/** The chart's objects in the cluster, of every kind. */
async function objectsOfOurs(): Promise<string[]> {
  const kinds = await cluster.kubectl("api-resources", "--verbs=list,delete", "-o", "name");
  const names = kinds
    .trim()
    .split("\n")
    // They are deleted by Kubernetes, some time after their subject.
    .filter((kind) => !kind.startsWith("events"));
  const all = await cluster.kubectl("get", names.join(","), "-A", "-o", "name");
  return all.split("\n").filter((name) => name.includes("chrony-tracker"));
}

test("an invalid value is reported in a sentence, and nothing is applied", async () => {
  const args = ["install", RELEASE, chart, "--create-namespace", NAMESPACE, "--values=-"];
  const { code, stderr } = await helm(args, { ...values, way: "push" });
  assert.notEqual(code, 0);
  assert.match(stderr, /'\/way': value must be one of/);
  assert.deepEqual(await objectsOfOurs(), []);
});

test("an installed release reports every node, and prints how to see it", async () => {
  const notes = await ran(["install", RELEASE, chart, "--create-namespace", "--values=-"]);
  assert.match(notes, /rollout status daemonset\/chrony-tracker-agent/);
  await rolledOut(cluster.kubectl, COLLECTOR, AGENTS);
  await freshValue();
});

test("an upgrade replaces the pods whose settings change, and a rollback restores the settings", async () => {
  await ran(["upgrade", RELEASE, chart, "--values=-"], {
    agent: { SLEEP_INTERVAL: 1, OTEL_METRIC_EXPORT_INTERVAL: 1000 },
  });
  await rolledOut(cluster.kubectl, AGENTS);
  assert.equal(await settingOf("SLEEP_INTERVAL"), "1");
  await freshValue();
  await ran(["rollback", RELEASE, "1"]);
  await rolledOut(cluster.kubectl, AGENTS);
  assert.equal(await settingOf("SLEEP_INTERVAL"), "0.5");
  await freshValue();
});

test("a removed release leaves only the namespace that Helm made, which one command removes", async () => {
  await ran(["uninstall", RELEASE, "--wait"]);
  const left = ["namespace/chrony-tracker"];
  await waitFor(
    "everything else to be gone",
    async () => (await objectsOfOurs()).join() === left.join(),
    120_000,
  );
  await cluster.kubectl("delete", "namespace", "chrony-tracker", "--wait");
  assert.deepEqual(await objectsOfOurs(), []);
});
