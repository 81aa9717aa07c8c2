// Every scrape configuration that is shipped or documented for a cluster, in a real Prometheus, with a real
// agent and a fake page with false labels. Labels of static targets replace those of service discovery,
// because Debian builds Prometheus without Kubernetes' service discovery.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import { METRICS } from "../../src/metrics/catalogue.ts";
import { isPlain } from "../../src/metrics/metric.ts";
import { startAgentBeside } from "../parts/agent.ts";
import { startChronyd } from "../parts/chronyd.ts";
import { localReferenceConfiguration } from "../parts/chronyd-configuration.ts";
import { endWith } from "../parts/owner.ts";
import { type Prometheus, startPrometheus } from "../parts/prometheus.ts";
import { suiteScope } from "../parts/suite-scope.ts";
import { waitFor } from "../parts/wait-for.ts";
import { scrapeInState } from "./scrape.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** The labels that a page can claim, and metrics of others that the rules and dashboards use. */
const CLAIMS =
  'k8s_node_name="victim",k8s_namespace_name="victim",instance="victim",job="victim",cluster="victim",' +
  'namespace="victim",pod="victim",container="victim",endpoint="victim",node="victim",exported_instance="victim"';
const FAKE_PAGE = `
chrony_clock_error_ms{${CLAIMS}} 0.001
chrony_up{${CLAIMS}} 1
chrony_sync_state{state="synchronised",${CLAIMS}} 1
kube_node_info{${CLAIMS}} 1
up{${CLAIMS}} 1
`;

/** A scrape configuration of Prometheus. */
type ScrapeConfig = Readonly<Record<string, unknown>> & { readonly job_name: string };

type PodMonitor = {
  readonly spec: {
    readonly sampleLimit: number;
    readonly podMetricsEndpoints: readonly {
      readonly relabelings: readonly Readonly<Record<string, unknown>>[];
      readonly metricRelabelings: readonly Readonly<Record<string, unknown>>[];
    }[];
  };
};

/** A PodMonitor as prometheus-operator writes it for Prometheus. */
async function fromPodMonitor(component: string): Promise<ScrapeConfig> {
  const file = `${ROOT}k8s/components/${component}/pod-monitor.yaml`;
  const { spec }: PodMonitor = parse(await readFile(file, "utf8"));
  const [endpoint] = spec.podMetricsEndpoints;
  assert.ok(endpoint !== undefined);
  // The operator's own rules come before those of the PodMonitor.
  const own = ["namespace", "pod", "container"].map((name) => ({
    source_labels: [
      `__meta_kubernetes_${name === "namespace" ? name : `pod_${name === "pod" ? "name" : "container_name"}`}`,
    ],
    target_label: name,
  }));
  return {
    job_name: `podMonitor/chrony-tracker/${component}`,
    sample_limit: spec.sampleLimit,
    relabel_configs: [
      ...own,
      { target_label: "endpoint", replacement: "metrics" },
      ...endpoint.relabelings.map(inPrometheusWords),
    ],
    metric_relabel_configs: endpoint.metricRelabelings.map(inPrometheusWords),
  };
}

function inPrometheusWords(
  relabeling: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(relabeling).map(([name, value]) => [
      name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      value,
    ]),
  );
}

async function fromConfigMap(): Promise<ScrapeConfig> {
  const file = `${ROOT}k8s/azure-scrape-configuration/config-map.yaml`;
  const { data }: { data: Record<string, string> } = parse(await readFile(file, "utf8"));
  return onlyConfig(data["prometheus-config"] ?? "");
}

async function fromGuide(): Promise<ScrapeConfig> {
  const text = await readFile(`${ROOT}docs/prometheus.md`, "utf8");
  const blocks = [...text.matchAll(/^```yaml\n(.*?)^```/gms)].map(([, block = ""]) => block);
  return onlyConfig(blocks.find((block) => block.includes("kubernetes_sd_configs:")) ?? "");
}

function onlyConfig(text: string): ScrapeConfig {
  const { scrape_configs: configs }: { scrape_configs: ScrapeConfig[] } = parse(text);
  const [config, ...others] = configs;
  assert.ok(config !== undefined && others.length === 0);
  const { kubernetes_sd_configs: discovery, ...rest } = config;
  assert.ok(discovery !== undefined);
  return rest;
}

const CONFIGURATIONS = {
  "the PodMonitor for prometheus-operator": () =>
    fromPodMonitor("agent-pod-monitor-prometheus-operator"),
  "the PodMonitor for Azure's add-on": () => fromPodMonitor("agent-pod-monitor-azure"),
  "the ConfigMap for Azure's add-on": fromConfigMap,
  "the scrape configuration of docs/prometheus.md": fromGuide,
};

const LABELS = new Set([
  "__name__",
  "cluster",
  "instance",
  "job",
  "k8s_namespace_name",
  "k8s_node_name",
  ...METRICS.flatMap((metric) => (isPlain(metric) ? [] : metric.labels)),
]);

describe("a page with false labels", () => {
  const scope = suiteScope();
  let prometheus: Prometheus;
  const jobs = new Map<string, string>();

  before(async () => {
    const fakePage = createServer((_request, response) => {
      response.setHeader("content-type", "text/plain; version=0.0.4").end(FAKE_PAGE);
    });
    await new Promise<void>((resolve) => {
      fakePage.listen(0, "127.0.0.1", resolve);
    });
    endWith(scope, () => {
      fakePage.closeAllConnections();
      fakePage.close();
    });
    const chronyd = await startChronyd(scope, { configuration: localReferenceConfiguration() });
    await chronyd.waitUntilAnswering();
    const agent = await startAgentBeside(scope, chronyd, {
      OTEL_RESOURCE_ATTRIBUTES: "k8s.node.name=honest,k8s.namespace.name=chrony-tracker",
    });
    await scrapeInState(agent, "local");

    const scrapeConfigs = await Promise.all(
      Object.entries(CONFIGURATIONS).map(async ([what, read], index) => {
        // In separate scrapes, because all of them set the same job.
        const namespace = `namespace-${index}`;
        jobs.set(what, namespace);
        const { job_name: job, ...config } = await read();
        return {
          ...config,
          job_name: `${job}-${index}`,
          scrape_interval: "1s",
          static_configs: [
            target(agent.pullUrl.replace("http://", ""), "honest", namespace),
            target(`127.0.0.1:${(fakePage.address() as AddressInfo).port}`, "liar", namespace),
          ],
        };
      }),
    );
    prometheus = await startPrometheus(scope, { scrapeConfigs });
  });

  for (const what of Object.keys(CONFIGURATIONS)) {
    test(`counts for its own node only, by ${what}`, async () => {
      const namespace = jobs.get(what);
      const selector = `k8s_namespace_name="${namespace}"`;
      const samples = await waitFor("both pages", async () => {
        const found = await prometheus.query(`{__name__=~"chrony_.+", ${selector}}`);
        const nodes = new Set(found.map(({ labels }) => labels["k8s_node_name"]));
        return nodes.size === 2 && found;
      });
      const nodes = new Set(samples.map(({ labels }) => labels["k8s_node_name"]));
      assert.deepEqual(nodes, new Set(["honest", "liar"]));
      for (const { labels } of samples) {
        assert.equal(labels["instance"], labels["k8s_node_name"]);
        assert.deepEqual(
          Object.keys(labels).filter((name) => !LABELS.has(name)),
          [],
        );
      }
      const ofLiar = samples.filter(({ labels }) => labels["k8s_node_name"] === "liar");
      assert.equal(ofLiar.length, 3);
    });
  }

  test("counts for no other node, and only with the agents' metrics", async () => {
    for (const label of [...LABELS, "node", "namespace", "pod", "container", "exported_instance"]) {
      assert.deepEqual(await prometheus.query(`{${label}="victim"}`), [], label);
    }
    assert.deepEqual(await prometheus.query("kube_node_info"), []);
  });
});

function target(address: string, node: string, namespace: string): object {
  return {
    targets: [address],
    labels: {
      __meta_kubernetes_namespace: namespace,
      __meta_kubernetes_pod_name: `chrony-tracker-agent-${node}`,
      __meta_kubernetes_pod_container_name: "agent",
      __meta_kubernetes_pod_container_port_name: "metrics",
      __meta_kubernetes_pod_label_app_kubernetes_io_name: "chrony-tracker-agent",
      __meta_kubernetes_pod_node_name: node,
    },
  };
}
