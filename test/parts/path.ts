import { type Agent, startAgent } from "./agent.ts";
import type { Chronyd } from "./chronyd.ts";
import { CLUSTER, type Collector, startCollector } from "./collector.ts";
import { startFollower } from "./follower.ts";
import { freePort } from "./free-port.ts";
import type { Owner } from "./owner.ts";
import { type InstantSample, type Prometheus, type Sample, startPrometheus } from "./prometheus.ts";

/** The node whose agent a path has, unless a test names another. */
export const NODE = "aks-pool-1";

/** How samples come to Prometheus: the agent pushes them, or Prometheus scrapes it. */
export type Way = "push" | "pull";

/** The label `job` of the samples that came this way. */
export const JOBS: Readonly<Record<Way, string>> = {
  push: "chrony-tracker",
  pull: "chrony-tracker-pull",
};

/** Longer than any test, and wide enough to find samples that landed at a wrong time. */
const HISTORY_SECONDS = 6 * 3600;

/** A whole path: from the clock to where its error is asked about. */
export type Path = {
  readonly chronyd: Chronyd;
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
};

/** What is not as usual on a path: parts that a test has started itself, and the agent's settings. */
export type PathOptions = {
  readonly chronyd?: Chronyd;
  readonly collector?: Collector;
  /** It scrapes the agent only if it was started with {@link scrapeConfig} of the agent's port. */
  readonly prometheus?: Prometheus;
  /** The name of the node; {@link NODE} when left out. */
  readonly node?: string;
  /** The agent's, in addition to the usual ones or in their place. */
  readonly settings?: Readonly<Record<string, string>>;
};

/**
 * Starts those parts of a path that are not given, and the agent: a chronyd that follows a healthy
 * time server and is 25 ms off, Prometheus, the collector with the shipped configuration. The agent
 * asks chronyd five times a second, pushes once a second and is scraped as often.
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
  /** The label `cluster`; {@link CLUSTER} when left out. */
  readonly cluster?: string;
};

/** An entry of `scrape_configs` by which Prometheus scrapes these agents once a second. */
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
