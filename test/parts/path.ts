import { type Agent, startAgent } from "./agent.ts";
import type { Chronyd } from "./chronyd.ts";
import { CLUSTER, type Collector, startCollector } from "./collector.ts";
import { startFollower } from "./follower.ts";
import { freePort } from "./free-port.ts";
import type { Owner } from "./owner.ts";
import { type InstantSample, type Prometheus, type Sample, startPrometheus } from "./prometheus.ts";

/** The default name of a path's node. */
export const NODE = "aks-pool-1";

/** The way of samples to Prometheus: the agent pushes them, or Prometheus scrapes it. */
export type Way = "push" | "pull";

/** The label `job` of each way. */
export const JOBS: Readonly<Record<Way, string>> = {
  push: "chrony-tracker",
  pull: "chrony-tracker-pull",
};

/** Longer than any test, and long enough to find samples with a wrong time. */
const HISTORY_SECONDS = 6 * 3600;

/** A whole path, from the clock to PromQL. */
export type Path = {
  readonly chronyd: Chronyd;
  readonly agent: Agent;
  readonly collector: Collector;
  readonly prometheus: Prometheus;
  /** An instant query of this node's series, by push or by pull. */
  samples(labels: Readonly<Record<string, string>>, way: Way): Promise<InstantSample[]>;
  /** The value of the first series of such a query; `undefined` when there is none. */
  value(
    name: string,
    way: Way,
    labels?: Readonly<Record<string, string>>,
  ): Promise<number | undefined>;
  /** All samples of a metric with one series, each at its own time. */
  history(name: string, way: Way): Promise<readonly Sample[]>;
};

/** The differences from the usual path: parts that a test has started itself, and the agent's settings. */
export type PathOptions = {
  readonly chronyd?: Chronyd;
  readonly collector?: Collector;
  /** It scrapes the agent only if it was started with a {@link scrapeConfig} of the agent's port. */
  readonly prometheus?: Prometheus;
  /** The name of the node. Default: {@link NODE}. */
  readonly node?: string;
  /** The agent's settings, which replace or extend the usual ones. */
  readonly settings?: Readonly<Record<string, string>>;
};

/**
 * Starts the agent and the parts that are not given: a chronyd that follows a healthy time server and is 25 ms off,
 * Prometheus, and the collector with the shipped configuration. The agent polls chronyd five times a second, and pushes
 * and is scraped once a second.
 */
export async function startPath(owner: Owner, options: PathOptions = {}): Promise<Path> {
  const { node = NODE, settings = {} } = options;
  const pullPort = settings["OTEL_EXPORTER_PROMETHEUS_PORT"] ?? String(await freePort());
  const chronyd = options.chronyd ?? (await startFollower(owner, { offsetSeconds: 0.025 }));
  const prometheus =
    options.prometheus ??
    (await startPrometheus(owner, { scrapeConfigs: [scrapeConfig([{ node, port: pullPort }])] }));
  const collector =
    options.collector ??
    (await startCollector(owner, { remoteWriteUrl: prometheus.remoteWriteUrl }));
  const agent = await startAgent(owner, {
    shiftableClock: true,
    environment: {
      CHRONY_ADDRESS: chronyd.address,
      SLEEP_INTERVAL: "0.2",
      OTEL_METRIC_EXPORT_INTERVAL: "1000",
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.otlpUrl,
      OTEL_EXPORTER_PROMETHEUS_PORT: pullPort,
      OTEL_RESOURCE_ATTRIBUTES: `k8s.node.name=${node},k8s.namespace.name=chrony-tracker,k8s.pod.name=agent-x`,
      ...settings,
    },
  });

  const matcher = (labels: Readonly<Record<string, string>>, way: Way) => {
    const all = { ...labels, instance: node, job: JOBS[way] };
    return `{${Object.entries(all)
      .map(([label, text]) => `${label}="${text}"`)
      .join(",")}}`;
  };
  const samples: Path["samples"] = (labels, way) => prometheus.query(matcher(labels, way));
  return {
    chronyd,
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
  };
}

/** An agent that Prometheus scrapes. */
export type ScrapeTarget = {
  readonly node: string;
  /** Its port at 127.0.0.1. */
  readonly port: number | string;
  /** The label `cluster`. Default: {@link CLUSTER}. */
  readonly cluster?: string;
};

/** An entry of `scrape_configs` for these agents, with a scrape once a second. */
export function scrapeConfig(targets: readonly ScrapeTarget[]): object {
  return {
    job_name: JOBS.pull,
    scrape_interval: "1s",
    static_configs: targets.map(({ node, port, cluster = CLUSTER }) => ({
      targets: [`127.0.0.1:${port}`],
      labels: { cluster, instance: node },
    })),
  };
}
