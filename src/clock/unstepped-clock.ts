/**
 * The wall clock without its steps. Times on this clock keep their order and distance when the wall
 * clock is stepped, and are converted back to wall clock time when they are sent.
 */
import type { ClockPair } from "./clock-pair.ts";
import { isSharp, SMALLEST_STEP_MS, stepBetween } from "./step-detector.ts";

/**
 * Follows the node's clocks. Without steps, its time equals the wall clock to the millisecond. It
 * continues while the machine sleeps.
 */
export class UnsteppedClock {
  /** The newest clock reading, from which the next step is measured. */
  #reference: ClockPair | undefined;
  /** The sum of all steps so far, in whole milliseconds; positive is forward. */
  #steppedMs = 0;

  /** Takes a clock reading. One that is older than the newest is ignored. */
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

  /** The time of a clock reading on this clock, in milliseconds. */
  timeOf(clocks: ClockPair): number {
    this.follow(clocks);
    // The reading may be from before a step that was already counted: its wall clock lacks that step.
    const missedMs = certainStepMs(clocks, this.#reference ?? clocks);
    return clocks.wallMs - this.#steppedMs + missedMs;
  }

  /** Converts a time on this clock to the current wall clock, in milliseconds since 1970. */
  onWallClock(timeMs: number): number {
    return timeMs + this.#steppedMs;
  }
}

/** The step between two readings, in whole milliseconds; 0 unless it exceeds their uncertainty. */
function certainStepMs(before: ClockPair, after: ClockPair): number {
  const stepMs = stepBetween(before, after);
  const uncertainMs = (before.bracketMs + after.bracketMs) / 2;
  return stepMs !== undefined && Math.abs(stepMs) >= SMALLEST_STEP_MS + uncertainMs
    ? Math.round(stepMs)
    : 0;
}
