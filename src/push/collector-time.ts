/**
 * How far off the collector's clock the node's is, by the dates of the collector's answers, and what is
 * added to the time of points because of it.
 *
 * A date is cut to seconds: the collector's clock was within that second at some moment between question
 * and answer. Counted from the node's time without steps (the monotonic clock, with the machine's sleep),
 * a date gives an interval. So that a healthy node is never worse off than with its own time:
 *
 * - A date counts only from an answer that was accepted and took less than 5 s.
 * - Two in a row must agree, 1.5 s or more apart: the date must have gone on like the monotonic clock,
 *   to the tenth by which chronyd may slew that. So a frozen date never counts. Where dates disagree and
 *   the node's clock was not stepped, collectors do, and ten in a row must agree.
 * - Points are put right when the whole interval is further off than 10 s, or 2 s where the clock is not
 *   synchronised, or where a step took it away from the collector's, with which it agreed; and until the
 *   interval is within half of that.
 * - The correction is whole seconds. It stays the same while it is not a second beside the interval.
 */
import { type ClockPair, timeWithSleepMs } from "../clock/clock-pair.ts";

/** A question that is repeated to see whether dates go on: so much later, in milliseconds. */
export const SHORTEST_GAP_MS = 1_500;

/** An answer that took longer says too little. */
const LONGEST_ANSWER_MS = 5_000;
/** A date in a header is cut to whole seconds, and so is a correction. */
const SECOND_MS = 1_000;
/** chronyd slews by one part in twelve at the most. */
const MOST_SLEW = 0.1;
/** How far off a clock may be. */
const LIMIT_MS = 10_000;
const LIMIT_OF_DOUBTFUL_MS = 2_000;
/** A change of the wall clock against the time without steps that is a step. */
const STEP_MS = 500;
/** How many dates must agree, and how many where some did not. */
const FEW = 2;
const MANY = 10;

/** Wall time of the collector minus the node's time without steps, at least and at the most. */
type Sighting = {
  readonly leastMs: number;
  readonly mostMs: number;
  /** When question and answer were, by the node's time without steps, in milliseconds. */
  readonly askedMs: number;
  readonly answeredMs: number;
};

/** Follows what the collector's answers say of its clock. */
export class CollectorTime {
  #sighting: Sighting | undefined;
  /** How many in a row agree, and how many must. */
  #agreeing = 0;
  #needed = FEW;
  /** The node's wall time minus its time without steps, when they were last looked at. */
  #shiftMs: number | undefined;
  /** The node's clock was stepped since the last sighting, at which it agreed with the collector's or not. */
  #step: { readonly agreedBefore: boolean } | undefined;
  #wasSteppedAway = false;
  #mustAsk = true;
  #correctionMs: number | undefined;

  /** Whether the collector has to be asked for its date before points are sent. */
  mustAsk(now: ClockPair, isSynchronised: boolean): boolean {
    this.#followSteps(now);
    const isFirst = this.#agreeing === 1 && this.#needed === FEW;
    return this.#mustAsk || (isFirst && this.#off(now).leastMs > this.#limitMs(isSynchronised));
  }

  /** The collector gives no date: it need not be asked again. */
  hasNone(): void {
    this.#mustAsk = false;
  }

  /**
   * An answer was accepted.
   * @param date its header `date`
   * @param askedMs when the request was sent, and when the answer came: monotonic, in milliseconds
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
      // A sleep of the machine that was not told from a step is one.
      this.#needed = before === undefined || this.#step !== undefined ? FEW : MANY;
      this.#agreeing = 1;
      this.#wasSteppedAway = false;
    }
    this.#step = undefined;
    this.#mustAsk = false;
  }

  /** What is added now to the time of points by the node's clock: whole seconds, in milliseconds. */
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

  /** The collector's clock minus the node's: an interval, and how far it is from 0 at least and at the most. */
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

/** Whether the collector's clock went on like the node's time without steps between two sightings. */
function agree(one: Sighting, other: Sighting): boolean {
  const least = other.askedMs - one.answeredMs;
  const most = other.answeredMs - one.askedMs;
  return (
    one.leastMs <= other.mostMs + MOST_SLEW * least &&
    other.leastMs <= one.mostMs + MOST_SLEW * most
  );
}
