// Steps of the wall clock in the log. Every time is an argument; the log is an array.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Log } from "../src/log.ts";
import { StepLog } from "../src/step-log.ts";

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;

type Step = readonly [atMs: number, stepMs: number];

/** The log lines with their seconds. The clocks are read once a second. */
function logged(steps: readonly Step[], untilMs: number): readonly string[] {
  const lines: string[] = [];
  let nowMs = 0;
  const add = (message: string) => lines.push(`${nowMs / SECOND_MS} s: ${message}`);
  const log: Log = { error: add, warn: add, info: add, debug: add };
  const stepLog = new StepLog(log);
  const stepAt = new Map(steps);
  for (nowMs = 0; nowMs <= untilMs; nowMs += SECOND_MS) {
    stepLog.follow(stepAt.get(nowMs), nowMs);
  }
  return lines;
}

test("a step is logged at once, with its size, and only once", () => {
  assert.deepEqual(logged([[5 * SECOND_MS, -9_000]], 20 * MINUTE_MS), [
    "5 s: The wall clock was stepped by -9.000 s.",
  ]);
});

test("steps that are a minute apart have a line each", () => {
  assert.deepEqual(
    logged(
      [
        [0, 250],
        [MINUTE_MS, 500],
        [3 * MINUTE_MS, -20],
      ],
      5 * MINUTE_MS,
    ),
    [
      "0 s: The wall clock was stepped by 0.250 s.",
      "60 s: The wall clock was stepped by 0.500 s.",
      "180 s: The wall clock was stepped by -0.020 s.",
    ],
  );
});

test("steps that follow sooner are logged together, a minute after the last one", () => {
  assert.deepEqual(
    logged(
      [
        [0, 250],
        [2 * SECOND_MS, 3_000],
        [4 * SECOND_MS, -1_000],
      ],
      5 * MINUTE_MS,
    ),
    [
      "0 s: The wall clock was stepped by 0.250 s.",
      "64 s: The wall clock was stepped 2 times more, by 2.000 s in total.",
    ],
  );
});

test("a step every second has a line when it begins, every ten minutes, and when it ends", () => {
  const steps = Array.from({ length: 1501 }, (_, second): Step => [second * SECOND_MS, -100]);
  assert.deepEqual(logged(steps, 40 * MINUTE_MS), [
    "0 s: The wall clock was stepped by -0.100 s.",
    "600 s: The wall clock was stepped 600 times more, by -60.000 s in total.",
    "1200 s: The wall clock was stepped 600 times more, by -60.000 s in total.",
    "1560 s: The wall clock was stepped 300 times more, by -30.000 s in total.",
  ]);
});

test("the first step after the end has its own line again", () => {
  const lines = logged(
    [
      [0, 1_000],
      [SECOND_MS, 1_000],
      [2 * MINUTE_MS, -2_000],
    ],
    5 * MINUTE_MS,
  );
  assert.deepEqual(lines, [
    "0 s: The wall clock was stepped by 1.000 s.",
    "61 s: The wall clock was stepped once more, by 1.000 s in total.",
    "120 s: The wall clock was stepped by -2.000 s.",
  ]);
});
