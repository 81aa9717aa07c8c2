/**
 * Leap seconds. At the end of the UTC day that chronyd announced, the kernel sets the clock back by a
 * second, or ahead when one is deleted (`leapsecmode system`, chronyd's default). This follows UTC, so
 * it does not count as a step.
 */
import type { LeapStatus } from "../chrony/tracking.ts";
import type { ClockPair } from "./clock-pair.ts";

const DAY_MS = 86_400_000;

/** How close to midnight a leap second can be seen: chronyd reports itself unsynchronised for a second or two. */
const AROUND_MS = 5_000;

/** How far from one second a measured leap second may be. */
const TOLERANCE_MS = 20;

const STEP_MS: Readonly<Record<LeapStatus, number | undefined>> = {
  normal: undefined,
  "insert second": -1000,
  "delete second": 1000,
  unsynchronised: undefined,
};

/**
 * Whether a step is a leap second.
 * @param announced the last leap status before it that was not `unsynchronised`
 * @param before the clocks before the step
 * @param after the clocks after it
 */
export function isLeapSecond(
  stepMs: number,
  announced: LeapStatus | undefined,
  before: ClockPair,
  after: ClockPair,
): boolean {
  const expectedMs = announced && STEP_MS[announced];
  return (
    expectedMs !== undefined &&
    Math.abs(stepMs - expectedMs) <= TOLERANCE_MS &&
    day(after.wallMs + AROUND_MS) > day(before.wallMs - AROUND_MS)
  );
}

/** Whether an announced leap second is in progress, or just ended. */
export function isLeapSecondNow(announced: LeapStatus | undefined, { wallMs }: ClockPair): boolean {
  return (
    announced !== undefined &&
    STEP_MS[announced] !== undefined &&
    day(wallMs + AROUND_MS) > day(wallMs - AROUND_MS)
  );
}

function day(wallMs: number): number {
  return Math.floor(wallMs / DAY_MS);
}
