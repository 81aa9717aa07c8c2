// The generated Helm chart, with the real Helm and the real kustomize: its objects are those of the overlays, and Helm
// rejects invalid and missing values.

import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { parse, parseAllDocuments } from "yaml";
import { buildVariant, type KubernetesObject, WAYS, type Way } from "../../tools/chart/build.ts";
import { makeChart } from "../../tools/chart/make-chart.ts";
import { progressToStandardError } from "../parts/bring.ts";
import { type ScratchFolder, scratchFolder } from "../parts/scratch-folder.ts";
import { bringHelm } from "./parts/bring-helm.ts";
import { bringKubernetes } from "./parts/bring-kubernetes.ts";
import { type Helm, helmOf } from "./parts/helm.ts";
import { copyManifests } from "./parts/kustomize.ts";
import { type ManifestVariant, manifestVariants } from "./parts/variants.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** The values of both, by way. */
const COLLECTOR: Readonly<Record<Way, Readonly<Record<string, string>>>> = {
  azure: {
    CLUSTER_NAME: "blue",
    TOKEN_ISSUER_URL: "https://westeurope.oic.prod-aks.azure.com/tenant/cluster/",
    REMOTE_WRITE_URL: `https://chrony-ab12.westeurope-1.metrics.ingest.monitor.azure.com/dataCollectionRules/dcr-${"0".repeat(32)}/streams/Microsoft-PrometheusMetrics/api/v1/write?api-version=2023-04-24`,
    AZURE_CLIENT_ID: "0d9f6c1e-8a47-4c39-b1d0-2e5f7a9b3c02",
    AZURE_TENANT_ID: "7b1c0a52-4f5e-4b7e-9a55-6f1d2c3e4a01",
  },
  prometheus: {
    CLUSTER_NAME: "green",
    TOKEN_ISSUER_URL: "https://kubernetes.default.svc.cluster.local",
    REMOTE_WRITE_URL: "http://prometheus.monitoring.svc:9090/api/v1/write",
  },
  "pull-only": {},
};
const AGENT = { SLEEP_INTERVAL: "0.5", BACKLOG_MAX_BYTES: "10000000" };
const BACKEND =
  "exporters:\n  prometheus_remote_write:\n    http:\n      headers: {X-Tenant: blue}\n";
const PUBLIC_KEYS = '{"keys":[]}';

type Values = Readonly<Record<string, unknown>>;

/** The values of the chart for a variant. */
function valuesFor({ overlay, components }: ManifestVariant): Values {
  const way = WAYS.find((one) => overlay.startsWith(one));
  assert.ok(way !== undefined, `${overlay} is no way of the chart`);
  const monitor = overlay.slice(way.length);
  const chosen = [...components, ...(monitor === "" ? [] : [`agent-pod-monitor${monitor}`])];
  return {
    way,
    collector: COLLECTOR[way],
    agent: AGENT,
    components: Object.fromEntries(chosen.map((name) => [camelCase(name), true])),
    ...(way === "prometheus" ? { backend: parse(BACKEND) } : {}),
    ...(components.includes("public-keys-file") ? { publicKeys: PUBLIC_KEYS } : {}),
  };
}

function camelCase(name: string): string {
  return name.replaceAll(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
}

/** Whether a variant has a component that is a way in the chart. */
function isWay({ components }: ManifestVariant): boolean {
  return components.includes("pull-only");
}

describe("the Helm chart", () => {
  let kubectl: string;
  let helm: Helm;
  let scratch: ScratchFolder;
  let chart: string;

  before(async () => {
    ({ kubectl } = await bringKubernetes(progressToStandardError));
    scratch = await scratchFolder("chart-test");
    helm = helmOf(await bringHelm(progressToStandardError), scratch.path);
    await copyManifests(scratch);
    chart = join(scratch.path, "chart");
    await makeChart({ build: [kubectl, "kustomize"], manifests: ROOT, folder: chart });
    const overlays = join(scratch.path, "k8s/overlays");
    await writeFile(join(overlays, "azure/values.env"), lines(COLLECTOR.azure));
    await writeFile(join(overlays, "prometheus/collector.env"), lines(COLLECTOR.prometheus));
    await writeFile(join(overlays, "prometheus/backend.yaml"), BACKEND);
    for (const way of WAYS) {
      await writeFile(join(overlays, way, "agent.env"), lines(AGENT));
    }
  });
  after(() => scratch?.remove());

  const render = (values: Values, ...args: readonly string[]) =>
    helm(["template", "chrony-tracker", chart, "--values=-", ...args], values);

  async function rendered(values: Values, ...args: readonly string[]): Promise<KubernetesObject[]> {
    const { code, stdout, stderr } = await render(values, ...args);
    assert.equal(code, 0, stderr);
    return parseAllDocuments(stdout)
      .map((document): KubernetesObject | null => document.toJS())
      .filter((object) => object !== null);
  }

  async function namespacesWith(release: string): Promise<string[]> {
    const values = valuesFor({ overlay: "prometheus", components: [] });
    const objects = await rendered(values, `--namespace=${release}`);
    return objects.filter(({ kind }) => kind === "Namespace").map(({ metadata }) => metadata.name);
  }

  async function agentSettings(agent: Values): Promise<Readonly<Record<string, string>>> {
    const objects = await rendered({ way: "pull-only", agent });
    const settings = objects.find(({ metadata }) => metadata.name.endsWith("agent-settings"));
    return (settings as unknown as { data: Record<string, string> }).data;
  }

  for (const variant of manifestVariants().filter((one) => !isWay(one))) {
    const name = [variant.overlay, ...variant.components].join(" + ");
    test(`has the same objects as kustomize for ${name}`, async () => {
      const built = buildVariant(
        [kubectl, "kustomize"],
        scratch.path,
        variant.overlay,
        variant.components,
      );
      assert.deepEqual(normalised(await rendered(valuesFor(variant))), normalised(built));
    });
  }

  test("has every component, and its parameters as values", async () => {
    const objects = await rendered({
      ...valuesFor({
        overlay: "prometheus",
        components: ["run-as-user", "collector-from-nodes", "egress-proxy"],
      }),
      runAsUser: { user: 998, group: 996 },
      nodeRange: "10.9.0.0/16",
      proxyPorts: [3129],
    });
    const text = JSON.stringify(objects);
    assert.match(text, /"runAsGroup":996,"runAsNonRoot":true,"runAsUser":998/);
    assert.match(text, /"ipBlock":\{"cidr":"10\.9\.0\.0\/16"\}/);
    assert.match(text, /"egress":\[\{"ports":\[\{"port":3129,"protocol":"TCP"\}\]\}\]/);
  });

  test("makes the namespaces, except the release's own, which Helm needs before", async () => {
    assert.deepEqual(await namespacesWith("chrony-tracker"), ["chrony-tracker-collector"]);
    assert.deepEqual(await namespacesWith("chrony-tracker-collector"), ["chrony-tracker"]);
  });

  test("replaces only the pods whose settings change", async () => {
    const values = valuesFor({ overlay: "prometheus", components: [] });
    const podsOf = async (changed: Values) =>
      (await rendered({ ...values, ...changed }))
        .filter(({ kind }) => ["DaemonSet", "Deployment"].includes(kind))
        .map((object) => JSON.stringify(object));
    const [agent, collector] = await podsOf({});
    const [otherAgent, sameCollector] = await podsOf({ agent: { SLEEP_INTERVAL: 2 } });
    assert.notEqual(otherAgent, agent);
    assert.equal(sameCollector, collector);
    const [sameAgent, otherCollector] = await podsOf({ backend: {} });
    assert.equal(sameAgent, agent);
    assert.notEqual(otherCollector, collector);
  });

  test("keeps a setting of the manifests, unless a value replaces it", async () => {
    const name = "OTEL_EXPORTER_OTLP_ENDPOINT";
    assert.match((await agentSettings({ OTEL_LOG_LEVEL: "debug" }))[name] ?? "", /^http:.*:4318$/);
    const given = { [name]: "http://elsewhere:4318", BACKLOG_MAX_BYTES: 10_000_000 };
    assert.deepEqual(await agentSettings(given), { ...given, BACKLOG_MAX_BYTES: "10000000" });
  });

  const azure = valuesFor({ overlay: "azure", components: [] });
  const prometheus = valuesFor({ overlay: "prometheus", components: [] });
  for (const [what, values, complaint] of [
    ["no way of running", {}, /'\/way': value must be one of 'prometheus', 'azure', 'pull-only'/],
    ["an unknown way", { way: "push" }, /'\/way': value must be one of/],
    [
      "a misspelt value",
      { ...azure, colector: {} },
      /additional properties 'colector' not allowed/,
    ],
    [
      "a collector's setting that is missing",
      { way: "prometheus", collector: { CLUSTER_NAME: "blue" } },
      /'\/collector': missing properties 'REMOTE_WRITE_URL', 'TOKEN_ISSUER_URL'/,
    ],
    [
      "nothing of what azure wants",
      { way: "azure" },
      /'\/collector': missing properties 'CLUSTER_NAME', .*'AZURE_TENANT_ID'/,
    ],
    [
      "a client id that is none",
      { ...azure, collector: { ...COLLECTOR.azure, AZURE_CLIENT_ID: "chrony" } },
      /'\/collector\/AZURE_CLIENT_ID': 'chrony' does not match pattern/,
    ],
    [
      "a placeholder",
      { ...prometheus, collector: { ...COLLECTOR.prometheus, CLUSTER_NAME: "<cluster>" } },
      /'\/collector\/CLUSTER_NAME': '<cluster>' does not match pattern/,
    ],
    [
      "an address of the wrong kind",
      { ...azure, collector: { ...COLLECTOR.azure, REMOTE_WRITE_URL: "https://example.com" } },
      /'\/collector\/REMOTE_WRITE_URL': 'https:\/\/example\.com' does not match/,
    ],
    [
      "a misspelt setting of the collector",
      { ...prometheus, collector: { ...COLLECTOR.prometheus, HTTP_PROXY: "http://proxy:3128" } },
      /'\/collector': additional properties 'HTTP_PROXY' not allowed/,
    ],
    [
      "a misspelt setting of the agent",
      { way: "pull-only", agent: { SLEEP_INTERVALL: 1 } },
      /'\/agent': additional properties 'SLEEP_INTERVALL' not allowed/,
    ],
    [
      "a setting that is no number",
      { way: "pull-only", agent: { SLEEP_INTERVAL: "1s" } },
      /'\/agent\/SLEEP_INTERVAL': '1s' does not match pattern/,
    ],
    [
      "a setting that the DaemonSet gives itself, and that would change nothing",
      { way: "pull-only", agent: { OTEL_RESOURCE_ATTRIBUTES: "a=b" } },
      /additional properties 'OTEL_RESOURCE_ATTRIBUTES' not allowed/,
    ],
    [
      "an unknown component",
      { way: "pull-only", components: { tsl: true } },
      /'\/components': additional properties 'tsl' not allowed/,
    ],
    [
      "a component that is no yes or no",
      { ...azure, components: { tls: "yes" } },
      /'\/components\/tls': got string, want boolean/,
    ],
    [
      "a component of the collector without one",
      { way: "pull-only", components: { tls: true } },
      /'\/components\/tls': value must be false/,
    ],
    [
      "collector settings without a collector",
      { way: "pull-only", collector: { CLUSTER_NAME: "blue" } },
      /'\/collector': maxProperties: got 1, want 0/,
    ],
    ["an image without a name", { way: "pull-only", image: "" }, /'\/image': '' does not match/],
    [
      "keys that are missing",
      { ...prometheus, components: { publicKeysFile: true } },
      /'\/publicKeys': minLength: got 0, want 1/,
    ],
    [
      "root as the user",
      { way: "pull-only", runAsUser: { user: 0, group: 1 } },
      /'\/runAsUser\/user': minimum: got 0, want 1/,
    ],
    [
      "a port that is none",
      { ...azure, proxyPorts: [70_000] },
      /'\/proxyPorts\/0': maximum: got 70,?000, want 65,?535/,
    ],
  ] as const) {
    test(`is not rendered with ${what}, and Helm names the value`, async () => {
      const { code, stdout, stderr } = await render(values);
      assert.equal(code, 1, stdout.slice(0, 500));
      assert.equal(stdout, "");
      assert.match(stderr, complaint);
    });
  }

  test("prints after the installation how to see that it works", async () => {
    for (const way of WAYS) {
      const values = valuesFor({ overlay: way, components: [] });
      const { code, stdout, stderr } = await helm(
        ["install", "chrony-tracker", chart, "--dry-run=client", "--values=-"],
        values,
      );
      assert.equal(code, 0, stderr);
      const notes = stdout.slice(stdout.indexOf("NOTES:"));
      assert.match(notes, /rollout status daemonset\/chrony-tracker-agent/);
      assert.equal(notes.includes("deployment/chrony-tracker-collector"), way !== "pull-only");
      assert.match(notes, /count\(chrony_up/);
    }
  });

  test("passes Helm's linter", async () => {
    const { code, stdout, stderr } = await helm(
      ["lint", "--strict", chart, "--values=-"],
      valuesFor({ overlay: "azure", components: ["tls"] }),
    );
    assert.equal(code, 0, stdout + stderr);
  });
});

function lines(values: Readonly<Record<string, string>>): string {
  return Object.entries(values)
    .map((pair) => `${pair.join("=")}\n`)
    .join("");
}

/**
 * The objects in one order, and without the intended differences: the chart's checksums (kustomize has a hash in the
 * name of a ConfigMap instead), and the format of configuration in a ConfigMap.
 */
function normalised(objects: readonly KubernetesObject[]): Readonly<Record<string, unknown>> {
  const entries = objects.map((object): [string, unknown] => {
    const { apiVersion, kind, metadata } = object;
    return [`${apiVersion} ${kind} ${metadata.namespace ?? ""}/${metadata.name}`, plain(object)];
  });
  assert.equal(new Set(entries.map(([name]) => name)).size, entries.length, "an object twice");
  return Object.fromEntries(entries.toSorted(([one], [other]) => one.localeCompare(other)));
}

/** Without empty values and checksums; lists of named objects by their names. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) {
    const members = value.map(plain);
    return members.every(isNamed)
      ? members.toSorted((one, other) => nameOf(one).localeCompare(nameOf(other)))
      : members;
  }
  if (typeof value !== "object" || value === null) {
    return value;
  }
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => !key.startsWith("checksum/"))
      .map(([key, member]) => [key, key === "BACKEND" ? parse(member) : plain(member)])
      .filter(([, member]) => !isEmpty(member)),
  );
}

type Named = { readonly name?: string; readonly mountPath?: string };

function isNamed(value: unknown): value is Named {
  return typeof value === "object" && value !== null && ("name" in value || "mountPath" in value);
}

function nameOf({ name, mountPath }: Named): string {
  return mountPath ?? name ?? "";
}

function isEmpty(value: unknown): boolean {
  return value === null || (typeof value === "object" && Object.keys(value).length === 0);
}
