import type { ClockPair } from "./clock/clock-pair.ts";
import { isSharp } from "./clock/step-detector.ts";

const ATTEMPTS = 3;

/**
 * Both clocks of the node, now: the wall reading between two monotonic ones, taken again when the
 * process was interrupted in between.
 */
export function readSystemClocks(): ClockPair {
  let pair = readOnce();
  for (let attempt = 1; attempt < ATTEMPTS && !isSharp(pair); attempt += 1) {
    pair = readOnce();
  }
  return pair;
}

function readOnce(): ClockPair {
  const before = performance.now();
  const wallMs = Date.now();
  const after = performance.now();
  return { wallMs, monotonicMs: (before + after) / 2, bracketMs: after - before };
}
