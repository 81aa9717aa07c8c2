/**
 * The wall clock with every step taken out. Times that are kept by it stay in order and at the same
 * distances whatever is done to the wall clock, and are put back on it when they are needed.
 */
import type { ClockPair } from "./clock-pair.ts";
import { isSharp, SMALLEST_STEP_MS, stepBetween } from "./step-detector.ts";

/**
 * Follows the node's clocks. A time by it changes only with the steps that were seen: without one,
 * it is the wall clock's to the millisecond, however often it is asked. It goes on while the machine
 * sleeps.
 */
export class UnsteppedClock {
  /** The newest reading of the clocks, by which a step is told. */
  #reference: ClockPair | undefined;
  /** The sum of all steps that were seen, in whole milliseconds; positive is forward. */
  #steppedMs = 0;

  /** The clocks were read. An earlier reading than the newest one is left out. */
  follow(clocks: ClockPair): void {
    this.#reference ??= clocks;
    if (clocks.monotonicMs >= this.#reference.monotonicMs) {
      const stepMs = certainStepMs(this.#reference, clocks);
      this.#steppedMs += stepMs;
      if (stepMs !== 0 || isSharp(clocks)) {
        this.#reference = clocks;
      }
    }
  }

  /** The time of a reading of the clocks by this clock, in milliseconds. */
  timeOf(clocks: ClockPair): number {
    this.follow(clocks);
    // A reading from before a step that was already followed: its wall clock had not that step yet.
    const missedMs = certainStepMs(clocks, this.#reference ?? clocks);
    return clocks.wallMs - this.#steppedMs + missedMs;
  }

  /** What the wall clock as it goes now would have shown at a time by this clock, in milliseconds since 1970. */
  onWallClock(timeMs: number): number {
    return timeMs + this.#steppedMs;
  }
}

/** The step between two readings, in whole milliseconds; 0 unless it is more than their uncertainty. */
function certainStepMs(before: ClockPair, after: ClockPair): number {
  const stepMs = stepBetween(before, after);
  const uncertainMs = (before.bracketMs + after.bracketMs) / 2;
  return stepMs !== undefined && Math.abs(stepMs) >= SMALLEST_STEP_MS + uncertainMs
    ? Math.round(stepMs)
    : 0;
}
