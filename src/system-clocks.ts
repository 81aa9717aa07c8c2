/** The node's clocks, as they are read. */
import { readFileSync } from "node:fs";
import type { ClockPair } from "./clock/clock-pair.ts";
import { isSharp, stepBetween } from "./clock/step-detector.ts";
import { type BootReading, bootTimeMs, suspendedBetween } from "./clock/suspension.ts";

const ATTEMPTS = 3;
const UPTIME_FILE = "/proc/uptime";

/** What distinguishes a sleep of the machine from a step: the newest reading, and the last boot time. */
let newest: ClockPair | undefined;
let boot = readBootTime();

/**
 * Both clocks of the node, now: the wall reading between two monotonic ones, taken again when the
 * process was interrupted in between. Boot time is read only where the clocks moved apart.
 */
export function readSystemClocks(): ClockPair {
  let pair = readOnce();
  for (let attempt = 1; attempt < ATTEMPTS && !isSharp(pair); attempt += 1) {
    pair = readOnce();
  }
  if (newest !== undefined && stepBetween(newest, pair) !== undefined) {
    pair = { ...pair, suspendedMs: pair.suspendedMs + suspendedMs() };
  }
  newest = pair;
  return pair;
}

function readOnce(): ClockPair {
  const before = performance.now();
  const wallMs = Date.now();
  const after = performance.now();
  return {
    wallMs,
    monotonicMs: (before + after) / 2,
    bracketMs: after - before,
    suspendedMs: newest?.suspendedMs ?? 0,
  };
}

/** How long the machine slept since boot time was last read, in milliseconds. */
function suspendedMs(): number {
  const before = boot;
  boot = readBootTime();
  return before === undefined || boot === undefined ? 0 : suspendedBetween(before, boot);
}

/** `undefined` where there is no such file: then a sleep cannot be told from a step. */
function readBootTime(): BootReading | undefined {
  try {
    const bootMs = bootTimeMs(readFileSync(UPTIME_FILE, "latin1"));
    return bootMs === undefined ? undefined : { bootMs, monotonicMs: performance.now() };
  } catch {
    return undefined;
  }
}
