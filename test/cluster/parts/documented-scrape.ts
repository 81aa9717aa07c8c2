import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import { readyAgentOn } from "./agent-pods.ts";
import type { Kubectl } from "./kubectl.ts";

const GUIDE = fileURLToPath(new URL("../../../docs/prometheus.md", import.meta.url));

type ScrapeConfiguration = {
  readonly scrape_configs: readonly Readonly<Record<string, unknown>>[];
};

/**
 * The scrape configuration for a cluster in docs/prometheus.md, with targets from a file in place of Kubernetes' service
 * discovery, because Debian builds Prometheus without that.
 *
 * @param targetsFile see {@link writeTargets}
 */
export async function documentedScrapeConfiguration(targetsFile: string): Promise<object[]> {
  const text = await readFile(GUIDE, "utf8");
  const blocks = [...text.matchAll(/^```yaml\n(.*?)^```/gms)].map(([, block = ""]) => block);
  const block = blocks.find((one) => one.includes("kubernetes_sd_configs:"));
  if (block === undefined) {
    throw new Error("docs/prometheus.md has no scrape configuration with kubernetes_sd_configs.");
  }
  const { scrape_configs: configurations }: ScrapeConfiguration = parse(block);
  const byFile = { files: [targetsFile], refresh_interval: "1s" };
  return configurations.map((configuration) => ({
    job_name: configuration["job_name"],
    relabel_configs: configuration["relabel_configs"],
    metric_relabel_configs: configuration["metric_relabel_configs"],
    scrape_interval: "1s",
    file_sd_configs: [byFile],
  }));
}

/** Writes the labels that service discovery would give for the agents on some nodes. */
export async function writeTargets(
  kubectl: Kubectl,
  targetsFile: string,
  nodes: readonly string[],
): Promise<void> {
  const pods = await Promise.all(nodes.map((node) => readyAgentOn(kubectl, node)));
  const targets = pods.map((pod) => ({
    targets: [`${pod.status.podIP}:9464`],
    labels: {
      __meta_kubernetes_pod_label_app_kubernetes_io_name: "chrony-tracker-agent",
      __meta_kubernetes_pod_container_port_name: "metrics",
      __meta_kubernetes_pod_node_name: pod.spec.nodeName,
      __meta_kubernetes_namespace: "chrony-tracker",
    },
  }));
  await writeFile(targetsFile, JSON.stringify(targets));
}
