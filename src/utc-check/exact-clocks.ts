import type { ClockPair } from "../clock/clock-pair.ts";

/** A tick that is known less exactly than this was missed, and the next one is waited for. */
const WIDEST_BRACKET_MS = 0.05;
const ATTEMPTS = 3;

/** No tick of a clock that goes takes so long. */
const LONGEST_WAIT_MS = 5;

/**
 * Both clocks of the node at the moment when the wall clock goes on to its next millisecond. Node.js
 * reads it in whole milliseconds only; which millisecond begins when is known to about a microsecond,
 * by waiting for it (a millisecond of processor time, three at the most). The monotonic clock is
 * slewed as the wall clock is, so that until a step the one gives the other.
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
