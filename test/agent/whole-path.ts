import { join } from "node:path";
import { type Agent, startAgent } from "../parts/agent.ts";
import { bringPrograms, progressToStandardError } from "../parts/bring.ts";
import { type Chronyd, startChronyd } from "../parts/chronyd.ts";
import { followerConfiguration, timeServerConfiguration } from "../parts/chronyd-configuration.ts";
import { type Collector, startCollector } from "../parts/collector.ts";
import { freePort, freeUdpPort } from "../parts/free-port.ts";
import {
  type InstantSample,
  type Prometheus,
  type PrometheusDescription,
  type Sample,
  startPrometheus,
} from "../parts/prometheus.ts";
import { scratchFolder } from "../parts/scratch-folder.ts";

export const NODE = "aks-pool-1";
export const CLUSTER = "blue";

/** Every real part, from a time server to Prometheus. */
export interface WholePath {
  /** The port of the time server that the follower follows. */
  readonly ntpPort: number;
  readonly follower: Chronyd;
  readonly agent: Agent;
  readonly collector: Collector;
  readonly prometheus: Prometheus;
  /** This node's series that match, by push or by pull, as an instant query shows them now. */
  samples(labels: Readonly<Record<string, string>>, way: Way): Promise<InstantSample[]>;
  /** The value of the first of them; `undefined` when Prometheus shows none. */
  value(
    name: string,
    way: Way,
    labels?: Readonly<Record<string, string>>,
  ): Promise<number | undefined>;
  /** Every sample of a metric of one series, each at its own time, of the last while. */
  history(name: string, way: Way): Promise<readonly Sample[]>;
  stop(): Promise<void>;
}

export type Way = "push" | "pull";

const JOBS: Readonly<Record<Way, string>> = {
  push: "chrony-tracker",
  pull: "chrony-tracker-pull",
};

/** Longer than any of these tests, and wide enough to find samples that landed at a wrong time. */
const HISTORY_SECONDS = 3 * 3600;

/**
 * Starts a time server, a chronyd that follows it and is 25 ms off, Prometheus, the collector with
 * the shipped configuration, and an agent that reads 5 times a second and pushes once a second.
 *
 * @param settings of the agent, beside or in place of these.
 * @param prometheusOptions what Prometheus does beside taking the agent's metrics.
 */
export async function startWholePath(
  settings: Readonly<Record<string, string>> = {},
  prometheusOptions: Pick<
    PrometheusDescription,
    "ruleFiles" | "evaluationInterval" | "scrapeConfigs"
  > = {},
): Promise<WholePath> {
  const programs = await bringPrograms(progressToStandardError);
  const folder = await scratchFolder("ct");
  const ntpPort = await freeUdpPort();
  const pullPort = await freePort();

  const server = await startChronyd({
    ...programs,
    folder: join(folder.path, "server"),
    configuration: timeServerConfiguration(ntpPort),
  });
  const follower = await startChronyd({
    ...programs,
    folder: join(folder.path, "node"),
    configuration: followerConfiguration(ntpPort, { offsetSeconds: 0.025 }),
  });
  const prometheus = await startPrometheus({
    prometheus: programs.prometheus,
    folder: join(folder.path, "prometheus"),
    ...prometheusOptions,
    scrapeConfigs: [
      ...(prometheusOptions.scrapeConfigs ?? []),
      {
        job_name: JOBS.pull,
        scrape_interval: "1s",
        static_configs: [
          {
            targets: [`127.0.0.1:${pullPort}`],
            labels: { cluster: CLUSTER, instance: NODE },
          },
        ],
      },
    ],
  });
  const collector = await startCollector({
    collector: programs.collector,
    folder: join(folder.path, "collector"),
    remoteWriteUrl: prometheus.remoteWriteUrl,
    clusterName: CLUSTER,
  });
  await follower.waitUntilSynchronised();
  const agent = await startAgent({
    shiftableClock: true,
    environment: {
      CHRONY_ADDRESS: follower.address,
      SLEEP_INTERVAL: "0.2",
      OTEL_METRIC_EXPORT_INTERVAL: "1000",
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.otlpUrl,
      OTEL_EXPORTER_PROMETHEUS_PORT: String(pullPort),
      OTEL_RESOURCE_ATTRIBUTES: `k8s.node.name=${NODE},k8s.namespace.name=chrony-tracker,k8s.pod.name=agent-x`,
      ...settings,
    },
  });

  const matcher = (labels: Readonly<Record<string, string>>, way: Way) => {
    const all = { ...labels, instance: NODE, job: JOBS[way] };
    return `{${Object.entries(all)
      .map(([label, text]) => `${label}="${text}"`)
      .join(",")}}`;
  };
  const samples: WholePath["samples"] = (labels, way) => prometheus.query(matcher(labels, way));
  return {
    ntpPort,
    follower,
    agent,
    collector,
    prometheus,
    samples,
    async value(name, way, labels = {}) {
      const [first] = await samples({ __name__: name, ...labels }, way);
      return first?.value;
    },
    async history(name, way) {
      const nowSeconds = Date.now() / 1000;
      const [series] = await prometheus.series(
        matcher({ __name__: name }, way),
        nowSeconds - HISTORY_SECONDS,
        nowSeconds + HISTORY_SECONDS,
      );
      return series?.samples ?? [];
    },
    async stop() {
      await agent.stop();
      await Promise.all([follower, server, collector, prometheus].map((part) => part.stop()));
      folder.remove();
    },
  };
}
