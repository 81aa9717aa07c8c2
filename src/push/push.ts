/** The way out by push: a collection once an interval, by OTLP to the collector. */
import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { ValueType } from "@opentelemetry/api";
import type { Resource } from "@opentelemetry/resources";
import type { Assessment } from "../clock/assessment.ts";
import { timeWithSleepMs } from "../clock/clock-pair.ts";
import type { Log } from "../log.ts";
import { METRICS } from "../metrics/catalogue.ts";
import { CLOCK_METRICS } from "../metrics/clock.ts";
import { collect } from "../metrics/collection.ts";
import { type BacklogCounts, isPlain, type Metric, type Observation } from "../metrics/metric.ts";
import { nodeName } from "../metrics/resource.ts";
import type { Sampler } from "../sampler.ts";
import type { OtlpSettings } from "../settings.ts";
import { readSystemClocks } from "../system-clocks.ts";
import type { Outcome } from "./answer.ts";
import { attempt } from "./attempt.ts";
import { type Batch, type Series, seriesKey } from "./batch.ts";
import { CollectorTime, SHORTEST_GAP_MS } from "./collector-time.ts";
import { exportOnce, requestOf } from "./otlp.ts";
import { PushResults } from "./push-results.ts";
import { Queue } from "./queue.ts";
import { Rounds } from "./rounds.ts";

export type PushOptions = {
  readonly otlp: OtlpSettings;
  readonly intervalMs: number;
  /** Between two readings, in milliseconds. */
  readonly readingIntervalMs: number;
  /** What a push may take at the most, in milliseconds. */
  readonly timeoutMs: number;
  /** How long points wait at the most, in milliseconds, and what they take. */
  readonly backlogMaxAgeMs: number;
  readonly backlogMaxBytes: number;
  readonly resource: Resource;
  readonly catalogue: readonly Metric[];
  readonly sampler: Sampler;
  /** What can be said now; `undefined` before the first reading. */
  readonly observe: () => Promise<Observation | undefined>;
  readonly log: Log;
};

/** How much of the interval a push waits at the most after one that failed: agents must not return together. */
const JITTER = 0.1;

/**
 * The header with the node's wall clock when a request is sent, in microseconds since 1970. The
 * shipped collector makes `chrony_collector_offset_seconds` of it (otel-collector/common.yaml).
 */
const SENT_HEADER = "x-chrony-tracker-sent-us";

/** OTLP without a point: any receiver answers it, and the answer has a date. */
const EMPTY_REQUEST = Buffer.from("{}");

/**
 * Collects once an interval and pushes what waits, until it is stopped. Collecting goes on while a
 * push is under way or fails. Two requests never overlap.
 */
export class Push {
  readonly #options: PushOptions;
  readonly #stop = new AbortController();
  readonly #cut = new AbortController();
  /** What became of the pushes until now. */
  readonly results: PushResults;
  readonly #queue: Queue;
  readonly #rounds: Rounds;
  readonly #collectorTime = new CollectorTime();
  /** What the newest collection was made of. */
  #newest: Assessment | undefined;
  /** The round that is under way. */
  #round: Promise<void> | undefined;
  /** When the last request must have ended, once the agent is told to stop: monotonic, in milliseconds. */
  #deadlineMs = Number.POSITIVE_INFINITY;

  constructor(options: PushOptions) {
    this.#options = options;
    this.#queue = new Queue({
      maxAgeMs: options.backlogMaxAgeMs,
      maxBytes: options.backlogMaxBytes,
      seriesBefore: METRICS.filter(isPlain).map(seriesOf),
      isClocks: (name) => CLOCK_NAMES.has(name),
    });
    this.#rounds = new Rounds(this.#queue);
    this.results = new PushResults(options.log, options.otlp.url);
  }

  /** What waits, and what was dropped. */
  get backlog(): BacklogCounts {
    return this.#queue.counts;
  }

  /** Starts: the first push goes out with the first reading. */
  start(): void {
    void this.#run();
  }

  /**
   * Ends, after one more push of all that waits and of what is known now. What was not accepted then
   * is lost.
   * @param longestMs how long that may take, in milliseconds
   */
  async stop(longestMs: number): Promise<void> {
    this.#deadlineMs = performance.now() + longestMs;
    this.#stop.abort();
    // At once: soon nothing reads chronyd any more, and what it said would count as withheld.
    await this.#collect();
    // What is under way may be waiting to try again; it must leave time for the last push.
    const cutting = setTimeout(() => this.#cut.abort(), longestMs / 2);
    await this.#round;
    clearTimeout(cutting);
    await this.#pushRound();
  }

  async #run(): Promise<void> {
    const { intervalMs, readingIntervalMs, resource, sampler } = this.#options;
    while (sampler.history === undefined && !this.#stop.signal.aborted) {
      await sampler.nextReading(intervalMs);
    }
    // Agents that start together (a rollout, a new node pool) must not go on pushing together.
    let dueMs = performance.now() + intervalMs * phaseOf(nodeName(resource));
    while (!this.#stop.signal.aborted) {
      await this.#collect();
      // A round that takes longer than an interval is not joined by another.
      this.#round ??= this.#regularRound().finally(() => {
        this.#round = undefined;
      });
      const nowMs = performance.now();
      while (dueMs <= nowMs) {
        dueMs += intervalMs;
      }
      await this.#sleep(dueMs - nowMs);
      if (this.#stop.signal.aborted) {
        return;
      }
      // A point stands at its reading's time, so each collection has a reading that none had before.
      await sampler.nextReading(readingIntervalMs + intervalMs);
    }
  }

  async #collect(): Promise<void> {
    const { resource, catalogue, observe } = this.#options;
    const observation = await observe();
    if (observation === undefined) {
      return;
    }
    const { clocks } = observation.assessment;
    if (clocks.monotonicMs === this.#newest?.clocks.monotonicMs) {
      // Nothing new: a second value at the time of the first would be rejected, and all with it.
      return;
    }
    this.#newest = observation.assessment;
    const collected = await collect(resource, catalogue, observation);
    this.#queue.add(collected, clocks, observation.startedWallMs);
    this.results.collected(this.#queue.counts.dropped);
  }

  async #regularRound(): Promise<void> {
    if (this.results.isFailing) {
      await this.#sleep(Math.random() * JITTER * this.#options.intervalMs);
    }
    if (!this.#stop.signal.aborted) {
      await this.#pushRound();
    }
  }

  /** What waits, one request after another, within the time of a push. */
  async #pushRound(): Promise<void> {
    if (!(await this.#askForDate())) {
      return;
    }
    // No request begins after that; one that has begun has its own time.
    const endMs = Math.min(performance.now() + this.#options.timeoutMs, this.#deadlineMs);
    const round = this.#rounds.round(timeWithSleepMs(readSystemClocks()));
    let step = round.next();
    while (step.done !== true && performance.now() < endMs) {
      const outcome = await this.#deliver(step.value);
      step = round.next({ outcome, nowMs: timeWithSleepMs(readSystemClocks()) });
      this.results.settled(outcome, this.#queue.counts.points);
    }
  }

  /**
   * Asks the collector for its date where that is not known, and once more where one answer does not
   * suffice.
   * @returns whether points may be sent
   */
  async #askForDate(): Promise<boolean> {
    if (!this.#mustAsk()) {
      return true;
    }
    const isAnswered = await this.#askOnce();
    if (!isAnswered || !this.#mustAsk()) {
      return isAnswered;
    }
    await this.#sleep(SHORTEST_GAP_MS + 100);
    return this.#askOnce();
  }

  async #askOnce(): Promise<boolean> {
    const outcome = await this.#send(EMPTY_REQUEST);
    if (outcome.kind === "wait") {
      this.results.settled(outcome, this.#queue.counts.points);
      return false;
    }
    if (outcome.kind !== "accepted") {
      this.#collectorTime.hasNone();
    }
    return true;
  }

  #mustAsk(): boolean {
    return this.#collectorTime.mustAsk(readSystemClocks(), this.#isSynchronised);
  }

  get #isSynchronised(): boolean {
    return this.#newest?.state === "synchronised";
  }

  async #deliver(batches: readonly Batch[]): Promise<Outcome> {
    const clocks = readSystemClocks();
    this.#queue.setTimes(clocks, this.#collectorTime.correctionMs(clocks, this.#isSynchronised));
    return exportOnce(requestOf(batches, this.#options.resource), (body) => this.#send(body));
  }

  async #send(body: Uint8Array): Promise<Outcome> {
    const { otlp } = this.#options;
    const { outcome, answer } = await attempt(otlp, {
      body,
      headers: { [SENT_HEADER]: String(1000 * Date.now()) },
      limitMs: Math.max(1, Math.min(otlp.timeoutMs, this.#deadlineMs - performance.now())),
      cut: this.#cut.signal,
    });
    if (outcome.kind === "accepted" && answer !== undefined) {
      const { date, askedMs, answeredMs } = answer;
      this.#collectorTime.answered(date, askedMs, answeredMs, readSystemClocks());
    }
    return outcome;
  }

  /** Sleeps, in milliseconds, or until it is stopped. */
  async #sleep(lengthMs: number): Promise<void> {
    const { signal } = this.#stop;
    await sleep(lengthMs, undefined, { signal }).catch(() => undefined);
  }
}

const CLOCK_NAMES: ReadonlySet<string> = new Set(CLOCK_METRICS.map(({ name }) => name));

/** The series of a metric without labels, as collections have it. */
function seriesOf({ name, help, kind }: Metric): Series {
  const descriptor = { name, description: help, unit: "", valueType: ValueType.DOUBLE };
  return { key: seriesKey(name, {}), descriptor, kind, attributes: {} };
}

/** A node's own share of the interval, from just above 0 to 1, the same at every start. */
export function phaseOf(node: string): number {
  return (createHash("sha256").update(node).digest().readUInt32BE() + 1) / 2 ** 32;
}
