/**
 * How long ago chronyd last took its source's time.
 *
 * chronyd says it as a wall clock time, and the wall clock is what is under test: so it is compared
 * once, when a new reference time is first seen, and counted by the monotonic clock from there, with
 * what the machine slept.
 */
import type { Tracking } from "../chrony/tracking.ts";
import { type ClockPair, timeWithSleepMs } from "./clock-pair.ts";

/** A reference time, and when it was first seen. */
export type ReferenceSighting = {
  readonly referenceTimeSeconds: number;
  /** By {@link timeWithSleepMs}. */
  readonly firstSeenMs: number;
  /** The age when first seen, or `undefined` when the reference time was in the future. */
  readonly firstAgeSeconds: number | undefined;
};

/**
 * A reference time ahead of the wall clock by no more than this (and by what chronyd is still
 * slewing, since it speaks of corrected time) is not in the future: the wall clock is read in whole
 * milliseconds.
 */
const CLOCK_READING_ALLOWANCE_SECONDS = 0.01;

/** What is known of the reference time after a report: the sighting before, unless the time is new. */
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

/** `chrony_reference_age_seconds`; `undefined` when the reference time is unset or in the future. */
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
 * What the age is at least, in seconds, even where the reference time is in the future and the age
 * itself unknown: a source that died is found out all the same.
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
