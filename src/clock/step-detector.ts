/**
 * Steps of the wall clock, seen against the monotonic one. chronyd slews both alike, so the distance
 * between them changes only when somebody steps the wall clock.
 */
import type { ClockPair } from "./clock-pair.ts";

/** The smallest jump that counts as a step. */
export const SMALLEST_STEP_MS = 10;

/** A pair whose monotonic readings are further apart was interrupted, and says nothing. */
export const WIDEST_BRACKET_MS = 1;

/**
 * The step between two readings of the clocks, in milliseconds (positive: forward), or `undefined`
 * when there was none. The wall clock is read in whole milliseconds, so the size is right to one.
 */
export function stepBetween(before: ClockPair, after: ClockPair): number | undefined {
  const stepMs = after.wallMs - after.monotonicMs - (before.wallMs - before.monotonicMs);
  return Math.abs(stepMs) >= SMALLEST_STEP_MS ? stepMs : undefined;
}

/** Whether a reading of the clocks is sharp enough to tell a step from an interruption. */
export function isSharp(pair: ClockPair): boolean {
  return pair.bracketMs <= WIDEST_BRACKET_MS;
}
