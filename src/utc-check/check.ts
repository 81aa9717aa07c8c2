/**
 * What a check against NTP servers means: pure, with every time as an argument.
 *
 * An offset holds for the moment at which it was measured, and is not carried on. Since then chronyd
 * may have slewed the clock, by as much as a twelfth of the time that went by, and only chronyd knows.
 * So the offset is compared with the bound that the clock had at the same moment, the larger of the
 * polls before and after; both stand until the next check, and are no judgement on the clock as it is
 * now. A step is seen at once: after one the answers are void, and nothing is known until the next
 * check. (Taking the step off the offset would need its size to the microsecond; it is known to a
 * millisecond, beside a sleep of the machine to 10.) Two steps that cancel out void nothing.
 */
import type { Assessment } from "../clock/assessment.ts";
import { type ClockPair, timeWithSleepMs } from "../clock/clock-pair.ts";
import { stepBetween } from "../clock/step-detector.ts";
import { type Measurement, PHI } from "./measurement.ts";

/** What became of the question to one server. */
export type ServerAnswer = {
  /** As UTC_CHECK_SERVERS has it. */
  readonly server: string;
  /** `undefined` when it gave no time. */
  readonly measurement: Measurement | undefined;
  /** Why it gave none, as a sentence; `undefined` when it did. */
  readonly problem: string | undefined;
};

/** All servers, asked once at the same time. */
export type UtcCheck = {
  /** The node's clocks at the poll of chronyd that followed. */
  readonly clocks: ClockPair;
  readonly answers: readonly ServerAnswer[];
  /** What the clock's own bound was meanwhile, at most; `undefined` when it was withheld. */
  readonly boundMs: number | undefined;
  /** Whether the clock's bound and all servers exclude each other ({@link contradicts}). */
  readonly contradiction: boolean | undefined;
};

/** How many intervals without another check a check is valid for. */
const INTERVALS_VALID = 3;

/**
 * The bound between two polls of chronyd, in milliseconds: the larger one, grown by what a clock can
 * drift in between.
 */
export function boundAround(before: Assessment, after: Assessment): number | undefined {
  const [one, other] = [before.clockErrorBoundMs, after.clockErrorBoundMs];
  return one === undefined || other === undefined
    ? undefined
    : Math.max(one, other) + PHI * (timeWithSleepMs(after.clocks) - timeWithSleepMs(before.clocks));
}

/** Whether a check still counts: it is not too old, and the wall clock was not stepped since. */
export function isValid(check: UtcCheck, now: ClockPair, intervalMs: number): boolean {
  const ageMs = timeWithSleepMs(now) - timeWithSleepMs(check.clocks);
  return ageMs <= INTERVALS_VALID * intervalMs && stepBetween(check.clocks, now) === undefined;
}

/**
 * Whether the clock's bound and what independent servers say exclude each other: no server's interval,
 * the offset and its margin on either side, has a moment in common with that of the clock, which is 0
 * and the bound on either side. One server that agrees is enough for false, so that a single wrong one
 * blames no clock.
 * @returns `undefined` when no server gave a time, or the bound is not known
 */
export function contradicts(
  measurements: readonly Measurement[],
  boundMs: number | undefined,
): boolean | undefined {
  return boundMs === undefined || measurements.length === 0
    ? undefined
    : measurements.every(
        ({ offsetSeconds, marginSeconds }) =>
          Math.abs(offsetSeconds) > boundMs / 1000 + marginSeconds,
      );
}
