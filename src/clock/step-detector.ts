/**
 * Detects steps of the wall clock by comparing it with the monotonic clock. chronyd slews both alike, so
 * their difference changes only when the wall clock is stepped, or when the machine sleeps, because the
 * monotonic clock stops then.
 */
import type { ClockPair } from "./clock-pair.ts";

/** The smallest jump that counts as a step. */
export const SMALLEST_STEP_MS = 10;

/** The smallest step after a sleep, because the length of a sleep is known only to about 10 ms (suspension.ts). */
const SMALLEST_STEP_BESIDE_SLEEP_MS = 30;

/** If the monotonic readings are further apart, the process was interrupted and the pair is not used. */
const WIDEST_BRACKET_MS = 1;

/**
 * The step between two readings of the clocks, in milliseconds (positive: forward), or `undefined`
 * when there was none. The wall clock is read in whole milliseconds, so the size is accurate to 1 ms;
 * after a sleep, to about 10 ms.
 */
export function stepBetween(before: ClockPair, after: ClockPair): number | undefined {
  const stepMs = apartMs(after) - apartMs(before);
  const smallestMs =
    after.suspendedMs === before.suspendedMs ? SMALLEST_STEP_MS : SMALLEST_STEP_BESIDE_SLEEP_MS;
  return Math.abs(stepMs) >= smallestMs ? stepMs : undefined;
}

/**
 * The step between two readings, in whole milliseconds (positive: forward), as far as it is larger than
 * the time that each reading took; 0 when there was none.
 */
export function certainStepMs(before: ClockPair, after: ClockPair): number {
  const stepMs = stepBetween(before, after) ?? 0;
  const uncertainMs = (before.bracketMs + after.bracketMs) / 2;
  return Math.abs(stepMs) >= SMALLEST_STEP_MS + uncertainMs ? Math.round(stepMs) : 0;
}

/** The difference of the clocks, which only a step changes. */
function apartMs({ wallMs, monotonicMs, suspendedMs }: ClockPair): number {
  return wallMs - monotonicMs - suspendedMs;
}

/** Whether a clock reading is precise enough to tell a step from an interruption. */
export function isSharp(pair: ClockPair): boolean {
  return pair.bracketMs <= WIDEST_BRACKET_MS;
}
