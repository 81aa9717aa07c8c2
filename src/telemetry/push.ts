/** The way out by push: a collection once an interval, by OTLP to the collector. */
import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Resource } from "@opentelemetry/resources";
import { LastingFault } from "../lasting-fault.ts";
import type { Log } from "../log.ts";
import type { Sampler } from "../sampler.ts";
import type { OtlpSettings } from "../settings.ts";
import { collect } from "./collection.ts";
import type { ExportCounts, Metric, Observation } from "./metrics/metric.ts";
import { METRICS, SENT_PLACEHOLDER } from "./metrics.ts";
import { exportOnce } from "./otlp-export.ts";
import { describePushError } from "./push-error.ts";
import { nodeName } from "./resource.ts";
import { FarEndSeries, withMarkers } from "./withheld.ts";

export type PushOptions = {
  readonly otlp: OtlpSettings;
  readonly intervalMs: number;
  /** Between two readings, in milliseconds. */
  readonly readingIntervalMs: number;
  /** What a push may take at the most, in milliseconds. */
  readonly timeoutMs: number;
  readonly resource: Resource;
  readonly catalogue: readonly Metric[];
  readonly sampler: Sampler;
  /** What can be said now; `undefined` before the first reading. */
  readonly observe: () => Observation | undefined;
  readonly log: Log;
};

/** How much later than it is due a reading may come, before a push goes out without it. */
const LATEST_READING_MS = 5_000;

/** Pushes until it is stopped. Two pushes never overlap. */
export class Push {
  readonly #options: PushOptions;
  readonly #stop = new AbortController();
  readonly #fault: LastingFault;
  readonly #catalogue: readonly Metric[];
  readonly #farEnd = new FarEndSeries([...METRICS, SENT_PLACEHOLDER]);
  #counts: ExportCounts = { success: 0, failure: 0, lastSuccessWallMs: undefined };
  #lastFailure: string | undefined;
  #lastAcceptedMs: number | undefined;
  /** The time of the newest collection that was pushed, in milliseconds since 1970. */
  #lastWallMs: number | undefined;
  #loop: Promise<void> | undefined;

  constructor(options: PushOptions) {
    this.#options = options;
    this.#catalogue = [...options.catalogue, SENT_PLACEHOLDER];
    this.#fault = new LastingFault(
      options.log,
      `The collector at ${options.otlp.url} accepts pushes again.`,
    );
  }

  get counts(): ExportCounts {
    return this.#counts;
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
    this.#loop ??= this.#run();
  }

  /**
   * Ends, after the push that is under way.
   * @param longestMs how long to wait for it at the most, in milliseconds
   */
  async stop(longestMs: number): Promise<void> {
    this.#stop.abort();
    await Promise.race([this.#loop, sleep(longestMs, undefined, { ref: false })]);
  }

  async #run(): Promise<void> {
    const { intervalMs, readingIntervalMs, resource } = this.#options;
    await this.#untilFirstReading();
    const beganMs = performance.now();
    // Agents that start together (a rollout, a new node pool) must not go on pushing together.
    let dueMs = beganMs + intervalMs * phaseOf(nodeName(resource));
    while (!this.#stop.signal.aborted) {
      await this.#pushOnce();
      while (dueMs <= performance.now()) {
        dueMs += intervalMs;
      }
      await this.#sleepUntil(dueMs);
      if (this.#stop.signal.aborted) {
        return;
      }
      // A point stands at its reading's time, so each push carries a reading that none had before.
      await this.#options.sampler.nextReading(readingIntervalMs + LATEST_READING_MS);
    }
  }

  async #pushOnce(): Promise<void> {
    const { otlp, timeoutMs, resource, observe } = this.#options;
    const observation = observe();
    if (observation === undefined || this.#stop.signal.aborted) {
      return;
    }
    const { wallMs } = observation.assessment;
    if (wallMs === this.#lastWallMs) {
      // Nothing new: a second value at the time of the first would be refused, and all with it.
      return;
    }
    this.#lastWallMs = wallMs;
    const collected = await collect(resource, this.#catalogue, observation);
    const missing = this.#farEnd.missingFrom(collected);

    this.#farEnd.pushing(collected);
    const result = await exportOnce(otlp, withMarkers(collected, missing, wallMs), timeoutMs);

    const nowMs = performance.now();
    if (result.ok) {
      this.#farEnd.accepted(collected);
      this.#counts = {
        ...this.#counts,
        success: this.#counts.success + 1,
        lastSuccessWallMs: Date.now(),
      };
      this.#lastFailure = undefined;
      this.#lastAcceptedMs = nowMs;
      this.#fault.absent(nowMs);
    } else {
      this.#counts = { ...this.#counts, failure: this.#counts.failure + 1 };
      this.#lastFailure = describePushError(result.error);
      this.#fault.present(result.error.kind, this.#lastFailure, nowMs);
    }
  }

  async #untilFirstReading(): Promise<void> {
    while (this.#options.observe() === undefined && !this.#stop.signal.aborted) {
      await this.#options.sampler.nextReading(LATEST_READING_MS);
    }
  }

  async #sleepUntil(dueMs: number): Promise<void> {
    const { signal } = this.#stop;
    await sleep(dueMs - performance.now(), undefined, { signal }).catch(() => undefined);
  }
}

/** A node's own share of the interval, from just above 0 to 1, the same at every start. */
function phaseOf(node: string): number {
  return (createHash("sha256").update(node).digest().readUInt32BE() + 1) / 2 ** 32;
}
