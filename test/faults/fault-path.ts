import assert from "node:assert/strict";
import { appendFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { type Agent, startAgent } from "../parts/agent.ts";
import { bringPrograms, type Programs, progressToStandardError } from "../parts/bring.ts";
import { type Chronyd, startChronyd } from "../parts/chronyd.ts";
import { followerConfiguration, timeServerConfiguration } from "../parts/chronyd-configuration.ts";
import {
  type Collector,
  prometheusConfigurationFiles,
  startCollector,
} from "../parts/collector.ts";
import { freePort, freeUdpPort } from "../parts/free-port.ts";
import { type Prometheus, startPrometheus } from "../parts/prometheus.ts";
import { scratchFolder } from "../parts/scratch-folder.ts";
import { waitFor } from "../parts/wait-for.ts";
import { type Collection, collectionsOf } from "./collections.ts";
import { type FakeNetwork, startFakeNetwork } from "./fake-network.ts";
import { type FaultyBackend, startFaultyBackend } from "./faulty-backend.ts";
import { checkEverySample, type Falsehood, type Period } from "./no-false-value.ts";
import { type Hole, holesIn } from "./nothing-missing.ts";
import { hasEnded, type Reading, readingsOf } from "./readings.ts";

/** One second stands for the 30 s of production: a fault of 10 minutes lasts 20 s here. */
export const INTERVAL_MS = 1000;
const NODE = "aks-pool-1";
const SAMPLES = `{job="chrony-tracker",instance="${NODE}"}`;
/** The agent's own: 60 s, as two intervals are shorter. */
const PEAK_WIDTH_MS = 60_000;
/** Wide enough for samples of a clock that is a day off. */
const HISTORY_SECONDS = 3 * 86_400;
/** What waited is there this long after the fault at the latest, in the slowest of machines. */
const RECOVERY_MS = 90_000;

const compressedTimes = fileURLToPath(new URL("compressed-times.yaml", import.meta.url));

/** What a scenario needs that others do not. */
export interface FaultPathOptions {
  /** The agent's further settings. */
  readonly agent?: Readonly<Record<string, string>>;
  readonly collector?: {
    /** Given before the file that owns `service:`. */
    readonly configurationFiles?: readonly string[];
    /** In place of the shipped service.yaml. */
    readonly serviceFile?: string;
    readonly environment?: Readonly<Record<string, string>>;
  };
  readonly scheme?: "http" | "https";
  /** Where the agent reaches the network; 127.0.0.1 when left out. */
  readonly nearAddress?: string;
  /** A command that runs the agent in other circumstances. */
  readonly agentWrapper?: readonly string[];
  /** Where chronyd makes its socket; a folder of its own when left out. */
  readonly runFolder?: string;
}

/** What is expected of a run. */
export interface Promises {
  /** Set where the node's clock is wrong for a while: how far a sample may stand off, in milliseconds. */
  readonly wrongClockMs?: number;
  /** When collections may be lost. */
  readonly allowedLosses?: readonly Period[];
  /** When the agent could not open a socket. */
  readonly withoutSockets?: Period;
}

/** A run, held against what was read. */
export interface Findings {
  readonly samples: number;
  readonly collections: readonly Collection[];
  readonly readings: readonly Reading[];
  readonly falsehoods: readonly Falsehood[];
  readonly holes: readonly Hole[];
}

/**
 * The whole path, with a fault to be put anywhere on it: chronyd, the agent with a record of what it
 * reads, a fake network, the collector with the shipped configuration, a door that can fail, and
 * Prometheus, which takes samples out of order as otel-collector/README.md asks for.
 */
export class FaultPath {
  readonly folder: string;
  readonly follower: Chronyd;
  readonly network: FakeNetwork;
  readonly backend: FaultyBackend;
  readonly #options: FaultPathOptions;
  readonly #programs: Programs;
  readonly #ends: (() => Promise<void> | void)[];
  readonly #prometheusPort: number;
  #prometheus: Prometheus;
  #collector: Collector;
  #agent: Agent;
  #lives = 1;

  private constructor(parts: Parts) {
    this.folder = parts.folder;
    this.follower = parts.follower;
    this.network = parts.network;
    this.backend = parts.backend;
    this.#options = parts.options;
    this.#programs = parts.programs;
    this.#ends = parts.ends;
    this.#prometheusPort = parts.prometheusPort;
    this.#prometheus = parts.prometheus;
    this.#collector = parts.collector;
    this.#agent = parts.agent;
  }

  /** Starts everything; settles when the first collection is in Prometheus. */
  static async start(options: FaultPathOptions = {}): Promise<FaultPath> {
    const ends: (() => Promise<void> | void)[] = [];
    try {
      const programs = await bringPrograms(progressToStandardError);
      const scratch = await scratchFolder("ct");
      ends.push(() => scratch.remove());
      const folder = scratch.path;
      const ntpPort = await freeUdpPort();
      const server = await startChronyd({
        ...programs,
        folder: join(folder, "server"),
        configuration: timeServerConfiguration(ntpPort),
      });
      ends.push(() => server.stop());
      const follower = await startChronyd({
        ...programs,
        folder: join(folder, "node"),
        configuration: followerConfiguration(ntpPort, { offsetSeconds: 0.005 }),
        ...(options.runFolder !== undefined && { runFolder: options.runFolder }),
      });
      ends.push(() => follower.stop());
      const prometheusPort = await freePort();
      const prometheus = await startPrometheusAt(programs, folder, prometheusPort);
      const backend = await startFaultyBackend(prometheus.remoteWriteUrl);
      ends.push(() => backend.stop());
      const collector = await startCollectorOf(programs, folder, backend, options);
      const network = await startFakeNetwork(portOf(collector), {
        ...(options.scheme !== undefined && { scheme: options.scheme }),
        ...(options.nearAddress !== undefined && { address: options.nearAddress }),
      });
      ends.push(() => network.stop());
      await follower.waitUntilSynchronised();
      const agent = await startAgentOf(folder, 0, network.url, follower, options);
      const path = new FaultPath({
        folder,
        follower,
        network,
        backend,
        options,
        programs,
        ends,
        prometheusPort,
        prometheus,
        collector,
        agent,
      });
      ends.push(
        () => path.prometheus.stop(),
        () => path.collector.stop(),
        () => path.agent.stop(),
      );
      await path.untilCollections(1);
      return path;
    } catch (error) {
      await endAll(ends);
      throw error;
    }
  }

  get prometheus(): Prometheus {
    return this.#prometheus;
  }

  get collector(): Collector {
    return this.#collector;
  }

  get agent(): Agent {
    return this.#agent;
  }

  /** Lets so many intervals pass. A fault lasts as long as it lasts: there is nothing to wait for. */
  async intervals(count: number): Promise<void> {
    await delay(count * INTERVAL_MS);
  }

  /** Settles when so many more collections have arrived. */
  async untilCollections(count: number): Promise<void> {
    const before = (await this.#collections().catch(() => [])).length;
    await this.#agent.process.waitUntil(
      `${count} more collections in Prometheus`,
      async () => {
        const now = (await this.#collections()).length;
        return now >= before + count ? true : undefined;
      },
      RECOVERY_MS,
    );
  }

  /** Kills the collector: it ends at once, whatever it is doing, and nobody listens at its port. */
  async killCollector(): Promise<void> {
    await this.network.become("refused");
    this.#collector.process.signal("SIGKILL");
    await this.#collector.process.exited;
  }

  async startCollector(): Promise<void> {
    this.#collector = await startCollectorOf(
      this.#programs,
      this.folder,
      this.backend,
      this.#options,
    );
    this.network.leadTo(portOf(this.#collector));
    await this.network.become("open");
  }

  async killPrometheus(): Promise<void> {
    this.#prometheus.process.signal("SIGKILL");
    await this.#prometheus.process.exited;
  }

  async startPrometheus(): Promise<void> {
    this.#prometheus = await startPrometheusAt(this.#programs, this.folder, this.#prometheusPort);
  }

  /** Starts another life of the agent, with the settings of the first and these. */
  async startAgent(settings: Readonly<Record<string, string>> = {}): Promise<void> {
    this.#agent = await startAgentOf(this.folder, this.#lives, this.network.url, this.follower, {
      ...this.#options,
      agent: { ...this.#options.agent, ...settings },
    });
    this.#lives += 1;
  }

  /** The end of the newest reading whose collection is in Prometheus, in milliseconds since 1970. */
  async newestArrivedMs(): Promise<number> {
    return (await this.#collections()).at(-1)?.timeMs ?? 0;
  }

  /**
   * Ends the agent and holds what Prometheus has against what was read; waits before that until
   * all that still waits in the agent has arrived.
   *
   * @throws when something is false or missing that is not promised to be lost.
   */
  async check(fault: string, promise: string, promises: Promises = {}): Promise<Findings> {
    await this.untilCollections(2);
    const isComplete = async () => {
      // What was collected last may still be on its way.
      const { holes, falsehoods } = await this.#findings(promises);
      const left = holes.filter(({ allowed }) => !allowed);
      // What is false stays false: there is nothing to wait for.
      return left.length === 0 || falsehoods.length > 0 ? true : undefined;
    };
    await waitFor("all that waits to arrive", isComplete, RECOVERY_MS).catch(() => undefined);
    await this.#agent.stop();
    const findings = await this.#findings(promises);
    const shownThoughWithheld = await this.#shownThoughWithheld(findings.collections);
    const missing = findings.holes.filter(({ allowed }) => !allowed);
    report(fault, promise, findings);
    assert.deepEqual(findings.falsehoods.slice(0, 5), [], `${findings.falsehoods.length} false`);
    assert.deepEqual(missing, [], "no collection is missing");
    assert.deepEqual(shownThoughWithheld, [], "what is withheld is not shown");
    return findings;
  }

  async stop(): Promise<void> {
    await endAll(this.#ends);
  }

  async #collections(): Promise<Collection[]> {
    return collectionsOf(await this.#series());
  }

  #series() {
    const nowSeconds = Date.now() / 1000;
    return this.#prometheus.series(
      SAMPLES,
      nowSeconds - HISTORY_SECONDS,
      nowSeconds + HISTORY_SECONDS,
    );
  }

  async #findings(promises: Promises): Promise<Findings> {
    const readings: Reading[] = [];
    for (let life = 0; life < this.#lives; life += 1) {
      readings.push(...readingsOf(await readFile(recordFile(this.folder, life), "utf8"), life));
    }
    const series = await this.#series();
    const collections = collectionsOf(series);
    const { falsehoods, matches } = checkEverySample({
      readings,
      collections,
      peakWidthMs: PEAK_WIDTH_MS,
      wrongClockMs: promises.wrongClockMs,
      ...(promises.withoutSockets !== undefined && { withoutSockets: promises.withoutSockets }),
    });
    return {
      samples: series.reduce((sum, { samples }) => sum + samples.length, 0),
      collections,
      readings: readings.filter(hasEnded),
      falsehoods,
      holes: holesIn(matches, readings, INTERVAL_MS, promises.allowedLosses),
    };
  }

  /** Where a person who asks Prometheus is still shown an error that the collection withholds. */
  async #shownThoughWithheld(collections: readonly Collection[]): Promise<string[]> {
    const withheld = collections.filter(({ values }) => !values.has("chrony_clock_error_ms"));
    const shown: string[] = [];
    for (const { timeMs } of withheld) {
      const found = await this.#prometheus.query(`chrony_clock_error_ms${SAMPLES}`, timeMs / 1000);
      shown.push(...found.map(({ value }) => `${value} ms at ${timeMs}`));
    }
    return shown;
  }
}

interface Parts {
  readonly folder: string;
  readonly follower: Chronyd;
  readonly network: FakeNetwork;
  readonly backend: FaultyBackend;
  readonly options: FaultPathOptions;
  readonly programs: Programs;
  readonly ends: (() => Promise<void> | void)[];
  readonly prometheusPort: number;
  readonly prometheus: Prometheus;
  readonly collector: Collector;
  readonly agent: Agent;
}

function startPrometheusAt(
  { prometheus }: Programs,
  folder: string,
  port: number,
): Promise<Prometheus> {
  return startPrometheus({
    prometheus,
    folder: join(folder, "prometheus"),
    outOfOrderTimeWindow: "30m",
    port,
  });
}

function startCollectorOf(
  { collector }: Programs,
  folder: string,
  backend: FaultyBackend,
  { collector: options = {} }: FaultPathOptions,
): Promise<Collector> {
  const [common, catalogue, exporter, service] = prometheusConfigurationFiles;
  return startCollector({
    collector,
    folder: join(folder, "collector"),
    remoteWriteUrl: backend.remoteWriteUrl,
    clusterName: "blue",
    configurationFiles: [
      common,
      catalogue,
      exporter,
      compressedTimes,
      ...(options.configurationFiles ?? []),
      options.serviceFile ?? service,
    ],
    ...(options.environment !== undefined && { environment: options.environment }),
  });
}

function startAgentOf(
  folder: string,
  life: number,
  endpoint: string,
  follower: Chronyd,
  { agent = {}, agentWrapper = [] }: FaultPathOptions,
): Promise<Agent> {
  return startAgent({
    shiftableClock: true,
    recordFile: recordFile(folder, life),
    wrapper: agentWrapper,
    environment: {
      CHRONY_ADDRESS: follower.address,
      SLEEP_INTERVAL: "0.2",
      OTEL_METRIC_EXPORT_INTERVAL: String(INTERVAL_MS),
      OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
      OTEL_RESOURCE_ATTRIBUTES: `k8s.node.name=${NODE},k8s.namespace.name=chrony-tracker,k8s.pod.name=agent-x`,
      ...agent,
    },
  });
}

function recordFile(folder: string, life: number): string {
  return join(folder, `readings-${life}.jsonl`);
}

function portOf({ otlpUrl }: Collector): number {
  return Number(new URL(otlpUrl).port);
}

async function endAll(ends: (() => Promise<void> | void)[]): Promise<void> {
  for (let end = ends.pop(); end !== undefined; end = ends.pop()) {
    await end();
  }
}

/** One line of the table that `npm run test:faults` prints at its end. */
export interface FaultReport {
  readonly fault: string;
  readonly promise: string;
  readonly samples: number;
  readonly collections: number;
  readonly missing: number;
  readonly lost: number;
  readonly falsehoods: number;
}

function collectionsIn(holes: readonly Hole[]): number {
  return holes.reduce((sum, { collections }) => sum + collections, 0);
}

function report(fault: string, promise: string, findings: Findings): void {
  const line: FaultReport = {
    fault,
    promise,
    samples: findings.samples,
    collections: findings.collections.length,
    missing: collectionsIn(findings.holes.filter(({ allowed }) => !allowed)),
    lost: collectionsIn(findings.holes.filter(({ allowed }) => allowed)),
    falsehoods: findings.falsehoods.length,
  };
  const { FAULTS_REPORT } = process.env;
  if (FAULTS_REPORT !== undefined) {
    appendFileSync(FAULTS_REPORT, `${JSON.stringify(line)}\n`);
  }
}
