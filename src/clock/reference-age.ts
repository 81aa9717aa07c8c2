/**
 * How long ago chronyd was last updated from its source.
 *
 * chronyd reports this as a wall clock time, but the wall clock is under test. So the two are compared
 * only once, when a new reference time is first seen. From then on the age is measured by the monotonic
 * clock, plus the time that the machine slept.
 */
import type { Tracking } from "../chrony/tracking.ts";
import { type ClockPair, timeWithSleepMs } from "./clock-pair.ts";

/** A reference time, and when it was first seen. */
export type ReferenceSighting = {
  readonly referenceTimeSeconds: number;
  /** By {@link timeWithSleepMs}. */
  readonly firstSeenMs: number;
  /** The age when first seen; `undefined` if the reference time was in the future. */
  readonly firstAgeSeconds: number | undefined;
};

/**
 * How far ahead of the wall clock a reference time may be without being in the future, because the wall
 * clock is read in whole milliseconds. The remaining slew is added, because the reference time is in
 * corrected time.
 */
const CLOCK_READING_ALLOWANCE_SECONDS = 0.01;

/** The sighting after a report: the previous one, unless the reference time is new. */
export function sightReference(
  before: ReferenceSighting | undefined,
  tracking: Tracking,
  clocks: ClockPair,
): ReferenceSighting | undefined {
  const { referenceTimeSeconds } = tracking;
  if (referenceTimeSeconds === undefined) {
    return undefined;
  }
  if (before?.referenceTimeSeconds === referenceTimeSeconds) {
    return before;
  }
  const ageSeconds = clocks.wallMs / 1000 - referenceTimeSeconds;
  const allowanceSeconds =
    CLOCK_READING_ALLOWANCE_SECONDS + Math.abs(tracking.systemTimeOffsetSeconds);
  return {
    referenceTimeSeconds,
    firstSeenMs: timeWithSleepMs(clocks),
    firstAgeSeconds: ageSeconds < -allowanceSeconds ? undefined : Math.max(ageSeconds, 0),
  };
}

/** `chrony_reference_age_seconds`; `undefined` when the reference time is not set or in the future. */
export function referenceAgeSeconds(
  sighting: ReferenceSighting | undefined,
  clocks: ClockPair,
): number | undefined {
  if (sighting?.firstAgeSeconds === undefined) {
    return undefined;
  }
  return sighting.firstAgeSeconds + (timeWithSleepMs(clocks) - sighting.firstSeenMs) / 1000;
}

/**
 * The least possible age, in seconds. It is known even if the reference time is in the future, so that
 * a dead source is still detected.
 */
export function leastReferenceAgeSeconds(
  sighting: ReferenceSighting | undefined,
  clocks: ClockPair,
): number {
  if (sighting === undefined) {
    return 0;
  }
  return (sighting.firstAgeSeconds ?? 0) + (timeWithSleepMs(clocks) - sighting.firstSeenMs) / 1000;
}
