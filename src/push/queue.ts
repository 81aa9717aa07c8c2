/**
 * The queue of collections: what waits until the backend has it, which of it goes with the next
 * request, and what becomes of it by the answer (answer.ts). Pure: the clocks are arguments.
 *
 * A **round** of requests is due once an interval. It sends what waits, oldest first, whole collections,
 * at most 900 kB a request. What becomes of a request's points:
 *
 * - **accepted**: gone. What the answer says was rejected of them is counted as dropped (`rejected`).
 * - **rejected** (400, 422, 500): all wait. From now on a round begins with the newest collection
 *   alone. When that is taken the others follow **one by one**, the least tried first (twice as many
 *   together after each that is taken, so that slow requests do not keep them back). One that is
 *   rejected alone is tried again at once; one that was rejected twice so in at least ten rounds over five
 *   minutes is dropped (`rejected`). A newest collection that is rejected three times goes as the clock's
 *   own series alone, and the rest of it as one of the others.
 * - **too large** (413): half as much goes with the next request. One collection alone is divided into the
 *   clock's own series and the rest, then in halves; a point that is too large alone is dropped.
 * - **wait** (everything else): all wait. After three answers of that kind a round begins with the oldest
 *   collection alone, so that a backend that was away gets all in order. When that is not taken, the
 *   newest is tried alone; and when that is, the others follow together, after three more answers one by
 *   one. Where no answer came in time, half as much goes with the next request.
 *
 * When nothing waits any more, all that is forgotten. Always:
 *
 * - No collection is older than the age (`age`), and all together take no more memory than the bytes
 *   (`bytes`: the oldest goes first). Only the newest is kept whatever it takes.
 * - A collection has the same time in each request. It gets it when points are first sent after it was
 *   made: by the node's clock, with the correction of that moment (collector-time.ts), and never at or
 *   before the time of the collection before it, unless the clock was put right by ten seconds or more.
 * - **Gone means gone.** A series that was sent and is not observed any more has an end, a point of
 *   value NaN, in the next collection, and in each further one until a request with one was accepted,
 *   or the backend does not show it any more anyway.
 */
import type { ResourceMetrics } from "@opentelemetry/sdk-metrics";
import { type ClockPair, timeWithSleepMs } from "../clock/clock-pair.ts";
import { UnsteppedClock } from "../clock/unstepped-clock.ts";
import type { BacklogCounts, DropReason } from "../metrics/metric.ts";
import type { Outcome } from "./answer.ts";
import {
  type Batch,
  batchesOf,
  memoryOf,
  pointsOf,
  type Series,
  type SeriesValue,
  seriesValuesOf,
} from "./batch.ts";

export type QueueOptions = {
  readonly maxAgeMs: number;
  readonly maxBytes: number;
  /** Series that an agent before this one may have pushed. */
  readonly seriesBefore: readonly Series[];
  /** Whether a metric of this name is one of the clock's own. */
  readonly isClocks: (name: string) => boolean;
};

/** What a request carries before it is compressed; the rest of 1 MiB is for the resource. */
const MOST_REQUEST_BYTES = 900_000;

/** So many answered failures, and the newest collection goes first; so many, and all go one by one. */
const NEWEST_FIRST = 3;
const ONE_BY_ONE = 6;

/** The newest collection is divided that was rejected so often. */
const NEWEST_REJECTIONS = 3;

/**
 * A collection is dropped that was rejected in so many rounds, over so long. A backend that rejects every
 * second request at random then costs one collection in a million.
 */
const MOST_REJECTIONS = 10;
const REJECTED_FOR_MS = 5 * 60_000;

/** Collections that would change places by less than this keep their order. */
const SAME_ORDER_MS = 10_000;

/** Prometheus shows a series for 5 minutes after its last sample. */
const LONGEST_SHOWN_MS = 5 * 60_000;

type Shown = {
  readonly series: Series;
  /** The number of the last collection that observed it, and when that was taken. */
  readonly number: number;
  readonly observedMs: number;
};

export class Queue {
  readonly #options: QueueOptions;
  readonly #clock = new UnsteppedClock();
  /** In the order of their collections. */
  #waiting: Batch[] = [];
  /** The newest collection's, and when that was, by the clock without steps. */
  #number = 0;
  #timeMs = Number.NEGATIVE_INFINITY;
  /** The time of the last collection that has one. */
  #lastSentMs = Number.NEGATIVE_INFINITY;
  /** What the backend may show: each series, and the last collection that observed it. */
  readonly #shown: Map<string, Shown>;
  /** Counts answered failures; a rejection counts as many as there need be. */
  #doubt = 0;
  #newestRejections = 0;
  #mostBytes = MOST_REQUEST_BYTES;
  /** What was rejected alone a moment ago. */
  #again: Batch | undefined;
  /** How many of those that go one by one go together, because those before them were taken. */
  #together = 1;
  #round = { number: 0, oldestTried: false, newestTaken: false, isOver: false };
  readonly #dropped: Record<DropReason, number> = { age: 0, bytes: 0, rejected: 0 };

  constructor(options: QueueOptions) {
    this.#options = options;
    this.#shown = new Map(
      options.seriesBefore.map((series) => [series.key, { series, number: 0, observedMs: 0 }]),
    );
  }

  get counts(): BacklogCounts {
    return { points: countPoints(this.#waiting), dropped: { ...this.#dropped } };
  }

  /**
   * Takes a collection in, with the ends of what it lacks. Collections come in the order of their
   * monotonic times.
   * @param clocks the node's clocks at the moment that its points belong to
   * @param startedWallMs when its counters began, in milliseconds since 1970
   */
  add(collected: ResourceMetrics, clocks: ClockPair, startedWallMs: number): void {
    const number = this.#number + 1;
    const nowMs = timeWithSleepMs(clocks);
    const observed = seriesValuesOf(collected, this.#shown);
    for (const { series } of observed) {
      this.#shown.set(series.key, { series, number, observedMs: nowMs });
    }
    const ends = [...this.#shown.values()]
      .filter((shown) => shown.number < number)
      .map(({ series }) => ({ series, value: Number.NaN }));
    // Readings of the clocks that were too blurred to tell a step by must not change the order.
    const timeMs = Math.max(this.#clock.timeOf(clocks), this.#timeMs + 1);
    const moment = {
      number,
      takenMs: nowMs,
      timeMs,
      countedMs: Math.max(0, clocks.wallMs - startedWallMs),
      sentMs: undefined,
    };
    [this.#number, this.#timeMs] = [number, timeMs];
    // The clock's own come first, so that they are together where there is too much for one request.
    const { own, others } = this.#divided([...observed, ...ends]);
    this.#waiting.push(...batchesOf(moment, [...own, ...others], MOST_REQUEST_BYTES));
    this.#dropOld(nowMs);
    this.#dropForRoom();
  }

  /** Begins a round of requests. */
  beginRound(): void {
    const number = this.#round.number + 1;
    this.#round = { number, oldestTried: false, newestTaken: false, isOver: false };
  }

  /**
   * What the next request of the round carries; nothing when the round is over.
   * @param now the node's clocks
   * @param correctionMs what is added to the time of collections that have none yet
   */
  next(now: ClockPair, correctionMs: number): readonly Batch[] {
    this.#clock.follow(now);
    this.#dropOld(timeWithSleepMs(now));
    const batches = this.#round.isOver ? [] : this.#chosen();
    if (batches.length > 0) {
      this.#setTimes(correctionMs);
    }
    return batches;
  }

  /** Whether a request is one of those that find out which of the older collections is rejected. */
  isTrial(batches: readonly Batch[]): boolean {
    return this.#doubt >= ONE_BY_ONE && !this.#isNewest(batches);
  }

  /**
   * What became of a request.
   * @param nowMs monotonic time, in milliseconds
   */
  settle(batches: readonly Batch[], outcome: Outcome, nowMs: number): void {
    const isNewest = this.#isNewest(batches);
    const [first] = batches;
    const again = this.#again;
    this.#again = undefined;
    switch (outcome.kind) {
      case "accepted":
        this.#remove(batches);
        this.#dropped.rejected += Math.min(outcome.rejectedPoints, countPoints(batches));
        this.#endsTaken(batches);
        this.#accepted(isNewest);
        return;
      case "rejected":
        this.#rejected(batches, isNewest, again, nowMs);
        return;
      case "too large":
        this.#mostBytes = Math.floor(requestBytesOf(batches) / 2);
        if (batches.length > 1) {
          return;
        }
        if (first !== undefined && first.series.length > 1) {
          this.#divide(first);
        } else {
          this.#drop("rejected", batches);
        }
        return;
      case "wait":
        this.#together = 1;
        if (outcome.isAnswer && this.#isOldest(batches)) {
          return;
        }
        this.#round.isOver = true;
        if (outcome.error.kind === "timed out") {
          this.#mostBytes = Math.floor(requestBytesOf(batches) / 2);
        } else if (outcome.isAnswer && (this.#doubt < NEWEST_FIRST || !isNewest)) {
          this.#doubt += 1;
        }
        return;
    }
  }

  #accepted(isNewest: boolean): void {
    this.#mostBytes = Math.min(2 * this.#mostBytes, MOST_REQUEST_BYTES);
    this.#together *= isNewest ? 1 : 2;
    this.#round.newestTaken ||= isNewest;
    if (!this.#waiting.some(({ moment }) => moment.number === this.#number)) {
      this.#newestRejections = 0;
    }
    const areTogether = this.#doubt < NEWEST_FIRST || (this.#doubt < ONE_BY_ONE && !isNewest);
    if (this.#waiting.length === 0 || areTogether) {
      this.#doubt = 0;
    }
  }

  #rejected(
    batches: readonly Batch[],
    isNewest: boolean,
    again: Batch | undefined,
    nowMs: number,
  ): void {
    this.#doubt = Math.max(this.#doubt, ONE_BY_ONE);
    const [batch] = batches;
    const isTrial =
      !isNewest && batches.every(({ triedInRound }) => triedInRound === this.#round.number);
    this.#together = 1;
    if (batch === undefined || !isTrial) {
      this.#newestRejections += isNewest ? 1 : 0;
      this.#round.isOver = true;
      return;
    }
    if (batches.length > 1) {
      // Which of them it is, they tell alone.
      for (const one of batches) {
        one.triedInRound = 0;
      }
      return;
    }
    if (batch !== again) {
      this.#again = batch;
      return;
    }
    batch.rejectedSinceMs = batch.rejections === 0 ? nowMs : batch.rejectedSinceMs;
    batch.rejections += 1;
    if (batch.rejections >= MOST_REJECTIONS && nowMs - batch.rejectedSinceMs >= REJECTED_FOR_MS) {
      this.#drop("rejected", batches);
    }
  }

  #chosen(): readonly Batch[] {
    const newest = this.#waiting.find(({ moment }) => moment.number === this.#number);
    const [oldest] = this.#waiting;
    const isInDoubt = this.#doubt >= NEWEST_FIRST && this.#doubt < ONE_BY_ONE;
    if (isInDoubt && !this.#round.oldestTried && oldest !== undefined && oldest !== newest) {
      this.#round.oldestTried = true;
      return [oldest];
    }
    if (this.#doubt >= NEWEST_FIRST && !this.#round.newestTaken && newest !== undefined) {
      return [this.#newestRejections < NEWEST_REJECTIONS ? newest : this.#divide(newest)];
    }
    if (this.#doubt < ONE_BY_ONE) {
      return this.#oldest();
    }
    if (this.#again !== undefined) {
      return [this.#again];
    }
    const batches = this.#waiting
      .filter(({ triedInRound }) => triedInRound !== this.#round.number)
      .toSorted((a, b) => a.tries - b.tries)
      .slice(0, this.#together)
      .filter(
        (_, index, all) =>
          index === 0 || requestBytesOf(all.slice(0, index + 1)) <= this.#mostBytes,
      )
      .toSorted((a, b) => a.moment.number - b.moment.number);
    for (const batch of batches) {
      batch.triedInRound = this.#round.number;
      batch.tries += 1;
    }
    return batches;
  }

  #oldest(): readonly Batch[] {
    let bytes = 0;
    const tooMuch = this.#waiting.findIndex((batch, index) => {
      bytes += batch.requestBytes;
      return index > 0 && bytes > this.#mostBytes;
    });
    return tooMuch < 0 ? [...this.#waiting] : this.#waiting.slice(0, tooMuch);
  }

  /** Whether a request was only to see if the newest collection is taken. */
  #isNewest(batches: readonly Batch[]): boolean {
    return (
      batches.length === 1 && batches[0]?.moment.number === this.#number && !this.#round.newestTaken
    );
  }

  /** Whether a request was only to see if the oldest collection is taken. */
  #isOldest(batches: readonly Batch[]): boolean {
    return (
      batches.length === 1 &&
      batches[0] === this.#waiting[0] &&
      this.#round.oldestTried &&
      !this.#round.newestTaken &&
      batches[0]?.moment.number !== this.#number
    );
  }

  /** Divides a batch that waits: the clock's own series and the rest, or two halves. @returns the first part */
  #divide(batch: Batch): Batch {
    const points = pointsOf(batch);
    const { own, others } = this.#divided(points);
    const half = Math.ceil(points.length / 2);
    const parts =
      own.length > 0 && others.length > 0
        ? [own, others]
        : [points.slice(0, half), points.slice(half)];
    const batches = parts.flatMap((part) => batchesOf(batch.moment, part, MOST_REQUEST_BYTES));
    this.#waiting.splice(this.#waiting.indexOf(batch), 1, ...batches);
    return batches[0] ?? batch;
  }

  #divided(points: readonly SeriesValue[]) {
    const { own = [], others = [] } = Object.groupBy(points, ({ series }) =>
      this.#options.isClocks(series.descriptor.name) ? "own" : "others",
    );
    return { own, others };
  }

  #setTimes(correctionMs: number): void {
    for (const { moment } of this.#waiting) {
      if (moment.sentMs === undefined) {
        const sentMs = this.#clock.onWallClock(moment.timeMs) + correctionMs;
        const behindMs = this.#lastSentMs - sentMs;
        moment.sentMs = behindMs >= 0 && behindMs < SAME_ORDER_MS ? this.#lastSentMs + 1 : sentMs;
        this.#lastSentMs = moment.sentMs;
      }
    }
  }

  /** The backend does not show any more what was ended after it was last observed. */
  #endsTaken(batches: readonly Batch[]): void {
    for (const batch of batches) {
      for (const { series, value } of pointsOf(batch)) {
        const shown = this.#shown.get(series.key);
        if (Number.isNaN(value) && shown !== undefined && shown.number < batch.moment.number) {
          this.#shown.delete(series.key);
        }
      }
    }
  }

  #dropOld(nowMs: number): void {
    const { maxAgeMs } = this.#options;
    const old = this.#waiting.filter(({ moment }) => nowMs - moment.takenMs > maxAgeMs);
    this.#drop("age", old);
    for (const [key, { number, observedMs }] of this.#shown) {
      if (number < this.#number && nowMs - observedMs > Math.max(maxAgeMs, LONGEST_SHOWN_MS)) {
        this.#shown.delete(key);
      }
    }
  }

  #dropForRoom(): void {
    let kept = this.#waiting;
    while (kept[0]?.moment.number !== this.#number && memoryOf(kept) > this.#options.maxBytes) {
      kept = kept.slice(1);
    }
    this.#drop("bytes", this.#waiting.slice(0, this.#waiting.length - kept.length));
  }

  #drop(reason: DropReason, batches: readonly Batch[]): void {
    this.#remove(batches);
    this.#dropped[reason] += countPoints(batches);
  }

  #remove(batches: readonly Batch[]): void {
    const removed = new Set(batches);
    this.#waiting = this.#waiting.filter((batch) => !removed.has(batch));
  }
}

function countPoints(batches: readonly Batch[]): number {
  return batches.reduce((sum, { series }) => sum + series.length, 0);
}

function requestBytesOf(batches: readonly Batch[]): number {
  return batches.reduce((sum, { requestBytes }) => sum + requestBytes, 0);
}
