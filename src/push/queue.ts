/**
 * The queue of collections that the backend has not accepted yet. It decides what the next request
 * contains, and what an answer (answer.ts) means for the collections in it. Pure: the clocks are
 * arguments.
 *
 * A **round** of requests is due once per interval. A request contains whole collections, oldest first,
 * up to 900 kB. What follows depends on its outcome:
 *
 * - **accepted**: the collections leave the queue. Points that the backend rejected are counted as
 *   dropped (`rejected`).
 * - **rejected** (400, 422, 500): the collections stay and are sent **one by one** from now on.
 * - **too large** (413): the next request is half as large. A single collection that is too large is
 *   divided into the clock's own series and the rest, then into halves. A single point is dropped
 *   (`rejected`).
 * - **wait** (everything else): the collections stay and the round ends. After a timeout, the next request
 *   is half as large. After three such outcomes in a row, a round starts with the oldest collection alone,
 *   so that a backend that returns gets everything in order. At every tenth such outcome the newest
 *   follows at once, because the oldest may be the one that is no longer accepted. If the newest is
 *   accepted, all are sent **one by one**. This is not tried more often because a backend without an
 *   out-of-order window that returns just between the two accepts nothing older afterwards.
 *
 * **One by one**: a round starts with the newest collection alone. If it is accepted, the others follow:
 * first those that were not tried for longest and, among these, the newest first, because a backend
 * accepts them for longest. Each accepted request doubles the size of the next; collections that fail
 * together are tried alone. One that is rejected alone is retried at once, and dropped (`rejected`) when
 * it was rejected twice in each of ten rounds over five minutes. If the newest collection is rejected
 * three times, only the clock's own series of it are sent. The mode ends when the queue is empty.
 *
 * In every mode:
 *
 * - A collection that exceeds the maximum age is dropped (`age`). If the queue exceeds its memory limit, the
 *   oldest is dropped (`bytes`). Only the newest is always kept.
 * - A collection has the same timestamp in every request: the node's clock plus the correction
 *   (collector-time.ts) at the first sending of any collection after it was made. Timestamps increase from
 *   one collection to the next, unless the clock was corrected by ten seconds or more.
 * - A series that was sent and is no longer observed gets a staleness marker (ended-series.ts).
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
} from "./batch.ts";
import { EndedSeries } from "./ended-series.ts";

export type QueueOptions = {
  readonly maxAgeMs: number;
  readonly maxBytes: number;
  /** Series that a previous agent may have pushed. */
  readonly seriesBefore: readonly Series[];
  /** Whether the metric with this name is one of the clock's own. */
  readonly isClocks: (name: string) => boolean;
};

/** The size of the points in a request before compression; the rest of 1 MiB is for the resource. */
const MOST_REQUEST_BYTES = 900_000;

/** After this many `wait` outcomes in a row, a round starts with a single collection. */
const MOST_WAITS = 3;

/** After each further this many, the newest collection is tried after the oldest. */
const WAITS_UNTIL_NEWEST = 10;

/** After this many rejections, the newest collection is divided. */
const NEWEST_REJECTIONS = 3;

/**
 * A collection is dropped after it was rejected in this many rounds, over this time. If a backend rejects
 * every second request at random, this loses one collection in a million.
 */
const MOST_REJECTIONS = 10;
const REJECTED_FOR_MS = 5 * 60_000;

/** Prometheus shows a series for 5 minutes after its last sample. */
const LONGEST_SHOWN_MS = 5 * 60_000;

/** Collections keep their order if a correction would swap them by less than this. */
const SAME_ORDER_MS = 10_000;

/** The purpose of a request: to test the newest or the oldest collection, or to send the rest. */
type Purpose = "newest" | "oldest" | "rest";

export class Queue {
  readonly #options: QueueOptions;
  readonly #clock = new UnsteppedClock();
  readonly #ended: EndedSeries;
  /** In the order of collection. */
  #waiting: Batch[] = [];
  /** The number of the newest collection. */
  #number = 0;
  /** The timestamp of the last collection that has one. */
  #lastSentMs = Number.NEGATIVE_INFINITY;
  #waits = 0;
  #isOneByOne = false;
  #newestRejections = 0;
  #mostBytes = MOST_REQUEST_BYTES;
  /** The batch that was just rejected alone, to be retried at once. */
  #again: Batch | undefined;
  #purpose: Purpose = "rest";
  #round = roundOf(0);
  readonly #dropped: Record<DropReason, number> = { age: 0, bytes: 0, rejected: 0 };

  constructor(options: QueueOptions) {
    this.#options = options;
    this.#ended = new EndedSeries(options.seriesBefore);
  }

  get counts(): BacklogCounts {
    return { points: countPoints(this.#waiting), dropped: { ...this.#dropped } };
  }

  /**
   * Adds a collection, with staleness markers for the series that it lacks. Collections must be added in
   * the order of their monotonic times.
   * @param clocks the node's clocks at the time of the points
   * @param startedWallMs when the counters started, in milliseconds since 1970
   */
  add(collected: ResourceMetrics, clocks: ClockPair, startedWallMs: number): void {
    const number = this.#number + 1;
    this.#number = number;
    const nowMs = timeWithSleepMs(clocks);
    const points = this.#ended.withEnds(collected, number, nowMs);
    const moment = {
      number,
      takenMs: nowMs,
      timeMs: this.#clock.timeOf(clocks),
      countedMs: Math.max(0, clocks.wallMs - startedWallMs),
      sentMs: undefined,
    };
    // The clock's own series come first, so that they stay together if the collection is divided.
    const { own, others } = this.#divided(points);
    this.#waiting.push(...batchesOf(moment, [...own, ...others], MOST_REQUEST_BYTES));
    this.#dropOld(nowMs);
    this.#dropForRoom();
  }

  /** Starts a round of requests. */
  beginRound(): void {
    this.#round = roundOf(this.#round.number + 1);
  }

  /**
   * The batches of the next request; empty when the round is over.
   * @param now the node's clocks
   * @param correctionMs added to the time of collections that have no timestamp yet
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

  /** Whether the last request was a test of which older collection is rejected. */
  get isTrial(): boolean {
    return this.#isOneByOne && this.#purpose === "rest";
  }

  /**
   * Processes the outcome of the request that {@link next} returned last.
   * @param nowMs monotonic time, in milliseconds
   */
  settle(batches: readonly Batch[], outcome: Outcome, nowMs: number): void {
    const again = this.#again;
    this.#again = undefined;
    switch (outcome.kind) {
      case "accepted":
        this.#remove(batches);
        this.#dropped.rejected += Math.min(outcome.rejectedPoints, countPoints(batches));
        this.#ended.accepted(batches);
        this.#accepted(requestBytesOf(batches));
        return;
      case "rejected":
        this.#rejected(batches, again, nowMs);
        return;
      case "too large":
        this.#tooLarge(batches);
        return;
      case "wait":
        if (outcome.isAnswer && this.#isGroup(batches)) {
          this.#tryAlone(batches);
          return;
        }
        this.#waits += outcome.isAnswer ? 1 : 0;
        this.#round.isOver = !(outcome.isAnswer && this.#purpose === "oldest" && this.#isNewestDue);
        if (outcome.error.kind === "timed out") {
          this.#mostBytes = requestBytesOf(batches) / 2;
        }
    }
  }

  /** Whether a request in one-by-one mode contained several collections. */
  #isGroup(batches: readonly Batch[]): boolean {
    return this.isTrial && batches.length > 1;
  }

  /** Tries each batch alone, to find the one that is rejected. */
  #tryAlone(batches: readonly Batch[]): void {
    this.#mostBytes = 0;
    for (const batch of batches) {
      batch.triedInRound = 0;
    }
  }

  #accepted(bytes: number): void {
    const isNewest = this.#purpose === "newest";
    this.#round.newestAccepted ||= isNewest;
    this.#isOneByOne = (this.#isOneByOne || isNewest) && this.#waiting.length > 0;
    this.#waits = 0;
    this.#mostBytes = isNewest
      ? 0
      : Math.min(2 * Math.max(this.#mostBytes, bytes), MOST_REQUEST_BYTES);
    if (this.#newest === undefined) {
      this.#newestRejections = 0;
    }
  }

  #rejected(batches: readonly Batch[], again: Batch | undefined, nowMs: number): void {
    const [batch] = batches;
    if (!this.isTrial || batch === undefined) {
      this.#isOneByOne = true;
      this.#newestRejections += batch === this.#newest ? 1 : 0;
      this.#round.isOver = true;
      return;
    }
    if (this.#isGroup(batches)) {
      this.#tryAlone(batches);
    } else if (batch !== again) {
      this.#again = batch;
    } else {
      const { rejectedMs } = batch;
      const [firstMs = nowMs] = rejectedMs;
      if (rejectedMs.push(nowMs) >= MOST_REJECTIONS && nowMs - firstMs >= REJECTED_FOR_MS) {
        this.#drop("rejected", batches);
      }
    }
  }

  #tooLarge(batches: readonly Batch[]): void {
    const [first] = batches;
    this.#mostBytes = requestBytesOf(batches) / 2;
    if (batches.length === 1 && first !== undefined) {
      if (first.series.length > 1) {
        this.#divide(first);
      } else {
        this.#drop("rejected", batches);
      }
    }
  }

  get #isNewestDue(): boolean {
    return this.#waits % WAITS_UNTIL_NEWEST === 0;
  }

  get #newest(): Batch | undefined {
    return this.#waiting.find(({ moment }) => moment.number === this.#number);
  }

  #chosen(): readonly Batch[] {
    const newest = this.#newest;
    const [oldest] = this.#waiting;
    const isInDoubt = this.#waits >= MOST_WAITS && !this.#isOneByOne;
    if (isInDoubt && !this.#round.oldestTried && oldest !== undefined && oldest !== newest) {
      this.#round.oldestTried = true;
      this.#purpose = "oldest";
      return [oldest];
    }
    const triesNewest = this.#isOneByOne || (isInDoubt && this.#isNewestDue);
    if (triesNewest && !this.#round.newestAccepted && newest !== undefined) {
      this.#purpose = "newest";
      return [this.#newestRejections < NEWEST_REJECTIONS ? newest : this.#divide(newest)];
    }
    this.#purpose = "rest";
    return this.#isOneByOne ? this.#oneByOne() : this.#fitting(this.#waiting);
  }

  #oneByOne(): readonly Batch[] {
    if (this.#again !== undefined) {
      return [this.#again];
    }
    const { number } = this.#round;
    const untried = this.#waiting.filter(({ triedInRound }) => triedInRound !== number);
    const batches = this.#fitting(untried.toSorted(inOrderOfTrial));
    for (const batch of batches) {
      batch.triedInRound = number;
    }
    return batches.toSorted((a, b) => a.moment.number - b.moment.number);
  }

  /** The first batches that fit into a request; at least one. */
  #fitting(all: readonly Batch[]): readonly Batch[] {
    let bytes = 0;
    return all.filter(({ requestBytes }, index) => {
      bytes += requestBytes;
      return index === 0 || bytes <= this.#mostBytes;
    });
  }

  /** Divides a batch in the queue: the clock's own series and the rest, or two halves. @returns the first part */
  #divide(batch: Batch): Batch {
    const points = pointsOf(batch);
    const { own, others } = this.#divided(points);
    const half = points.length / 2;
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

  #dropOld(nowMs: number): void {
    const { maxAgeMs } = this.#options;
    const old = this.#waiting.filter(({ moment }) => nowMs - moment.takenMs > maxAgeMs);
    this.#drop("age", old);
    this.#ended.forget(nowMs - Math.max(maxAgeMs, LONGEST_SHOWN_MS));
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

function roundOf(number: number) {
  return { number, oldestTried: false, newestAccepted: false, isOver: false };
}

function inOrderOfTrial(a: Batch, b: Batch): number {
  return a.triedInRound - b.triedInRound || b.moment.number - a.moment.number;
}

function countPoints(batches: readonly Batch[]): number {
  return batches.reduce((sum, { series }) => sum + series.length, 0);
}

function requestBytesOf(batches: readonly Batch[]): number {
  return batches.reduce((sum, { requestBytes }) => sum + requestBytes, 0);
}
