/**
 * What a check against NTP servers means. Pure functions: every time is an argument.
 *
 * An offset is valid for the moment of its measurement only, because chronyd may have slewed the clock
 * since then, by up to a twelfth of the elapsed time. So it is compared with the bound of the same
 * moment: the larger one of the polls before and after. Both are reported until the next check; they do
 * not describe the clock as it is now. A step makes a check invalid. (Correcting the offset by the step
 * would need its size to the microsecond. It is known to a millisecond, or to 10 if the machine slept.)
 * Two steps that cancel each other out are not noticed.
 */
import type { Assessment } from "../clock/assessment.ts";
import { type ClockPair, timeWithSleepMs } from "../clock/clock-pair.ts";
import { stepBetween } from "../clock/step-detector.ts";
import { type Measurement, PHI } from "./measurement.ts";
import { milliseconds } from "./ntp-error.ts";

/** The result of asking one server. */
export type ServerAnswer = {
  /** As written in UTC_CHECK_SERVERS. */
  readonly server: string;
  /** `undefined` when the server gave no time. */
  readonly measurement: Measurement | undefined;
  /** Why the server gave no time, as a sentence; `undefined` when it did. */
  readonly problem: string | undefined;
};

/** One check: all servers are asked at the same time. */
export type UtcCheck = {
  /** The node's clocks at the next poll of chronyd. */
  readonly clocks: ClockPair;
  readonly answers: readonly ServerAnswer[];
  /** The largest bound of the clock during the check; `undefined` when it was not known. */
  readonly boundMs: number | undefined;
  /** See {@link contradicts}. */
  readonly contradiction: boolean | undefined;
};

/** How many intervals a check is valid for when no other follows. */
const INTERVALS_VALID = 3;

/**
 * The largest bound between two polls of chronyd, in milliseconds: the larger of both, plus the
 * possible drift between them.
 */
export function boundAround(before: Assessment, after: Assessment): number | undefined {
  const [one, other] = [before.clockErrorBoundMs, after.clockErrorBoundMs];
  return one === undefined || other === undefined
    ? undefined
    : Math.max(one, other) + PHI * (timeWithSleepMs(after.clocks) - timeWithSleepMs(before.clocks));
}

/** Whether a check is still valid: it is not too old, and the wall clock was not stepped since. */
export function isValid(check: UtcCheck, now: ClockPair, intervalMs: number): boolean {
  const ageMs = timeWithSleepMs(now) - timeWithSleepMs(check.clocks);
  return ageMs <= INTERVALS_VALID * intervalMs && stepBetween(check.clocks, now) === undefined;
}

/**
 * Whether all servers contradict the clock: no server's interval (offset ± margin) overlaps the
 * clock's (0 ± bound). One server that agrees is enough for `false`, so that a single wrong server
 * raises no alarm.
 * @returns `undefined` when no server gave a time, or when the bound is not known
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

/** One sentence about a check in which all servers contradict the clock. */
export function describeContradiction({ answers, boundMs = 0 }: UtcCheck): string {
  const offsets = answers.flatMap(({ server, measurement }) =>
    measurement === undefined
      ? []
      : `${server} ${milliseconds(measurement.offsetSeconds)} +/- ${milliseconds(measurement.marginSeconds)}`,
  );
  return `No NTP server agrees with the clock: its bound was ${boundMs.toFixed(3)} ms, and the offsets of the servers are: ${offsets.join(", ")} (positive: the clock is behind). chronyd's time source may be wrong.`;
}
