/** The way out by push: a collection once an interval, by OTLP to the collector. */
import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { ValueType } from "@opentelemetry/api";
import { millisToHrTime } from "@opentelemetry/core";
import type { Resource } from "@opentelemetry/resources";
import {
  AggregationTemporality,
  DataPointType,
  type GaugeMetricData,
  type ResourceMetrics,
} from "@opentelemetry/sdk-metrics";
import type { ClockPair } from "../clock/clock-pair.ts";
import { LastingFault } from "../lasting-fault.ts";
import type { Log } from "../log.ts";
import { METRICS, SENT_PLACEHOLDER } from "../metrics/catalogue.ts";
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
import { shownAddress } from "../redact.ts";
import type { Sampler } from "../sampler.ts";
import type { OtlpSettings } from "../settings.ts";
import { readSystemClocks } from "../system-clocks.ts";
import { Backlog, type BacklogRequest } from "./backlog.ts";
import { CollectorClock } from "./collector-clock.ts";
import { exportOnce } from "./otlp-export.ts";
import { describePushError, outcomeOf, type PushError } from "./push-error.ts";

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
  readonly observe: () => Observation | undefined;
  readonly log: Log;
};

/** How much later than it is due a reading may come, before a collection is made without it. */
const LATEST_READING_MS = 5_000;

/** How much of the interval a push waits at the most after one that failed: agents must not return together. */
const JITTER = 0.1;

const DROP_WORDS: Readonly<Record<DropReason, string>> = {
  age: "they are too old (BACKLOG_MAX_AGE)",
  bytes: "there is no more room (BACKLOG_MAX_BYTES)",
  refused: "they are refused when they are sent alone",
};

/**
 * Collects once an interval and pushes what waits, until it is stopped. Collecting goes on while a
 * push is under way or fails. Two requests never overlap.
 */
export class Push {
  readonly #options: PushOptions;
  readonly #stop = new AbortController();
  readonly #cut = new AbortController();
  readonly #fault: LastingFault;
  readonly #loss: LastingFault;
  readonly #backlog: Backlog;
  readonly #collectorClock = new CollectorClock();
  #counts: ExportCounts = { success: 0, failure: 0, lastSuccessWallMs: undefined };
  #lastFailure: string | undefined;
  #lastAcceptedMs: number | undefined;
  /** The moment of the newest collection by the monotonic clock, in milliseconds. */
  #lastCollectedMs: number | undefined;
  #droppedBefore: BacklogCounts["dropped"];
  #round: Promise<void> | undefined;
  /** A round became due while another was under way. */
  #roundIsDue = false;
  /** When the last request must have ended, once the agent is told to stop: monotonic, in milliseconds. */
  #deadlineMs = Number.POSITIVE_INFINITY;

  constructor(options: PushOptions) {
    this.#options = options;
    this.#backlog = new Backlog({
      maxAgeMs: options.backlogMaxAgeMs,
      maxBytes: options.backlogMaxBytes,
      resource: options.resource,
      namesBefore: METRICS.filter(isPlain).map(({ name }) => name),
    });
    this.#fault = new LastingFault(
      options.log,
      `The collector at ${shownAddress(options.otlp.url)} accepts pushes again.`,
    );
    this.#loss = new LastingFault(options.log, "No more points are dropped.");
    this.#droppedBefore = this.#backlog.counts.dropped;
  }

  get counts(): ExportCounts {
    return this.#counts;
  }

  get backlog(): BacklogCounts {
    return this.#backlog.counts;
  }

  /** Why the last push failed, as a sentence; `undefined` when it did not, or there was none yet. */
  get lastFailure(): string | undefined {
    return this.#lastFailure;
  }

  /** When a push was last accepted: monotonic time, in milliseconds. */
  get lastAcceptedMs(): number | undefined {
    return this.#lastAcceptedMs;
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
    const observation = observe();
    if (observation === undefined) {
      return;
    }
    const { clocks } = observation.assessment;
    if (clocks.monotonicMs === this.#lastCollectedMs) {
      // Nothing new: a second value at the time of the first would be refused, and all with it.
      return;
    }
    this.#lastCollectedMs = clocks.monotonicMs;
    const collected = await collect(resource, catalogue, observation);
    this.#backlog.add(collected, clocks, observation.startedWallMs);
    this.#tellLoss();
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

  /** What waits, and then at the most one request to find out what the far end refuses. */
  async #pushRound(): Promise<void> {
    let clocks = readSystemClocks();
    let request = this.#backlog.firstRequest(clocks);
    while (request !== undefined && clocks.monotonicMs < this.#deadlineMs) {
      const accepted = await this.#push(request, clocks);
      clocks = readSystemClocks();
      request = accepted ? this.#backlog.nextRequest(request, clocks) : undefined;
    }
  }

  /** Gives whether the request was accepted. */
  async #push(request: BacklogRequest, clocks: ClockPair): Promise<boolean> {
    const { otlp, timeoutMs } = this.#options;
    const limitMs = Math.min(timeoutMs, this.#deadlineMs - clocks.monotonicMs);
    const metrics = withPlaceholder(request);
    const cut = this.#cut.signal.aborted ? undefined : this.#cut.signal;
    const result = await exportOnce(otlp, metrics, limitMs, clocks, this.#collectorClock, cut);
    this.#backlog.settle(request, result.ok ? "accepted" : outcomeOf(result.error));

    const nowMs = performance.now();
    const { success, failure } = this.#counts;
    if (result.ok) {
      this.#counts = { success: success + 1, failure, lastSuccessWallMs: Date.now() };
      this.#lastAcceptedMs = nowMs;
    } else {
      this.#counts = { ...this.#counts, failure: failure + 1 };
    }
    // What is suspect is tried to find out what is refused: that it is refused is no news.
    if (request.purpose !== "suspects") {
      this.#tell(result.ok ? undefined : result.error, nowMs);
    }
    return result.ok;
  }

  #tell(error: PushError | undefined, nowMs: number): void {
    this.#lastFailure = error && describePushError(error);
    if (error === undefined) {
      this.#fault.absent(nowMs);
    } else {
      const { points } = this.#backlog.counts;
      this.#fault.present(error.kind, `${this.#lastFailure} ${points} points wait.`, nowMs);
    }
  }

  #tellLoss(): void {
    const { dropped } = this.#backlog.counts;
    const reasons = DROP_REASONS.filter((reason) => dropped[reason] > this.#droppedBefore[reason]);
    this.#droppedBefore = dropped;
    if (reasons.length === 0) {
      this.#loss.absent(performance.now());
    } else {
      const why = reasons.map((reason) => DROP_WORDS[reason]).join(" or ");
      this.#loss.present(
        why,
        `Points are dropped that were not accepted: ${why}.`,
        performance.now(),
      );
    }
  }

  async #untilFirstReading(): Promise<void> {
    while (this.#options.observe() === undefined && !this.#stop.signal.aborted) {
      await this.#options.sampler.nextReading(LATEST_READING_MS);
    }
  }

  /** Sleeps, in milliseconds, or until it is stopped. */
  async #sleep(lengthMs: number): Promise<void> {
    const { signal } = this.#stop;
    await sleep(lengthMs, undefined, { signal }).catch(() => undefined);
  }
}

/** The request that brings the newest collection tells how far off the node's clock is, too. */
function withPlaceholder({ metrics, newestWallMs }: BacklogRequest): ResourceMetrics {
  if (newestWallMs === undefined) {
    return metrics;
  }
  const time = millisToHrTime(newestWallMs);
  const { name, help } = SENT_PLACEHOLDER;
  const placeholder: GaugeMetricData = {
    descriptor: { name, description: help, unit: "", valueType: ValueType.DOUBLE },
    dataPointType: DataPointType.GAUGE,
    aggregationTemporality: AggregationTemporality.CUMULATIVE,
    dataPoints: [{ startTime: time, endTime: time, attributes: {}, value: 0 }],
  };
  return {
    resource: metrics.resource,
    scopeMetrics: metrics.scopeMetrics.map(({ scope, metrics: others }) => ({
      scope,
      metrics: [...others, placeholder],
    })),
  };
}

/** A node's own share of the interval, from just above 0 to 1, the same at every start. */
function phaseOf(node: string): number {
  return (createHash("sha256").update(node).digest().readUInt32BE() + 1) / 2 ** 32;
}
