import type { ClockPair } from "../clock/clock-pair.ts";

/** A tick that is known less exactly than this is read again, because the process was interrupted. */
const WIDEST_BRACKET_MS = 0.05;
const ATTEMPTS = 3;

/** Longer than any tick of a running clock. */
const LONGEST_WAIT_MS = 5;

/**
 * Both clocks of the node at the moment when the wall clock enters its next millisecond. Node.js reads
 * the wall clock in whole milliseconds only. Waiting for the next one gives its time to about a
 * microsecond, and costs 1 ms of processor time, at most 3. The monotonic clock is slewed together with
 * the wall clock, so until a step one can be computed from the other.
 */
export function readClocksExactly(): ClockPair {
  let clocks = readNextTick();
  for (let attempt = 1; attempt < ATTEMPTS && clocks.bracketMs > WIDEST_BRACKET_MS; attempt += 1) {
    clocks = readNextTick();
  }
  return clocks;
}

function readNextTick(): ClockPair {
  const beganMs = performance.now();
  let beforeMs = beganMs;
  const oldWallMs = Date.now();
  for (;;) {
    const nextBeforeMs = performance.now();
    const wallMs = Date.now();
    if (wallMs !== oldWallMs || nextBeforeMs - beganMs > LONGEST_WAIT_MS) {
      const afterMs = performance.now();
      const bracketMs = afterMs - beforeMs;
      return { wallMs, monotonicMs: beforeMs + bracketMs / 2, bracketMs, suspendedMs: 0 };
    }
    beforeMs = nextBeforeMs;
  }
}
