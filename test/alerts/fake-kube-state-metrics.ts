import { createServer } from "node:http";
import { freePort } from "../parts/free-port.ts";

/** Says of one cluster which nodes there are, as kube-state-metrics does. */
export interface FakeKubeStateMetrics {
  /** An entry of Prometheus' `scrape_configs`. */
  readonly scrapeConfig: object;
  stop(): Promise<void>;
}

/** Starts it. */
export async function startFakeKubeStateMetrics(
  cluster: string,
  nodes: readonly string[],
): Promise<FakeKubeStateMetrics> {
  const port = await freePort();
  const page = nodes.map(
    (node) =>
      `kube_node_info{node="${node}",os_image="Ubuntu 24.04.3 LTS",kernel_version="6.8.0",kubelet_version="v1.33.3",provider_id=""} 1\n`,
  );
  const server = createServer((_request, response) => {
    response.setHeader("content-type", "text/plain; version=0.0.4");
    response.end(page.join(""));
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  return {
    scrapeConfig: {
      job_name: "kube-state-metrics",
      scrape_interval: "1s",
      static_configs: [{ targets: [`127.0.0.1:${port}`], labels: { cluster } }],
    },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
