/**
 * The queue of collections: what waits until the backend has it, which of it goes with the next
 * request, and what becomes of it by the answer (answer.ts). Pure: the clocks are arguments.
 *
 * A **round** of requests is due once an interval. A request carries whole collections, oldest first, at
 * most 900 kB. By its outcome:
 *
 * - **accepted**: its points are gone. What the backend rejected of them is counted (`rejected`).
 * - **rejected** (400, 422, 500): all wait, and are sent **one by one** from now on.
 * - **too large** (413): half as much goes with the next request. A collection that is too large alone is
 *   divided into the clock's own series and the rest, then in halves. A point alone is dropped
 *   (`rejected`).
 * - **wait** (everything else): all wait, and the round is over. Where no answer came in time, half as
 *   much goes with the next request. After three answers in a row that say wait, a round begins with the
 *   oldest collection alone, so that a backend that was away gets all in order. At every tenth such
 *   answer the newest follows at once, because the oldest may be what is not accepted any more. When the
 *   newest is accepted, all are sent **one by one**. Not more often: a backend without an out-of-order
 *   window that comes back just between these two takes nothing older any more.
 *
 * **One by one**: a round begins with the newest collection alone, and only when that is accepted the
 * others follow, those first that were not tried for longest, and of these the newest, which a backend
 * takes longest. After each that is accepted, twice as much goes with the next request; several that are
 * not accepted together are tried alone. One that is rejected alone is tried again at once; when it was rejected
 * twice in ten rounds over five minutes, it is dropped (`rejected`). A newest collection that is rejected
 * three times goes as the clock's own series alone. All this ends when nothing waits.
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
  /** Series that an agent before this one may have pushed. */
  readonly seriesBefore: readonly Series[];
  /** Whether a metric of this name is one of the clock's own. */
  readonly isClocks: (name: string) => boolean;
};

/** What a request carries before it is compressed; the rest of 1 MiB is for the resource. */
const MOST_REQUEST_BYTES = 900_000;

/** So many answers in a row that say wait, and a round begins with a collection alone. */
const MOST_WAITS = 3;

/** Whenever there were so many more, the newest collection is tried after the oldest. */
const WAITS_UNTIL_NEWEST = 10;

/** The newest collection is divided that was rejected so often. */
const NEWEST_REJECTIONS = 3;

/**
 * A collection is dropped that was rejected in so many rounds, over so long. A backend that rejects every
 * second request at random then costs one collection in a million.
 */
const MOST_REJECTIONS = 10;
const REJECTED_FOR_MS = 5 * 60_000;

/** Prometheus shows a series for 5 minutes after its last sample. */
const LONGEST_SHOWN_MS = 5 * 60_000;

/** Collections that would change places by less than this keep their order. */
const SAME_ORDER_MS = 10_000;

/** What a request is to find out: whether the newest or the oldest collection is accepted, or nothing. */
type Purpose = "newest" | "oldest" | "rest";

export class Queue {
  readonly #options: QueueOptions;
  readonly #clock = new UnsteppedClock();
  readonly #ended: EndedSeries;
  /** In the order of their collections. */
  #waiting: Batch[] = [];
  /** The newest collection's. */
  #number = 0;
  /** The time of the last collection that has one. */
  #lastSentMs = Number.NEGATIVE_INFINITY;
  #waits = 0;
  #isOneByOne = false;
  #newestRejections = 0;
  #mostBytes = MOST_REQUEST_BYTES;
  /** What was rejected alone a moment ago. */
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
   * Takes a collection in, with the ends of what it lacks. Collections come in the order of their
   * monotonic times.
   * @param clocks the node's clocks at the moment that its points belong to
   * @param startedWallMs when its counters began, in milliseconds since 1970
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
    // The clock's own come first, so that they are together where there is too much for one request.
    const { own, others } = this.#divided(points);
    this.#waiting.push(...batchesOf(moment, [...own, ...others], MOST_REQUEST_BYTES));
    this.#dropOld(nowMs);
    this.#dropForRoom();
  }

  /** Begins a round of requests. */
  beginRound(): void {
    this.#round = roundOf(this.#round.number + 1);
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

  /** Whether the last request was one of those that find out which of the older collections is rejected. */
  get isTrial(): boolean {
    return this.#isOneByOne && this.#purpose === "rest";
  }

  /**
   * What became of the request that {@link next} gave last.
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

  /** Whether a request carried several of those that are sent one by one, because others were accepted. */
  #isGroup(batches: readonly Batch[]): boolean {
    return this.isTrial && batches.length > 1;
  }

  /** Which of them it is shows when each is tried alone. */
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

  /** The first of these that fit in a request; one at least. */
  #fitting(all: readonly Batch[]): readonly Batch[] {
    let bytes = 0;
    return all.filter(({ requestBytes }, index) => {
      bytes += requestBytes;
      return index === 0 || bytes <= this.#mostBytes;
    });
  }

  /** Divides a batch that waits: the clock's own series and the rest, or two halves. @returns the first part */
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
