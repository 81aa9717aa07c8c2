import type { ClockPair } from "../clock/clock-pair.ts";

/** A tick that is known less exactly than this is read again, because the process was interrupted. */
const WIDEST_BRACKET_MS = 0.05;
const ATTEMPTS = 10;

/** Longer than any tick of a running clock. */
const LONGEST_WAIT_MS = 5;

/**
 * Both clocks of the node at the moment when the wall clock enters its next millisecond. Node.js reads
 * the wall clock in whole milliseconds only. Waiting for the next one gives its time to about a
 * microsecond, and costs 1 ms of processor time. A wait that was interrupted is repeated, up to ten times,
 * and the best is taken. The monotonic clock is slewed together with the wall clock, so until a step one
 * can be computed from the other.
 */
export function readClocksExactly(): ClockPair {
  let best = readNextTick();
  for (let attempt = 1; attempt < ATTEMPTS && best.bracketMs > WIDEST_BRACKET_MS; attempt += 1) {
    const clocks = readNextTick();
    best = clocks.bracketMs < best.bracketMs ? clocks : best;
  }
  return best;
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
