/** Pushes metrics to a collector: one collection per interval, by OTLP. */
import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { ValueType } from "@opentelemetry/api";
import type { Resource } from "@opentelemetry/resources";
import type { ClockPair } from "../clock/clock-pair.ts";
import { LastingFault } from "../lasting-fault.ts";
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
  /** Time between two polls of chronyd, in milliseconds. */
  readonly readingIntervalMs: number;
  /** The longest time that a push may take, in milliseconds. */
  readonly timeoutMs: number;
  /** The limits of the queue: the age of points in milliseconds, and their size in bytes. */
  readonly backlogMaxAgeMs: number;
  readonly backlogMaxBytes: number;
  readonly resource: Resource;
  readonly catalogue: readonly Metric[];
  readonly sampler: Sampler;
  /** Observes the clock now; `undefined` before the first poll. */
  readonly observe: () => Promise<Observation | undefined>;
  readonly log: Log;
};

/** How late a poll may be before the collection is made without it. */
const LATEST_READING_MS = 5_000;

/** The longest random delay after a failed push, as a share of the interval, so that agents do not retry together. */
const JITTER = 0.1;

/**
 * The header with the node's wall clock at the time of sending, in whole microseconds since 1970. The
 * shipped collector computes `chrony_collector_offset_seconds` from it (otel-collector/common.yaml).
 */
const SENT_HEADER = "x-chrony-tracker-sent-us";

/** OTLP without points. Any receiver accepts it, and its answer has a date. */
const EMPTY_REQUEST = Buffer.from("{}");

/** The most requests for the collector's date before a round. */
const MOST_QUESTIONS = 3;

const DROP_WORDS: Readonly<Record<DropReason, string>> = {
  age: "they are too old (BACKLOG_MAX_AGE)",
  bytes: "there is no more room (BACKLOG_MAX_BYTES)",
  rejected: "they are rejected",
};

/**
 * Collects once per interval and pushes the queue, until it is stopped. Collecting continues while a push
 * is in progress or fails. Two requests never overlap.
 */
export class Push {
  readonly #options: PushOptions;
  readonly #stop = new AbortController();
  readonly #cut = new AbortController();
  readonly #fault: LastingFault;
  readonly #loss: LastingFault;
  readonly #queue: Queue;
  readonly #collectorTime = new CollectorTime();
  #counts: ExportCounts = { success: 0, failure: 0, lastSuccessWallMs: undefined };
  #lastFailure: string | undefined;
  #lastAcceptedMs: number | undefined;
  /** The monotonic time of the newest collection, in milliseconds. */
  #lastCollectedMs: number | undefined;
  #isSynchronised = false;
  #droppedBefore: BacklogCounts["dropped"];
  /** The backend's last reason for rejecting points. */
  #rejectionReason = "";
  #round: Promise<void> | undefined;
  /** Whether a round became due while another was in progress. */
  #roundIsDue = false;
  /** The deadline for the last request when the agent stops: monotonic, in milliseconds. */
  #deadlineMs = Number.POSITIVE_INFINITY;

  constructor(options: PushOptions) {
    this.#options = options;
    this.#queue = new Queue({
      maxAgeMs: options.backlogMaxAgeMs,
      maxBytes: options.backlogMaxBytes,
      seriesBefore: METRICS.filter(isPlain).map(seriesOf),
      isClocks: (name) => CLOCK_NAMES.has(name),
    });
    this.#fault = new LastingFault(
      options.log,
      `The collector at ${shownAddress(options.otlp.url)} accepts pushes again.`,
    );
    this.#loss = new LastingFault(options.log, "No more points are dropped.");
    this.#droppedBefore = this.#queue.counts.dropped;
  }

  get counts(): ExportCounts {
    return this.#counts;
  }

  get backlog(): BacklogCounts {
    return this.#queue.counts;
  }

  /** The results of the pushes so far. */
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

  /** Whether a push was attempted, successful or not. */
  get tried(): boolean {
    return this.#counts.success + this.#counts.failure > 0;
  }

  /** Starts. The first push follows the first poll. */
  start(): void {
    void this.#run();
  }

  /**
   * Makes a last collection, pushes the whole queue and stops. Points that are not accepted are lost.
   * @param longestMs the time limit, in milliseconds
   */
  async stop(longestMs: number): Promise<void> {
    this.#deadlineMs = performance.now() + longestMs;
    this.#stop.abort();
    // Collect now: once the polls have stopped, the values would soon be withheld.
    await this.#collect();
    // A push in progress must leave time for the last one.
    const cutting = setTimeout(() => this.#cut.abort(), longestMs / 2);
    await this.#round;
    clearTimeout(cutting);
    await this.#pushRound();
  }

  async #run(): Promise<void> {
    const { intervalMs, readingIntervalMs, resource } = this.#options;
    await this.#untilFirstReading();
    const beganMs = performance.now();
    // Spread the load: agents that start together (a rollout, a new node pool) must not push together.
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
      // Points have the time of their poll, so each collection needs a new poll.
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
      // No new poll. A second value with the same timestamp would make the backend reject the request.
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
      // After a success, even a late one, the next round can wait until it is due.
    } while (this.#roundIsDue && this.#lastFailure !== undefined);
  }

  /** Sends the queue, one request after another, within the time of a push. */
  async #pushRound(): Promise<void> {
    if (!(await this.#askForDate())) {
      return;
    }
    // No request starts after this; one that has started has its own timeout.
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
      // A rejected trial is not worth a log line: the newest collection was accepted.
      this.#report(outcome, isTrial);
    }
  }

  /**
   * Requests the collector's date if it is not known.
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
        this.#fault.absent(nowMs);
      } else {
        const { points } = this.#queue.counts;
        const { kind, detail } = { detail: "", ...outcome.error };
        this.#fault.present(
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
      this.#loss.absent(nowMs);
      return;
    }
    const why = reasons.map((reason) => DROP_WORDS[reason]).join(" or ");
    const said =
      reasons.includes("rejected") && this.#rejectionReason !== ""
        ? ` The backend said: ${this.#rejectionReason}`
        : "";
    this.#loss.present(why, `Points are dropped, because ${why}.${said}`, nowMs);
  }

  async #untilFirstReading(): Promise<void> {
    while (this.#options.sampler.history === undefined && !this.#stop.signal.aborted) {
      await this.#options.sampler.nextReading(LATEST_READING_MS);
    }
  }

  /** Sleeps for a time in milliseconds, or until the push is stopped. */
  async #sleep(lengthMs: number): Promise<void> {
    const { signal } = this.#stop;
    await sleep(lengthMs, undefined, { signal }).catch(() => undefined);
  }
}

const CLOCK_NAMES: ReadonlySet<string> = new Set(CLOCK_METRICS.map(({ name }) => name));

/** The series of a metric without labels, as in a collection. */
function seriesOf({ name, help, kind }: Metric): Series {
  const descriptor = { name, description: help, unit: "", valueType: ValueType.DOUBLE };
  return { key: seriesKey(name, {}), descriptor, kind, attributes: {} };
}

/** The wall clock now, finer than the whole milliseconds of Node.js. */
function preciseWallMs({ wallMs, monotonicMs }: ClockPair): number {
  return wallMs + performance.now() - monotonicMs;
}

/** A fixed phase for each node: a fraction of the interval, above 0 and at most 1, the same after every start. */
function phaseOf(node: string): number {
  return (createHash("sha256").update(node).digest().readUInt32BE() + 1) / 2 ** 32;
}
