import assert from "node:assert/strict";
import { appendFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { type Agent, startAgent } from "../parts/agent.ts";
import type { Chronyd } from "../parts/chronyd.ts";
import {
  type Collector,
  PROMETHEUS_CONFIGURATION_FILES,
  startCollector,
} from "../parts/collector.ts";
import { type FakeGate, startFakeGate } from "../parts/fake-gate.ts";
import { startFollower } from "../parts/follower.ts";
import type { Owner } from "../parts/owner.ts";
import { JOBS, NODE } from "../parts/path.ts";
import { type Prometheus, startPrometheus } from "../parts/prometheus.ts";
import { folderOf } from "../parts/scratch-folder.ts";
import { waitFor } from "../parts/wait-for.ts";
import { type Collection, collectionsOf } from "./collections.ts";
import { type FakeNetwork, startFakeNetwork } from "./fake-network.ts";
import { checkEverySample, type Falsehood, type Period } from "./no-false-value.ts";
import { type Hole, holesIn } from "./nothing-missing.ts";
import { hasEnded, type Reading, readingsOf } from "./readings.ts";

/** One second in place of 30 s: a fault of 10 minutes lasts 20 s here. */
export const INTERVAL_MS = 1000;
const SAMPLES = `{job="${JOBS.push}",instance="${NODE}"}`;
/** The agent's: 60 s, because two intervals are shorter. */
const PEAK_WIDTH_MS = 60_000;
/** Long enough for samples of a clock that is a day off. */
const HISTORY_SECONDS = 3 * 86_400;
/** How long after the fault the backlog arrives at the latest, on a slow machine. */
const RECOVERY_MS = 90_000;

const COMPRESSED_TIMES = fileURLToPath(new URL("compressed-times.yaml", import.meta.url));

/** The special needs of a scenario. */
export type FaultPathOptions = {
  /** Additional settings of the agent. */
  readonly agent?: Readonly<Record<string, string>>;
  readonly collector?: {
    /** Before the file with `service:`. */
    readonly configurationFiles?: readonly string[];
    /** In place of the shipped service.yaml. */
    readonly serviceFile?: string;
    readonly environment?: Readonly<Record<string, string>>;
  };
  readonly scheme?: "http" | "https";
  /** The network's address for the agent. Default: 127.0.0.1. */
  readonly nearAddress?: string;
  /** A command that runs the agent, for example in a namespace. */
  readonly agentWrapper?: readonly string[];
  /** The directory of chronyd's socket. Default: a new folder. */
  readonly runFolder?: string;
};

/** The expected result of a run. */
export type Promises = {
  /** If the node's clock is wrong for a while: the largest error of a sample's time, in milliseconds. */
  readonly wrongClockMs?: number;
  /** When collections may be lost. */
  readonly allowedLosses?: readonly Period[];
  /** When the agent could not open a socket. */
  readonly withoutSockets?: Period;
};

/** A run, compared with the recorded polls. */
export type Findings = {
  readonly samples: number;
  readonly collections: readonly Collection[];
  readonly readings: readonly Reading[];
  readonly falsehoods: readonly Falsehood[];
  readonly holes: readonly Hole[];
};

/**
 * The whole path, with possible faults anywhere: chronyd, the agent with a record of its polls, a fake network, the
 * collector with the shipped configuration, a gate that can fail, and Prometheus, which accepts samples out of order as
 * otel-collector/README.md requires.
 */
export class FaultPath {
  readonly follower: Chronyd;
  readonly network: FakeNetwork;
  readonly backend: FakeGate;
  readonly collector: Collector;
  readonly prometheus: Prometheus;
  readonly #folder: string;
  readonly #owner: Owner;
  readonly #options: FaultPathOptions;
  #agent: Agent;
  #lives = 1;

  private constructor(parts: Parts) {
    this.follower = parts.follower;
    this.network = parts.network;
    this.backend = parts.backend;
    this.collector = parts.collector;
    this.prometheus = parts.prometheus;
    this.#folder = parts.folder;
    this.#owner = parts.owner;
    this.#options = parts.options;
    this.#agent = parts.agent;
  }

  /** Starts everything, and waits for the first collection in Prometheus. */
  static async start(owner: Owner, options: FaultPathOptions = {}): Promise<FaultPath> {
    const folder = await folderOf(owner);
    const follower = await startFollower(owner, {
      offsetSeconds: 0.005,
      ...(options.runFolder !== undefined && { runFolder: options.runFolder }),
    });
    const prometheus = await startPrometheus(owner, { outOfOrderTimeWindow: "30m" });
    const backend = await startFakeGate(owner, prometheus.remoteWriteUrl);
    const collector = await startCollectorOf(owner, backend, options);
    const network = await startFakeNetwork(owner, Number(new URL(collector.otlpUrl).port), {
      ...(options.scheme !== undefined && { scheme: options.scheme }),
      ...(options.nearAddress !== undefined && { address: options.nearAddress }),
    });
    const agent = await startAgentOf(owner, folder, 0, network.url, follower, options);
    const path = new FaultPath({
      owner,
      folder,
      follower,
      network,
      backend,
      options,
      prometheus,
      collector,
      agent,
    });
    await path.untilCollections(1);
    return path;
  }

  get agent(): Agent {
    return this.#agent;
  }

  /** Waits for this many intervals, the duration of a fault. No condition could be awaited instead. */
  async intervals(count: number): Promise<void> {
    await delay(count * INTERVAL_MS);
  }

  /** Waits for this many further collections. */
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

  /** Kills the collector. It ends at once, and nothing listens at its port. */
  async killCollector(): Promise<void> {
    await this.network.become("refused");
    await this.collector.process.kill();
  }

  async startCollector(): Promise<void> {
    await this.collector.restart();
    await this.network.become("open");
  }

  /** Starts the agent again, with the first settings and these. */
  async startAgent(settings: Readonly<Record<string, string>> = {}): Promise<void> {
    const options = { ...this.#options, agent: { ...this.#options.agent, ...settings } };
    this.#agent = await startAgentOf(
      this.#owner,
      this.#folder,
      this.#lives,
      this.network.url,
      this.follower,
      options,
    );
    this.#lives += 1;
  }

  /** The end of the newest poll whose collection is in Prometheus, in milliseconds since 1970. */
  async newestArrivedMs(): Promise<number> {
    return (await this.#collections()).at(-1)?.timeMs ?? 0;
  }

  /**
   * Waits until the agent's backlog is sent, ends the agent, and compares Prometheus with the recorded polls.
   *
   * @throws when a value is false, or missing without an allowed loss
   */
  async check(fault: string, promise: string, promises: Promises = {}): Promise<Findings> {
    await this.untilCollections(2);
    const isComplete = async () => {
      // The last collection may still be on its way.
      const { holes, falsehoods } = await this.#findings(promises);
      const left = holes.filter(({ allowed }) => !allowed);
      // A false value stays false, so waiting would not help.
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

  async #collections(): Promise<Collection[]> {
    return collectionsOf(await this.#series());
  }

  #series() {
    const nowSeconds = Date.now() / 1000;
    return this.prometheus.series(
      SAMPLES,
      nowSeconds - HISTORY_SECONDS,
      nowSeconds + HISTORY_SECONDS,
    );
  }

  async #findings(promises: Promises): Promise<Findings> {
    const readings: Reading[] = [];
    for (let life = 0; life < this.#lives; life += 1) {
      readings.push(...readingsOf(await readFile(recordFile(this.#folder, life), "utf8"), life));
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

  /** The times at which PromQL still shows an error that the collection does not have. */
  async #shownThoughWithheld(collections: readonly Collection[]): Promise<string[]> {
    const withheld = collections.filter(({ values }) => !values.has("chrony_clock_error_ms"));
    const shown: string[] = [];
    for (const { timeMs } of withheld) {
      const found = await this.prometheus.query(`chrony_clock_error_ms${SAMPLES}`, timeMs / 1000);
      shown.push(...found.map(({ value }) => `${value} ms at ${timeMs}`));
    }
    return shown;
  }
}

type Parts = {
  readonly owner: Owner;
  readonly folder: string;
  readonly follower: Chronyd;
  readonly network: FakeNetwork;
  readonly backend: FakeGate;
  readonly options: FaultPathOptions;
  readonly prometheus: Prometheus;
  readonly collector: Collector;
  readonly agent: Agent;
};

function startCollectorOf(
  owner: Owner,
  backend: FakeGate,
  { collector: options = {} }: FaultPathOptions,
): Promise<Collector> {
  const [common, catalogue, exporter, service] = PROMETHEUS_CONFIGURATION_FILES;
  return startCollector(owner, {
    remoteWriteUrl: backend.remoteWriteUrl,
    configurationFiles: [
      common,
      catalogue,
      exporter,
      COMPRESSED_TIMES,
      ...(options.configurationFiles ?? []),
      options.serviceFile ?? service,
    ],
    ...(options.environment !== undefined && { environment: options.environment }),
  });
}

function startAgentOf(
  owner: Owner,
  folder: string,
  life: number,
  endpoint: string,
  follower: Chronyd,
  { agent = {}, agentWrapper = [] }: FaultPathOptions,
): Promise<Agent> {
  return startAgent(owner, {
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

/** One row of the table of `npm run test:faults`. */
export type FaultReport = {
  readonly fault: string;
  readonly promise: string;
  readonly samples: number;
  readonly collections: number;
  readonly missing: number;
  readonly lost: number;
  readonly falsehoods: number;
};

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

/** One row of the table of attacks on the collector. */
export type AttackReport = {
  readonly attack: string;
  /** The collector's resident memory before the attack, and the most during it. */
  readonly restMib: number;
  readonly peakMib: number;
  /** How often it exceeded its container's limit. */
  readonly restarts: number;
  /** The number of answers to other nodes by status during the attack. */
  readonly answers: Readonly<Record<number, number>>;
  /** The number of points that each filter dropped. */
  readonly dropped: Readonly<Record<string, number>>;
  /** The time from the end of the attack until every push was accepted again. */
  readonly wellAgainSeconds: number;
};
