/** The way out by push: a collection once an interval, by OTLP to the collector. */
import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { ValueType } from "@opentelemetry/api";
import type { Resource } from "@opentelemetry/resources";
import type { ClockPair } from "../clock/clock-pair.ts";
import { Condition } from "../condition.ts";
import type { Log } from "../log.ts";
import { METRICS } from "../metrics/catalogue.ts";
import { CLOCK_METRICS } from "../metrics/clock.ts";
import { collect } from "../metrics/collection.ts";
import {
  type BacklogCounts,
  DROP_REASONS,
  type DropReason,
  type ExportCounts,
  isPlain,
  type Metric,
  type Observation,
} from "../metrics/metric.ts";
import { nodeName } from "../metrics/resource.ts";
import { redact, shownAddress } from "../redact.ts";
import type { Sampler } from "../sampler.ts";
import type { OtlpSettings } from "../settings.ts";
import type { PushFacts } from "../summary/agent-report.ts";
import { readSystemClocks } from "../system-clocks.ts";
import { describePushError, type Outcome } from "./answer.ts";
import { attempt } from "./attempt.ts";
import { type Batch, type Series, seriesKey } from "./batch.ts";
import { CollectorTime, SHORTEST_GAP_MS } from "./collector-time.ts";
import { exportOnce, requestOf } from "./otlp.ts";
import { Queue } from "./queue.ts";

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

/** How much later than it is due a reading may come, before a collection is made without it. */
const LATEST_READING_MS = 5_000;

/** How much of the interval a push waits at the most after one that failed: agents must not return together. */
const JITTER = 0.1;

/**
 * The header with the node's wall clock when a request is sent, in whole microseconds since 1970. The
 * shipped collector makes `chrony_collector_offset_seconds` of it (otel-collector/common.yaml).
 */
const SENT_HEADER = "x-chrony-tracker-sent-us";

/** OTLP without a point: any receiver answers it, and the answer has a date. */
const EMPTY_REQUEST = Buffer.from("{}");

/** How often the collector is asked for its date before a round at the most. */
const MOST_QUESTIONS = 3;

const DROP_WORDS: Readonly<Record<DropReason, string>> = {
  age: "they are too old (BACKLOG_MAX_AGE)",
  bytes: "there is no more room (BACKLOG_MAX_BYTES)",
  rejected: "they are rejected",
};

/**
 * Collects once an interval and pushes what waits, until it is stopped. Collecting goes on while a
 * push is under way or fails. Two requests never overlap.
 */
export class Push {
  readonly #options: PushOptions;
  readonly #stop = new AbortController();
  readonly #cut = new AbortController();
  readonly #fault: Condition;
  readonly #loss: Condition;
  readonly #queue: Queue;
  readonly #collectorTime = new CollectorTime();
  #counts: ExportCounts = { success: 0, failure: 0, lastSuccessWallMs: undefined };
  #lastFailure: string | undefined;
  #lastAcceptedMs: number | undefined;
  /** The moment of the newest collection by the monotonic clock, in milliseconds. */
  #lastCollectedMs: number | undefined;
  #isSynchronised = false;
  #droppedBefore: BacklogCounts["dropped"];
  /** What the backend last said of points that it rejected. */
  #rejectionReason = "";
  #round: Promise<void> | undefined;
  /** A round became due while another was under way. */
  #roundIsDue = false;
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
    this.#fault = new Condition(
      options.log,
      `The collector at ${shownAddress(options.otlp.url)} accepts pushes again.`,
    );
    this.#loss = new Condition(options.log, "No more points are dropped.");
    this.#droppedBefore = this.#queue.counts.dropped;
  }

  get counts(): ExportCounts {
    return this.#counts;
  }

  get backlog(): BacklogCounts {
    return this.#queue.counts;
  }

  /** What became of the pushes until now. */
  get facts(): PushFacts {
    const acceptedMs = this.#lastAcceptedMs;
    return {
      accepted: this.#counts.success,
      failed: this.#counts.failure,
      acceptedSecondsAgo:
        acceptedMs === undefined ? undefined : (performance.now() - acceptedMs) / 1000,
      failure: this.#lastFailure === undefined ? undefined : redact(this.#lastFailure, []),
    };
  }

  /** Whether a push was tried, however it ended. */
  get tried(): boolean {
    return this.#counts.success + this.#counts.failure > 0;
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
    const { intervalMs, readingIntervalMs, resource } = this.#options;
    await this.#untilFirstReading();
    const beganMs = performance.now();
    // Agents that start together (a rollout, a new node pool) must not go on pushing together.
    let dueMs = beganMs + intervalMs * phaseOf(nodeName(resource));
    while (!this.#stop.signal.aborted) {
      await this.#collect();
      this.#beginRound();
      const nowMs = performance.now();
      while (dueMs <= nowMs) {
        dueMs += intervalMs;
      }
      await this.#sleep(dueMs - nowMs);
      if (this.#stop.signal.aborted) {
        return;
      }
      // A point stands at its reading's time, so each collection has a reading that none had before.
      await this.#options.sampler.nextReading(readingIntervalMs + LATEST_READING_MS);
    }
  }

  async #collect(): Promise<void> {
    const { resource, catalogue, observe } = this.#options;
    const observation = await observe();
    if (observation === undefined) {
      return;
    }
    const { clocks, state } = observation.assessment;
    if (clocks.monotonicMs === this.#lastCollectedMs) {
      // Nothing new: a second value at the time of the first would be refused, and all with it.
      return;
    }
    this.#lastCollectedMs = clocks.monotonicMs;
    this.#isSynchronised = state === "synchronised";
    const collected = await collect(resource, catalogue, observation);
    this.#queue.add(collected, clocks, observation.startedWallMs);
    this.#reportLoss();
  }

  #beginRound(): void {
    this.#roundIsDue = true;
    this.#round ??= this.#pushWhileDue().finally(() => {
      this.#round = undefined;
    });
  }

  async #pushWhileDue(): Promise<void> {
    do {
      if (this.#lastFailure !== undefined) {
        await this.#sleep(Math.random() * JITTER * this.#options.intervalMs);
      }
      if (this.#stop.signal.aborted) {
        return;
      }
      this.#roundIsDue = false;
      await this.#pushRound();
      // An answer that came late was an answer: what came up in the meantime can wait for its turn.
    } while (this.#roundIsDue && this.#lastFailure !== undefined);
  }

  /** What waits, one request after another, within the time of a push. */
  async #pushRound(): Promise<void> {
    if (!(await this.#askForDate())) {
      return;
    }
    // No request begins after that; one that has begun has its own time.
    const endMs = Math.min(performance.now() + this.#options.timeoutMs, this.#deadlineMs);
    this.#queue.beginRound();
    while (performance.now() < endMs) {
      const clocks = readSystemClocks();
      const correctionMs = this.#collectorTime.correctionMs(clocks, this.#isSynchronised);
      const batches = this.#queue.next(clocks, correctionMs);
      if (batches.length === 0) {
        return;
      }
      const { isTrial } = this.#queue;
      const outcome = await this.#deliver(batches);
      this.#queue.settle(batches, outcome, performance.now());
      // That one which is tried alone is rejected is no news: the newest collection was taken.
      this.#report(outcome, isTrial);
    }
  }

  /**
   * Learns from the collector what time it is there, where that is not known.
   * @returns whether points may be sent
   */
  async #askForDate(): Promise<boolean> {
    for (let question = 0; question < MOST_QUESTIONS; question += 1) {
      if (!this.#collectorTime.mustAsk(readSystemClocks(), this.#isSynchronised)) {
        return true;
      }
      if (question > 0) {
        await this.#sleep(SHORTEST_GAP_MS + 100);
      }
      const outcome = await this.#send(EMPTY_REQUEST);
      if (outcome.kind === "wait") {
        this.#report(outcome, false);
        return false;
      }
      if (outcome.kind !== "accepted") {
        this.#collectorTime.hasNone();
      }
    }
    return true;
  }

  async #deliver(batches: readonly Batch[]): Promise<Outcome> {
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    await exportOnce(requestOf(batches, this.#options.resource), async (body) =>
      resolve(await this.#send(body)),
    );
    return promise;
  }

  async #send(body: Uint8Array): Promise<Outcome> {
    const { otlp } = this.#options;
    const { outcome, answer } = await attempt(otlp, {
      body,
      headers: { [SENT_HEADER]: String(Math.round(1000 * preciseWallMs(readSystemClocks()))) },
      limitMs: Math.max(1, Math.min(otlp.timeoutMs, this.#deadlineMs - performance.now())),
      cut: this.#cut.signal.aborted ? undefined : this.#cut.signal,
    });
    if (outcome.kind === "accepted" && answer !== undefined) {
      const { date, askedMs, answeredMs } = answer;
      this.#collectorTime.answered(date, askedMs, answeredMs, readSystemClocks());
    }
    return outcome;
  }

  #report(outcome: Outcome, isTrial: boolean): void {
    const nowMs = performance.now();
    if (outcome.kind === "accepted") {
      const { success, failure } = this.#counts;
      this.#counts = { success: success + 1, failure, lastSuccessWallMs: Date.now() };
      this.#lastAcceptedMs = nowMs;
      this.#rejectionReason = outcome.rejectedPoints > 0 ? outcome.reason : this.#rejectionReason;
    } else {
      this.#counts = { ...this.#counts, failure: this.#counts.failure + 1 };
    }
    if (outcome.kind === "rejected" && "detail" in outcome.error) {
      this.#rejectionReason = outcome.error.detail;
    }
    if (!isTrial) {
      this.#lastFailure =
        outcome.kind === "accepted" ? undefined : describePushError(outcome.error);
      if (outcome.kind === "accepted") {
        this.#fault.clear(nowMs);
      } else {
        const { points } = this.#queue.counts;
        const { kind, detail } = { detail: "", ...outcome.error };
        this.#fault.raise(
          `${kind} ${detail}`,
          `${this.#lastFailure} ${points} points wait.`,
          nowMs,
        );
      }
    }
  }

  #reportLoss(): void {
    const { dropped } = this.#queue.counts;
    const reasons = DROP_REASONS.filter((reason) => dropped[reason] > this.#droppedBefore[reason]);
    this.#droppedBefore = dropped;
    const nowMs = performance.now();
    if (reasons.length === 0) {
      this.#loss.clear(nowMs);
      return;
    }
    const why = reasons.map((reason) => DROP_WORDS[reason]).join(" or ");
    const said =
      reasons.includes("rejected") && this.#rejectionReason !== ""
        ? ` The backend said: ${this.#rejectionReason}`
        : "";
    this.#loss.raise(why, `Points are dropped, because ${why}.${said}`, nowMs);
  }

  async #untilFirstReading(): Promise<void> {
    while (this.#options.sampler.history === undefined && !this.#stop.signal.aborted) {
      await this.#options.sampler.nextReading(LATEST_READING_MS);
    }
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

/** The wall clock now, finer than the whole milliseconds in which Node.js reads it. */
function preciseWallMs({ wallMs, monotonicMs }: ClockPair): number {
  return wallMs + performance.now() - monotonicMs;
}

/** A node's own share of the interval, from just above 0 to 1, the same at every start. */
export function phaseOf(node: string): number {
  return (createHash("sha256").update(node).digest().readUInt32BE() + 1) / 2 ** 32;
}
