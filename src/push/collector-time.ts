/**
 * Estimates how far the node's clock is from the collector's, by the `Date` header of its answers, and
 * how much to correct the timestamps of points.
 *
 * The date is truncated to seconds, and the collector read its clock at some moment between request and
 * answer. So each date gives an interval for the collector's clock, relative to the node's time without
 * steps (the monotonic clock plus sleep). The rules below ensure that the timestamps of a healthy node
 * never get worse:
 *
 * - A date counts only from an accepted answer that took less than 5 s.
 * - Two dates in a row, 1.5 s or more apart, must agree: the date must advance like the monotonic clock,
 *   within the tenth by which chronyd may slew it. So a frozen date never counts. If dates disagree
 *   although the node's clock was not stepped, the collectors disagree, and ten in a row must agree.
 * - Points are corrected when the whole interval is more than 10 s off. The limit is 2 s when the clock is
 *   not synchronised, or when it agreed with the collector before a step. The correction ends when the
 *   interval is within half of the limit.
 * - The correction is in whole seconds. It changes only when it is a second or more outside the interval.
 */
import { type ClockPair, timeWithSleepMs } from "../clock/clock-pair.ts";

/** The shortest time between two dates that are compared, in milliseconds. */
export const SHORTEST_GAP_MS = 1_500;

/** An answer that took longer is too inaccurate to use. */
const LONGEST_ANSWER_MS = 5_000;
/** A date in a header is truncated to whole seconds, and so is a correction. */
const SECOND_MS = 1_000;
/** chronyd slews by at most one part in twelve. */
const MOST_SLEW = 0.1;
/** How far off a clock may be before points are corrected. */
const LIMIT_MS = 10_000;
const LIMIT_OF_DOUBTFUL_MS = 2_000;
/** A change of the wall clock against the time without steps that counts as a step. */
const STEP_MS = 500;
/** How many dates must agree: normally, and after a disagreement. */
const FEW = 2;
const MANY = 10;

/** The least and greatest difference of the collector's wall clock and the node's time without steps. */
type Sighting = {
  readonly leastMs: number;
  readonly mostMs: number;
  /** When the request was sent and the answer arrived, by the node's time without steps, in milliseconds. */
  readonly askedMs: number;
  readonly answeredMs: number;
};

/** Estimates the collector's clock from its answers. */
export class CollectorTime {
  #sighting: Sighting | undefined;
  /** How many dates in a row agree, and how many must. */
  #agreeing = 0;
  #needed = FEW;
  /** The node's wall time minus its time without steps, when last read. */
  #shiftMs: number | undefined;
  /** Set when the node's clock was stepped since the last sighting, with whether it agreed with the collector before. */
  #step: { readonly agreedBefore: boolean } | undefined;
  #wasSteppedAway = false;
  #mustAsk = true;
  #correctionMs: number | undefined;

  /** Whether to request the collector's date before sending points. */
  mustAsk(now: ClockPair, isSynchronised: boolean): boolean {
    this.#followSteps(now);
    const isFirst = this.#agreeing === 1 && this.#needed === FEW;
    return this.#mustAsk || (isFirst && this.#off(now).leastMs > this.#limitMs(isSynchronised));
  }

  /** Records that the collector sends no date, so that it is not asked again. */
  hasNone(): void {
    this.#mustAsk = false;
  }

  /**
   * Takes the date of an accepted answer.
   * @param date its header `date`
   * @param askedMs when the request was sent; like `answeredMs`, monotonic, in milliseconds
   */
  answered(date: string | undefined, askedMs: number, answeredMs: number, now: ClockPair): void {
    this.#followSteps(now);
    const dateMs = Date.parse(String(date));
    if (Number.isNaN(dateMs) || answeredMs - askedMs >= LONGEST_ANSWER_MS) {
      this.hasNone();
      return;
    }
    const { suspendedMs } = now;
    const before = this.#sighting;
    if (before !== undefined && askedMs + suspendedMs - before.answeredMs < SHORTEST_GAP_MS) {
      return;
    }
    this.#sighting = {
      leastMs: dateMs - answeredMs - suspendedMs,
      mostMs: dateMs + SECOND_MS - askedMs - suspendedMs,
      askedMs: askedMs + suspendedMs,
      answeredMs: answeredMs + suspendedMs,
    };
    if (before !== undefined && agree(before, this.#sighting)) {
      this.#agreeing += 1;
      this.#wasSteppedAway ||=
        this.#step?.agreedBefore === true && this.#off(now).leastMs > LIMIT_OF_DOUBTFUL_MS;
    } else {
      // A sleep that cannot be distinguished from a step counts as a step.
      this.#needed = before === undefined || this.#step !== undefined ? FEW : MANY;
      this.#agreeing = 1;
      this.#wasSteppedAway = false;
    }
    this.#step = undefined;
    this.#mustAsk = false;
  }

  /** What to add to timestamps of the node's clock now: whole seconds, in milliseconds. */
  correctionMs(now: ClockPair, isSynchronised: boolean): number {
    this.#followSteps(now);
    if (this.#agreeing < this.#needed) {
      this.#correctionMs = undefined;
      return 0;
    }
    const off = this.#off(now);
    const limitMs = this.#limitMs(isSynchronised);
    if (off.mostMs <= limitMs / 2) {
      this.#correctionMs = undefined;
      this.#wasSteppedAway = false;
    } else if (this.#correctionMs !== undefined || off.leastMs > limitMs) {
      const before = this.#correctionMs ?? Number.POSITIVE_INFINITY;
      const stays = before > off.fromMs - SECOND_MS && before < off.toMs + SECOND_MS;
      this.#correctionMs = stays
        ? before
        : Math.round((off.fromMs + off.toMs) / 2 / SECOND_MS) * SECOND_MS;
    }
    return this.#correctionMs ?? 0;
  }

  /** The collector's clock minus the node's, as an interval, and its least and greatest distance from 0. */
  #off(now: ClockPair) {
    const { leastMs = 0, mostMs = 0 } = this.#sighting ?? {};
    const fromMs = leastMs - shiftOf(now);
    const toMs = mostMs - shiftOf(now);
    return {
      fromMs,
      toMs,
      leastMs: Math.max(fromMs, -toMs, 0),
      mostMs: Math.max(-fromMs, toMs),
    };
  }

  #limitMs(isSynchronised: boolean): number {
    return isSynchronised && !this.#wasSteppedAway ? LIMIT_MS : LIMIT_OF_DOUBTFUL_MS;
  }

  #followSteps(now: ClockPair): void {
    const shiftMs = shiftOf(now);
    const before = this.#shiftMs;
    if (before !== undefined && Math.abs(shiftMs - before) > STEP_MS) {
      const wallMs = now.wallMs - shiftMs + before;
      this.#step ??= { agreedBefore: this.#off({ ...now, wallMs }).leastMs === 0 };
      this.#mustAsk = true;
    }
    this.#shiftMs = shiftMs;
  }
}

function shiftOf(clocks: ClockPair): number {
  return clocks.wallMs - timeWithSleepMs(clocks);
}

/** Whether the collector's clock advanced like the node's time without steps between two sightings. */
function agree(one: Sighting, other: Sighting): boolean {
  const least = other.askedMs - one.answeredMs;
  const most = other.answeredMs - one.askedMs;
  return (
    one.leastMs <= other.mostMs + MOST_SLEW * least &&
    other.leastMs <= one.mostMs + MOST_SLEW * most
  );
}
