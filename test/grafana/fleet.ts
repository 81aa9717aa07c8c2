import { join } from "node:path";
import { type Agent, startAgent } from "../parts/agent.ts";
import { bringPrograms, progressToStandardError } from "../parts/bring.ts";
import { type Chronyd, startChronyd } from "../parts/chronyd.ts";
import { followerConfiguration, timeServerConfiguration } from "../parts/chronyd-configuration.ts";
import { type Collector, startCollector } from "../parts/collector.ts";
import { freePort, freeUdpPort } from "../parts/free-port.ts";
import { type Prometheus, startPrometheus } from "../parts/prometheus.ts";
import { scratchFolder } from "../parts/scratch-folder.ts";

/** The cluster of the nodes that push. One collector speaks for one cluster. */
export const PUSHING_CLUSTER = "blue";

/** The cluster of the nodes that are only scraped. */
export const SCRAPED_CLUSTER = "green";

/** What a node of a fleet is like. */
export interface NodeDescription {
  readonly name: string;
  /** Whether its agent is pushed and scraped, or only scraped. */
  readonly ways: "push and pull" | "pull";
  /** Lines of its chrony.conf; it follows the fleet's time server when left out. */
  readonly configuration?: readonly string[];
}

/** A node: a chronyd and an agent. */
export interface FleetNode {
  readonly chronyd: Chronyd;
  readonly agent: Agent;
}

/** Several nodes of two clusters, and all that they report to. */
export interface Fleet {
  /** Its port is where a node's own configuration can find the time. */
  readonly ntpPort: number;
  readonly timeServer: Chronyd;
  readonly collector: Collector;
  readonly prometheus: Prometheus;
  /** A node by its name. */
  node(name: string): FleetNode;
  /** Starts Prometheus again after it was stopped, at the same address and with what it held. */
  restartPrometheus(): Promise<Prometheus>;
  stop(): Promise<void>;
}

/**
 * Starts a time server, Prometheus, the collector with the shipped configuration, and for each node a
 * chronyd and an agent with every report, which reads twice and pushes and is scraped once a second.
 * The collector sends its own metrics once a second, too.
 *
 * @param ruleFiles paths of rule files for Prometheus
 */
export async function startFleet(
  nodes: readonly NodeDescription[],
  ruleFiles: readonly string[] = [],
): Promise<Fleet> {
  const programs = await bringPrograms(progressToStandardError);
  const folder = await scratchFolder("ct");
  const ntpPort = await freeUdpPort();
  const prometheusPort = await freePort();
  const planned = await Promise.all(
    nodes.map(async (node) => ({ ...node, pullPort: await freePort() })),
  );

  const timeServer = await startChronyd({
    ...programs,
    folder: join(folder.path, "server"),
    configuration: timeServerConfiguration(ntpPort),
  });
  const prometheusDescription = {
    prometheus: programs.prometheus,
    folder: join(folder.path, "prometheus"),
    port: prometheusPort,
    outOfOrderTimeWindow: "30m",
    ruleFiles,
    scrapeConfigs: [
      {
        job_name: "chrony-tracker-pull",
        scrape_interval: "1s",
        static_configs: planned.map(({ name, ways, pullPort }) => ({
          targets: [`127.0.0.1:${pullPort}`],
          labels: { cluster: clusterOf(ways), instance: name },
        })),
      },
    ],
  };
  let prometheus = await startPrometheus(prometheusDescription);
  const collector = await startCollector({
    collector: programs.collector,
    folder: join(folder.path, "collector"),
    remoteWriteUrl: prometheus.remoteWriteUrl,
    clusterName: PUSHING_CLUSTER,
    environment: { OWN_METRICS_INTERVAL: "1000" },
  });

  const started = new Map<string, FleetNode>();
  for (const { name, ways, pullPort, configuration } of planned) {
    const chronyd = await startChronyd({
      ...programs,
      folder: join(folder.path, name),
      configuration: configuration ?? followerConfiguration(ntpPort),
    });
    await chronyd.waitUntilSynchronised();
    const agent = await startAgent({
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
    ntpPort,
    timeServer,
    collector,
    get prometheus() {
      return prometheus;
    },
    node(name) {
      const node = started.get(name);
      if (node === undefined) {
        throw new Error(`${name} is none of the fleet's nodes: ${[...started.keys()].join(", ")}`);
      }
      return node;
    },
    async restartPrometheus() {
      prometheus = await startPrometheus(prometheusDescription);
      return prometheus;
    },
    async stop() {
      const parts = [...started.values()].flatMap(({ agent, chronyd }) => [agent, chronyd]);
      await Promise.all([...parts, timeServer, collector, prometheus].map((part) => part.stop()));
      folder.remove();
    },
  };
}

function clusterOf(ways: NodeDescription["ways"]): string {
  return ways === "pull" ? SCRAPED_CLUSTER : PUSHING_CLUSTER;
}
