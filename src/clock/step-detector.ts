/**
 * Steps of the wall clock, seen against the monotonic one. chronyd slews both alike, so the distance
 * between them changes only when somebody steps the wall clock, or when the machine sleeps: the
 * monotonic clock stands still then.
 */
import type { ClockPair } from "./clock-pair.ts";

/** The smallest jump that counts as a step. */
export const SMALLEST_STEP_MS = 10;

/** The smallest one beside a sleep, whose length is known to some 10 ms only (suspension.ts). */
const SMALLEST_STEP_BESIDE_SLEEP_MS = 30;

/** A pair whose monotonic readings are further apart was interrupted, and says nothing. */
export const WIDEST_BRACKET_MS = 1;

/**
 * The step between two readings of the clocks, in milliseconds (positive: forward), or `undefined`
 * when there was none. The wall clock is read in whole milliseconds, so the size is right to one;
 * beside a sleep, to some 10.
 */
export function stepBetween(before: ClockPair, after: ClockPair): number | undefined {
  const stepMs = apartMs(after) - apartMs(before);
  const smallestMs =
    after.suspendedMs === before.suspendedMs ? SMALLEST_STEP_MS : SMALLEST_STEP_BESIDE_SLEEP_MS;
  return Math.abs(stepMs) >= smallestMs ? stepMs : undefined;
}

/** What only a step changes. */
function apartMs({ wallMs, monotonicMs, suspendedMs }: ClockPair): number {
  return wallMs - monotonicMs - suspendedMs;
}

/** Whether a reading of the clocks is sharp enough to tell a step from an interruption. */
export function isSharp(pair: ClockPair): boolean {
  return pair.bracketMs <= WIDEST_BRACKET_MS;
}
