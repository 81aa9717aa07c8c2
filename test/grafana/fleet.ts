import { type Agent, startAgent } from "../parts/agent.ts";
import { type Chronyd, startChronyd } from "../parts/chronyd.ts";
import { followerConfiguration } from "../parts/chronyd-configuration.ts";
import { CLUSTER, type Collector, startCollector } from "../parts/collector.ts";
import { freePort } from "../parts/free-port.ts";
import type { Owner } from "../parts/owner.ts";
import { scrapeConfig } from "../parts/path.ts";
import { type Prometheus, startPrometheus } from "../parts/prometheus.ts";
import { startTimeServer, type TimeServer } from "../parts/time-server.ts";

/** The cluster of the nodes that push. A collector belongs to one cluster. */
export const PUSHING_CLUSTER = CLUSTER;

/** The cluster of the nodes that are only scraped. */
export const SCRAPED_CLUSTER = "green";

/** A node of a fleet. */
export type NodeDescription = {
  readonly name: string;
  /** Whether its agent is pushed and scraped, or only scraped. */
  readonly ways: "push and pull" | "pull";
  /** Lines of its chrony.conf. Default: it follows the fleet's time server. */
  readonly configuration?: readonly string[];
};

/** A node: a chronyd and an agent. */
export type FleetNode = {
  readonly chronyd: Chronyd;
  readonly agent: Agent;
};

/** Several nodes of two clusters, with collector and Prometheus. */
export type Fleet = {
  readonly timeServer: TimeServer;
  readonly collector: Collector;
  readonly prometheus: Prometheus;
  /** A node by its name. */
  node(name: string): FleetNode;
};

/**
 * Starts a time server, Prometheus, the collector with the shipped configuration, and for each node a chronyd and an agent
 * with all reports, which polls twice a second, and pushes and is scraped once a second. The collector also sends its
 * own metrics once a second.
 *
 * @param ruleFiles paths of rule files for Prometheus
 */
export async function startFleet(
  owner: Owner,
  nodes: readonly NodeDescription[],
  ruleFiles: readonly string[] = [],
): Promise<Fleet> {
  const planned = await Promise.all(
    nodes.map(async (node) => ({ ...node, pullPort: await freePort() })),
  );
  const timeServer = await startTimeServer(owner);
  const prometheus = await startPrometheus(owner, {
    outOfOrderTimeWindow: "30m",
    ruleFiles,
    scrapeConfigs: [
      scrapeConfig(
        planned.map(({ name, ways, pullPort }) => ({
          node: name,
          port: pullPort,
          cluster: clusterOf(ways),
        })),
      ),
    ],
  });
  const collector = await startCollector(owner, {
    remoteWriteUrl: prometheus.remoteWriteUrl,
    environment: { OWN_METRICS_INTERVAL: "1000" },
  });

  const started = new Map<string, FleetNode>();
  for (const { name, ways, pullPort, configuration } of planned) {
    const chronyd = await startChronyd(owner, {
      configuration: configuration ?? followerConfiguration(timeServer.ntpPort),
    });
    await chronyd.waitUntilSynchronised();
    const agent = await startAgent(owner, {
      shiftableClock: true,
      environment: {
        CHRONY_ADDRESS: chronyd.address,
        CHRONY_METRICS: "tracking,sources,sourcestats,ntpdata,serverstats,activity",
        SLEEP_INTERVAL: "0.5",
        OTEL_METRICS_EXPORTER: ways === "pull" ? "prometheus" : "otlp,prometheus",
        OTEL_METRIC_EXPORT_INTERVAL: "1000",
        OTEL_EXPORTER_OTLP_ENDPOINT: collector.otlpUrl,
        OTEL_EXPORTER_PROMETHEUS_PORT: String(pullPort),
        OTEL_RESOURCE_ATTRIBUTES: `k8s.node.name=${name},k8s.namespace.name=chrony-tracker`,
      },
    });
    started.set(name, { chronyd, agent });
  }

  return {
    timeServer,
    collector,
    prometheus,
    node(name) {
      const node = started.get(name);
      if (node === undefined) {
        throw new Error(`${name} is none of the fleet's nodes: ${[...started.keys()].join(", ")}`);
      }
      return node;
    },
  };
}

function clusterOf(ways: NodeDescription["ways"]): string {
  return ways === "pull" ? SCRAPED_CLUSTER : PUSHING_CLUSTER;
}
