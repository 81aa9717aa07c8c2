/**
 * What waits in memory until the far end has it: which points go with the next request, and what
 * becomes of them when it ends. Pure: the clocks are arguments, and nothing is sent from here.
 *
 * A **round** of requests is due once an interval. Its first request carries everything that waits.
 * What holds, whatever the far end and the clocks do:
 *
 * 1. **Nothing is lost without being counted.** A point leaves by being accepted, or is counted as
 *    dropped: too old (`age`), no room (`bytes`; the oldest first), or refused (`refused`).
 * 2. **Nothing is sent again that was accepted.** What became of a request may be unknown; then all
 *    of it stays, and goes again with the same times and values.
 * 3. **In order.** The points of a series stand in each request in the order of their times, and no
 *    two at the same millisecond, also when the wall clock was stepped while they waited: they are
 *    kept by a clock without steps ({@link UnsteppedClock}), and every request is timed anew.
 * 4. **Bounded.** No point is older than the age, and all together take no more than the bytes. Only
 *    the newest collection is kept whatever it takes.
 * 5. **A refusal costs only what is refused by itself.** A far end refuses a whole request for one bad
 *    point, in the same words as for a missing role. So after a refusal a round only **probes**: first
 *    with what was surely not written yet, for a Prometheus without an out-of-order window refuses a
 *    second copy of the rest; then with the newest collection, and while that is refused, with half of
 *    it, a quarter, one point, all again. A far end that refuses everything gets one small request a
 *    round, and everything is kept. The series of a probe that was accepted are **trusted**: their new
 *    points go with the first request of a round. All else is **suspect**, and one further request a
 *    round tries some of it: accepted, its series are trusted, too; refused, it is divided in two; and
 *    only a point that is refused alone is dropped.
 * 6. **A series that is gone ends.** A series of one collection that the next one lacks has a marker
 *    there, a point like any other. A marker that is dropped, though nobody refused it, or that waits
 *    while a round is refused, is due in the next collection again.
 *
 * Where the node's clock is more than 2 s off, the collector moves a request's points by whole
 * seconds. The same point can then be written twice, a second apart, when an answer got lost. Within a
 * request the order holds all the same.
 */
import type { Resource } from "@opentelemetry/resources";
import type { ResourceMetrics } from "@opentelemetry/sdk-metrics";
import type { ClockPair } from "../clock/clock-pair.ts";
import { UnsteppedClock } from "../clock/unstepped-clock.ts";
import { SCOPE } from "../metrics/collection.ts";
import type { BacklogCounts, DropReason } from "../metrics/metric.ts";
import {
  bytesOf,
  type CompactCollection,
  type Series,
  type SeriesValue,
  seriesKey,
  seriesValuesOf,
} from "./compact-collection.ts";
import {
  common,
  divided,
  firstPoints,
  type Part,
  pointsOf,
  seriesIn,
  wholeOf,
  without,
} from "./parts.ts";
import { requestOf } from "./request.ts";
import { markerOf } from "./withheld.ts";

/**
 * How a request ended: the far end has its points; it does not want them, or some; the request was
 * too large; or nobody knows, or it had nothing to do with the points, and it is worth trying again.
 */
export type Outcome = "accepted" | "refused" | "too large" | "undecided";

/** A request, and what it is for. */
export type BacklogRequest = {
  readonly purpose: "everything" | "probe" | "suspects";
  /** In the order of their times. */
  readonly parts: readonly Part[];
  readonly metrics: ResourceMetrics;
  /**
   * The newest collection's time by the wall clock, in milliseconds since 1970, in the request that
   * brings it first; `undefined` in others.
   */
  readonly newestWallMs: number | undefined;
};

export type BacklogOptions = {
  readonly maxAgeMs: number;
  readonly maxBytes: number;
  readonly resource: Resource;
  /** The names of series without attributes that an agent before this one may have pushed. */
  readonly namesBefore: readonly string[];
};

/**
 * How many points a request carries at the most. What an interval of 30 s leaves in 19 minutes is one
 * request; building a larger one would take more memory than all that waits.
 */
const MOST_POINTS = 20_000;

/**
 * What a round sends after a refusal: all but what may have been written already, for a second copy of
 * that may be all that was refused; or so many points of the newest collection.
 */
type Probe = "not written yet" | number;
const ALL_OF_NEWEST = Number.POSITIVE_INFINITY;

export class Backlog {
  readonly #options: BacklogOptions;
  readonly #clock = new UnsteppedClock();
  /** Not suspected of anything, in the order of their times. */
  #trusted: Part[] = [];
  /** Groups that were refused, or may be; the first is tried next. Each is in the order of its times. */
  #suspects: Part[][] = [];
  /** Of series that are not trusted, and not sent since the refusal; in the order of their times. */
  #untried: Part[] = [];
  /** The keys of the series that were accepted since a refusal; `undefined` when none is suspect. */
  #trustedSeries: Set<string> | undefined;
  /** Where the last round was refused: what the next one tries. */
  #probe: Probe | undefined;
  /** The number of the newest collection that may have been written although nobody said so. */
  #perhapsWritten = 0;
  #mostPoints = MOST_POINTS;
  #newest: CompactCollection | undefined;
  /** The series that the newest collection observed, by their keys. */
  #observed: ReadonlyMap<string, Series> = new Map();
  /** The markers that the next collection must have, unless it observes what they end. */
  #markersDue: Map<string, Series>;
  #dropped: Record<DropReason, number> = { age: 0, bytes: 0, refused: 0 };

  constructor(options: BacklogOptions) {
    this.#options = options;
    this.#markersDue = byKey(
      options.namesBefore.map((name) =>
        markerOf({ name, attributes: {}, key: seriesKey(name, {}) }),
      ),
    );
  }

  get counts(): BacklogCounts {
    return { points: pointsOf(this.#waiting()), dropped: { ...this.#dropped } };
  }

  /**
   * Takes a collection in, with markers for what it lacks. Collections come in the order of their
   * monotonic times.
   * @param clocks the node's clocks at the moment that its points belong to
   * @param startedWallMs when its counters began, in milliseconds since 1970
   */
  add(collected: ResourceMetrics, clocks: ClockPair, startedWallMs: number): void {
    const values = seriesValuesOf(collected, this.#observed);
    const observed = byKey(values.map(({ series }) => series));
    const gone = byKey([...this.#observed.values()].map(markerOfSeries));
    const markers = [...new Map([...this.#markersDue, ...gone]).values()]
      .filter(({ ends }) => ends !== undefined && !observed.has(ends))
      .map((series) => ({ series, value: 0 }));
    this.#observed = observed;
    this.#markersDue = new Map();
    this.#newest = this.#compact([...values, ...markers], clocks, startedWallMs);
    const { ones, others } = divided([wholeOf(this.#newest)], (series) => this.#isTrusted(series));
    this.#trusted.push(...ones);
    this.#untried.push(...others);
    this.#dropOld(clocks.monotonicMs);
    this.#dropForRoom();
  }

  /** The first request of a round; `undefined` when nothing waits. */
  firstRequest(now: ClockPair): BacklogRequest | undefined {
    this.#clock.follow(now);
    this.#dropOld(now.monotonicMs);
    return this.#probe === undefined
      ? (this.#request("everything", this.#trusted) ?? this.#suspectRequest())
      : this.#request("probe", this.#probed(this.#probe));
  }

  /** The request that follows an accepted one in the same round; `undefined` when none does. */
  nextRequest(before: BacklogRequest, now: ClockPair): BacklogRequest | undefined {
    this.#clock.follow(now);
    this.#dropOld(now.monotonicMs);
    return before.purpose === "suspects"
      ? undefined
      : (this.#request("everything", this.#trusted) ?? this.#suspectRequest());
  }

  /** What became of a request. */
  settle(request: BacklogRequest, outcome: Outcome): void {
    switch (outcome) {
      case "undecided":
        this.#perhapsWritten = Math.max(this.#perhapsWritten, newestNumber(request.parts));
        return;
      case "accepted":
        this.#accepted(request);
        return;
      case "too large":
        if (pointsOf(request.parts) > 1) {
          this.#mostPoints = Math.ceil(pointsOf(request.parts) / 2);
          return;
        }
        this.#refused(request);
        return;
      case "refused":
        this.#refused(request);
        return;
    }
  }

  #accepted({ purpose, parts }: BacklogRequest): void {
    this.#remove(parts);
    if (purpose === "probe") {
      this.#probe = undefined;
      this.#trustedSeries = new Set();
      this.#suspects = [...this.#suspects, this.#trusted].filter(({ length }) => length > 0);
      this.#trusted = [];
    }
    this.#trust(parts.flatMap(seriesIn));
    this.#endSuspicion();
  }

  #refused(request: BacklogRequest): void {
    const { purpose } = request;
    // What was dropped in the meantime is not taken in again.
    const parts = common(request.parts, this.#waiting());
    const points = pointsOf(parts);
    if (purpose !== "suspects") {
      // What is gone must not be shown until the turn of its marker comes.
      this.#markAgain(this.#waiting());
    }
    switch (purpose) {
      case "everything":
        this.#trustedSeries = undefined;
        this.#probe = "not written yet";
        return;
      case "probe":
        this.#probe =
          this.#probe === "not written yet" || points <= 1 ? ALL_OF_NEWEST : Math.floor(points / 2);
        return;
      case "suspects":
        this.#remove(parts);
        if (pointsOf(request.parts) > 1) {
          this.#suspects.unshift(...this.#inTwo(parts));
        } else {
          this.#dropped.refused += points;
        }
        this.#endSuspicion();
        return;
    }
  }

  /** Suspicion ends with the last suspect, when every series of the newest collection is trusted. */
  #endSuspicion(): void {
    const newest = this.#newest?.series ?? [];
    const suspected = this.#suspects.length + this.#untried.length > 0;
    if (!suspected && newest.every((series) => this.#isTrusted(series))) {
      this.#trustedSeries = undefined;
    }
    if (!suspected && this.#trusted.length === 0) {
      this.#mostPoints = MOST_POINTS;
    }
  }

  /** A marker is as good as the series that it ends: what is gone must not wait for its turn. */
  #isTrusted({ key, ends = key }: Series): boolean {
    return this.#trustedSeries?.has(ends) ?? true;
  }

  /** Where some points are of trusted series, it is likely one of the others that was refused. */
  #inTwo(parts: readonly Part[]): Part[][] {
    const { ones, others } = divided(parts, (series) => this.#isTrusted(series));
    const half = firstPoints(parts, Math.ceil(pointsOf(parts) / 2));
    const halves =
      ones.length > 0 && others.length > 0 ? [ones, others] : [half, without(parts, half)];
    return halves.filter(({ length }) => length > 0);
  }

  /** The series may go with the first request of a round, and what was held back of them. */
  #trust(series: readonly Series[]): void {
    if (this.#trustedSeries === undefined) {
      return;
    }
    for (const { key } of series) {
      this.#trustedSeries.add(key);
    }
    const { ones, others } = divided(this.#untried, (series) => this.#isTrusted(series));
    // Something suspect is sent when all that is trusted was: there is only what came since.
    this.#trusted = [...ones, ...this.#trusted];
    this.#untried = others;
  }

  #suspectRequest(): BacklogRequest | undefined {
    if (this.#suspects.length === 0 && this.#untried.length > 0) {
      this.#suspects = [this.#untried];
      this.#untried = [];
    }
    return this.#request("suspects", this.#suspects[0] ?? []);
  }

  /** What is sent to see whether the far end takes anything. */
  #probed(probe: Probe): Part[] {
    const waiting = this.#waiting();
    if (probe === "not written yet") {
      const certain = this.#trusted.filter(
        ({ collection }) => collection.number > this.#perhapsWritten,
      );
      if (certain.length > 0 && certain.length < this.#trusted.length) {
        return certain;
      }
    }
    const newest = newestNumber(waiting);
    const ofNewest = waiting.filter(({ collection }) => collection.number === newest);
    return probe === "not written yet" ? ofNewest : firstPoints(ofNewest, probe);
  }

  #request(
    purpose: BacklogRequest["purpose"],
    candidates: readonly Part[],
  ): BacklogRequest | undefined {
    const parts = firstPoints(candidates, this.#mostPoints);
    const last = parts.at(-1)?.collection;
    if (last === undefined) {
      return undefined;
    }
    const onWallClock = (timeMs: number) => this.#clock.onWallClock(timeMs);
    const bringsNewest = last === this.#newest && purpose !== "suspects";
    return {
      purpose,
      parts,
      metrics: requestOf(parts, this.#options.resource, SCOPE, onWallClock),
      newestWallMs: bringsNewest ? onWallClock(last.timeMs) : undefined,
    };
  }

  #compact(
    values: readonly SeriesValue[],
    clocks: ClockPair,
    startedWallMs: number,
  ): CompactCollection {
    const timeMs = this.#clock.timeOf(clocks);
    return {
      number: (this.#newest?.number ?? 0) + 1,
      monotonicMs: clocks.monotonicMs,
      // Readings of the clocks that were too blurred to tell a step by must not put points out of order.
      timeMs: Math.max(timeMs, (this.#newest?.timeMs ?? Number.NEGATIVE_INFINITY) + 1),
      countedMs: Math.max(0, clocks.wallMs - startedWallMs),
      series: values.map(({ series }) => series),
      values: Float64Array.from(values, ({ value }) => value),
    };
  }

  #dropOld(nowMs: number): void {
    this.#drop("age", ({ monotonicMs }) => nowMs - monotonicMs > this.#options.maxAgeMs);
  }

  #dropForRoom(): void {
    const { maxBytes } = this.#options;
    const collections = [...new Set(this.#waiting().map(({ collection }) => collection))];
    const newestFirst = collections.toSorted((a, b) => b.number - a.number);
    while (newestFirst.length > 1 && bytesOf(newestFirst) > maxBytes) {
      newestFirst.pop();
    }
    const oldest = newestFirst.at(-1)?.number ?? 0;
    this.#drop("bytes", ({ number }) => number < oldest);
  }

  #drop(reason: "age" | "bytes", isDue: (collection: CompactCollection) => boolean): void {
    const parts = this.#waiting().filter(({ collection }) => isDue(collection));
    if (parts.length === 0) {
      return;
    }
    this.#remove(parts);
    this.#dropped[reason] += pointsOf(parts);
    this.#markAgain(parts);
    this.#endSuspicion();
  }

  /** The markers among these points are due in the next collection, too. */
  #markAgain(parts: readonly Part[]): void {
    for (const series of parts.flatMap(seriesIn)) {
      if (series.ends !== undefined) {
        this.#markersDue.set(series.key, series);
      }
    }
  }

  #remove(parts: readonly Part[]): void {
    this.#trusted = without(this.#trusted, parts);
    this.#untried = without(this.#untried, parts);
    this.#suspects = this.#suspects
      .map((group) => without(group, parts))
      .filter((group) => group.length > 0);
  }

  #waiting(): Part[] {
    return [...this.#suspects.flat(), ...this.#untried, ...this.#trusted];
  }
}

function newestNumber(parts: readonly Part[]): number {
  return parts.reduce((newest, { collection }) => Math.max(newest, collection.number), 0);
}

function byKey(series: readonly Series[]): Map<string, Series> {
  return new Map(series.map((one) => [one.key, one]));
}

function markerOfSeries({ key, descriptor, attributes }: Series): Series {
  return markerOf({ key, attributes, name: descriptor.name });
}
