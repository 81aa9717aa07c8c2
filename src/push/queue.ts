/**
 * The queue of collections: what waits until the backend has it. Which of it goes with the next request,
 * and what becomes of it by the answer, is in rounds.ts. Pure: the clocks are arguments.
 *
 * Always:
 *
 * - No collection is older than the age (`age`), and all together take no more memory than the bytes
 *   (`bytes`: the oldest goes first). Only the newest is kept whatever it takes.
 * - A collection has the same time in each request: that of the node's clock and the correction
 *   (collector-time.ts) when any was sent for the first time after it was made. It is never at or before
 *   the collection before it, unless the clock was put right by ten seconds or more.
 * - A series that was sent and is not observed any more has an end (ended-series.ts).
 */
import type { ResourceMetrics } from "@opentelemetry/sdk-metrics";
import { type ClockPair, timeWithSleepMs } from "../clock/clock-pair.ts";
import { certainStepMs } from "../clock/step-detector.ts";
import type { BacklogCounts, DropReason } from "../metrics/metric.ts";
import {
  type Batch,
  batchOf,
  type Moment,
  memoryOf,
  pointsOf,
  type Series,
  type SeriesValue,
} from "./batch.ts";
import { EndedSeries } from "./ended-series.ts";

export type QueueOptions = {
  readonly maxAgeMs: number;
  readonly maxBytes: number;
  /** Series that an agent before this one may have pushed. */
  readonly seriesBefore: readonly Series[];
  /** Whether a metric of this name is one of the clock's own. */
  readonly isClocks: (name: string) => boolean;
};

/** What a request carries before it is compressed; the rest of 1 MiB is for the resource. */
export const MOST_REQUEST_BYTES = 900_000;

/** Prometheus shows a series for 5 minutes after its last sample. */
const LONGEST_SHOWN_MS = 5 * 60_000;

/** Collections that would change places by less than this keep their order. */
const SAME_ORDER_MS = 10_000;

export class Queue {
  readonly #options: QueueOptions;
  readonly #ended: EndedSeries;
  #waiting: readonly Batch[] = [];
  /** The newest collection's. */
  #moment: Moment | undefined;
  /** The time of the last collection that has one. */
  #lastSentMs = Number.NEGATIVE_INFINITY;
  readonly #dropped: Record<DropReason, number> = { age: 0, bytes: 0, rejected: 0 };

  constructor(options: QueueOptions) {
    this.#options = options;
    this.#ended = new EndedSeries(options.seriesBefore);
  }

  get counts(): BacklogCounts {
    return { points: countPoints(this.#waiting), dropped: { ...this.#dropped } };
  }

  /** What waits, oldest first. */
  get waiting(): readonly Batch[] {
    return this.#waiting;
  }

  /** The newest collection, or the first part of it that waits. */
  get newest(): Batch | undefined {
    return this.#waiting.find(({ moment }) => moment === this.#moment);
  }

  /**
   * Takes a collection in, with the ends of what it lacks. Collections come in the order of their
   * monotonic times.
   * @param clocks the node's clocks at the moment that its points belong to
   * @param startedWallMs when its counters began, in milliseconds since 1970
   */
  add(collected: ResourceMetrics, clocks: ClockPair, startedWallMs: number): void {
    const nowMs = timeWithSleepMs(clocks);
    const countedMs = Math.max(0, clocks.wallMs - startedWallMs);
    this.#moment = { clocks, countedMs, sentMs: undefined };
    const batches = this.#batchesOf(this.#moment, this.#ended.withEnds(collected, nowMs));
    this.#waiting = [...this.#waiting, ...batches];
    this.dropOld(nowMs);
    this.#dropForRoom();
  }

  /**
   * Gives a time to each collection that has none yet, because a request goes out.
   * @param now the node's clocks
   * @param correctionMs what is added to the node's time
   */
  setTimes(now: ClockPair, correctionMs: number): void {
    for (const { moment } of this.#waiting) {
      if (moment.sentMs === undefined) {
        const sentMs = moment.clocks.wallMs + certainStepMs(moment.clocks, now) + correctionMs;
        const behindMs = this.#lastSentMs - sentMs;
        moment.sentMs = behindMs >= 0 && behindMs < SAME_ORDER_MS ? this.#lastSentMs + 1 : sentMs;
        this.#lastSentMs = moment.sentMs;
      }
    }
  }

  /** The backend has these, but for so many of their points, which it rejected. */
  accept(batches: readonly Batch[], rejectedPoints: number): void {
    this.#remove(batches);
    this.#dropped.rejected += Math.min(rejectedPoints, countPoints(batches));
    this.#ended.accepted(batches);
  }

  /** Drops what still waits of these, and counts its points. */
  drop(reason: DropReason, batches: readonly Batch[]): void {
    const before = countPoints(this.#waiting);
    this.#remove(batches);
    this.#dropped[reason] += before - countPoints(this.#waiting);
  }

  /** @param nowMs monotonic, the machine's sleep included, in milliseconds */
  dropOld(nowMs: number): void {
    const { maxAgeMs } = this.#options;
    const old = this.#waiting.filter(
      ({ moment }) => nowMs - timeWithSleepMs(moment.clocks) > maxAgeMs,
    );
    this.drop("age", old);
    this.#ended.forget(nowMs - Math.max(maxAgeMs, LONGEST_SHOWN_MS));
  }

  /** Divides a batch of several points. @returns the first part, which has the clock's own series */
  divide(batch: Batch): Batch {
    const batches = this.#divided(pointsOf(batch)).flatMap((part) =>
      this.#batchesOf(batch.moment, part),
    );
    this.#waiting = this.#waiting.flatMap((one) => (one === batch ? batches : [one]));
    return batches[0] ?? batch;
  }

  /** Points as batches that fit in a request; a point that is larger is alone. */
  #batchesOf(moment: Moment, points: readonly SeriesValue[]): Batch[] {
    if (points.length === 0) {
      return [];
    }
    const batch = batchOf(moment, points);
    return points.length === 1 || batch.requestBytes <= MOST_REQUEST_BYTES
      ? [batch]
      : this.#divided(points).flatMap((part) => this.#batchesOf(moment, part));
  }

  /** The clock's own series and the rest; two halves where there is but one of these. */
  #divided(points: readonly SeriesValue[]): readonly SeriesValue[][] {
    const half = points.length / 2;
    const { own, others } = Object.groupBy(points, ({ series }) =>
      this.#options.isClocks(series.descriptor.name) ? "own" : "others",
    );
    return own !== undefined && others !== undefined
      ? [own, others]
      : [points.slice(0, half), points.slice(half)];
  }

  #dropForRoom(): void {
    let kept = this.#waiting;
    while (kept[0]?.moment !== this.#moment && memoryOf(kept) > this.#options.maxBytes) {
      kept = kept.slice(1);
    }
    this.drop("bytes", this.#waiting.slice(0, this.#waiting.length - kept.length));
  }

  #remove(batches: readonly Batch[]): void {
    const removed = new Set(batches);
    this.#waiting = this.#waiting.filter((batch) => !removed.has(batch));
  }
}

function countPoints(batches: readonly Batch[]): number {
  return batches.reduce((sum, { series }) => sum + series.length, 0);
}
