/** The running parts of the demo: the same real programs as in the tests. */
import { type Agent, startAgent } from "../test/parts/agent.ts";
import type { Progress } from "../test/parts/bring.ts";
import { type Chronyd, startChronyd } from "../test/parts/chronyd.ts";
import { followerConfiguration } from "../test/parts/chronyd-configuration.ts";
import { type Collector, startCollector } from "../test/parts/collector.ts";
import { freePort } from "../test/parts/free-port.ts";
import { Scope } from "../test/parts/owner.ts";
import { scrapeConfig } from "../test/parts/path.ts";
import { type Prometheus, startPrometheus } from "../test/parts/prometheus.ts";
import { startTimeServer, type TimeServer } from "../test/parts/time-server.ts";
import { orAborted } from "./interruption.ts";
import { PartWatch } from "./part-watch.ts";
import { JOBS, NODE_NAME } from "./series.ts";

const CLUSTER_NAME = "demo";
const NAMESPACE_NAME = "chrony-tracker";

/** Between two polls of chronyd by the agent. */
export const POLL_INTERVAL_MS = 500;

/** Between two pushes, and between two scrapes. */
export const EXPORT_INTERVAL_MS = 1_000;

const STARTING_MS = 20_000;
const REQUEST_MS = 5_000;

/** The running demo. */
export type Parts = {
  /** The chronyd that serves time. */
  readonly timeServer: TimeServer;
  /** The node's chronyd, which follows it. */
  readonly follower: Chronyd;
  readonly agent: Agent;
  readonly prometheus: Prometheus;
  /** Aborts when a part ends unexpectedly. The reason says which. */
  readonly ended: AbortSignal;
  stopTimeServer(): Promise<void>;
  stopFollower(): Promise<void>;
  /** Starts both chronyds again, whether they run or not. */
  restartChronyds(): Promise<void>;
  /** Ends all parts and removes their folder. */
  stop(): Promise<void>;
};

/** The programs, as they were started. */
type Programs = Pick<Parts, "timeServer" | "follower" | "agent" | "prometheus"> & {
  readonly collector: Collector;
};

/**
 * Starts all parts, and waits until the node's chronyd is synchronised, the agent is ready, and Prometheus has
 * scraped it.
 * @throws when a part does not start, or when it is interrupted; all parts are stopped then
 */
export async function startParts(report: Progress, interrupted: AbortSignal): Promise<Parts> {
  const scope = new Scope();
  try {
    const programs = await startPrograms(scope, report, interrupted);
    return { ...watched(programs), stop: () => scope.end() };
  } catch (error) {
    await scope.end();
    throw error;
  }
}

async function startPrograms(
  scope: Scope,
  report: Progress,
  interrupted: AbortSignal,
): Promise<Programs> {
  const start = async <Part>(name: string, starting: () => Promise<Part>): Promise<Part> => {
    // Not interrupted while a part starts, because it could not be stopped then.
    interrupted.throwIfAborted();
    report(`starting ${name}`);
    return await starting();
  };
  const pullPort = await freePort();
  const timeServer = await start("a chronyd that serves time", () => startTimeServer(scope));
  const follower = await start("a chronyd that follows it", () =>
    startChronyd(scope, {
      name: "node",
      configuration: followerConfiguration(timeServer.ntpPort, { polling: "normal" }),
    }),
  );
  const scraped = { node: NODE_NAME, port: pullPort, cluster: CLUSTER_NAME };
  const prometheus = await start("Prometheus", () =>
    startPrometheus(scope, { scrapeConfigs: [scrapeConfig([scraped])] }),
  );
  const collector = await start("the OpenTelemetry Collector", () =>
    startCollector(scope, {
      remoteWriteUrl: prometheus.remoteWriteUrl,
      clusterName: CLUSTER_NAME,
    }),
  );
  // So that the agent's first poll finds a synchronised clock.
  await orAborted(follower.waitUntilSynchronised(), interrupted);
  const agent = await start("the agent", () =>
    startAgent(scope, {
      environment: {
        CHRONY_ADDRESS: follower.address,
        SLEEP_INTERVAL: String(POLL_INTERVAL_MS / 1_000),
        OTEL_METRIC_EXPORT_INTERVAL: String(EXPORT_INTERVAL_MS),
        OTEL_EXPORTER_OTLP_ENDPOINT: collector.otlpUrl,
        OTEL_EXPORTER_PROMETHEUS_PORT: String(pullPort),
        OTEL_RESOURCE_ATTRIBUTES: `k8s.node.name=${NODE_NAME},k8s.namespace.name=${NAMESPACE_NAME}`,
      },
    }),
  );
  await orAborted(waitUntilReady(agent), interrupted);
  report("waiting for Prometheus to scrape the agent");
  await orAborted(waitUntilScraped(prometheus), interrupted);
  return { timeServer, follower, prometheus, collector, agent };
}

/** The programs, with what stops and restarts them. Notices from now on when one ends unexpectedly. */
function watched(programs: Programs): Omit<Parts, "stop"> {
  const { timeServer, follower, prometheus, collector, agent } = programs;
  const watch = new PartWatch();
  const watchChronyds = () => {
    watch.watch("The chronyd that serves time", timeServer.process);
    watch.watch("The node's chronyd", follower.process);
  };
  const stopWatched = async (part: Chronyd) => {
    watch.dismiss(part.process);
    await part.stop();
  };
  watchChronyds();
  watch.watch("Prometheus", prometheus.process);
  watch.watch("The collector", collector.process);
  watch.watch("The agent", agent.process);
  return {
    timeServer,
    follower,
    agent,
    prometheus,
    ended: watch.signal,
    stopTimeServer: () => stopWatched(timeServer),
    stopFollower: () => stopWatched(follower),
    async restartChronyds() {
      await Promise.all([stopWatched(timeServer), stopWatched(follower)]);
      timeServer.clock.setOffset(0);
      await timeServer.restart();
      await timeServer.waitUntilAnswering();
      await follower.restart();
      watchChronyds();
    },
  };
}

async function waitUntilReady(agent: Agent): Promise<void> {
  await agent.process.waitUntil(
    "the agent to be ready",
    async () => {
      const response = await fetch(`${agent.pullUrl}/readyz`, {
        signal: AbortSignal.timeout(REQUEST_MS),
      });
      const body = await response.text();
      return response.ok || Promise.reject(new Error(body));
    },
    STARTING_MS,
  );
}

/** Prometheus begins to scrape up to 5 s after its start. */
async function waitUntilScraped(prometheus: Prometheus): Promise<void> {
  await prometheus.process.waitUntil(
    "Prometheus to scrape the agent",
    async () => (await prometheus.query(`up{job="${JOBS.pull}"} == 1`)).length > 0,
    STARTING_MS,
  );
}
