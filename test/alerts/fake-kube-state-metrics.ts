import { createServer } from "node:http";
import { listen } from "../parts/listen.ts";
import type { Owner } from "../parts/owner.ts";

/** Serves the nodes of one cluster, as kube-state-metrics does. */
export type FakeKubeStateMetrics = {
  /** An entry of Prometheus' `scrape_configs`. */
  readonly scrapeConfig: object;
};

/** Starts it. */
export async function startFakeKubeStateMetrics(
  owner: Owner,
  cluster: string,
  nodes: readonly string[],
): Promise<FakeKubeStateMetrics> {
  const page = nodes.map(
    (node) =>
      `kube_node_info{node="${node}",os_image="Ubuntu 24.04.3 LTS",kernel_version="6.8.0",kubelet_version="v1.33.3",provider_id=""} 1\n`,
  );
  const server = createServer((_request, response) => {
    response.setHeader("content-type", "text/plain; version=0.0.4");
    response.end(page.join(""));
  });
  const { port } = await listen(owner, server);
  return {
    scrapeConfig: {
      job_name: "kube-state-metrics",
      scrape_interval: "1s",
      static_configs: [{ targets: [`127.0.0.1:${port}`], labels: { cluster } }],
    },
  };
}
