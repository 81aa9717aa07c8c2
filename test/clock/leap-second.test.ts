// When a step is a leap second (src/clock/leap-second.ts). With a real chronyd: test/agent/.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { isLeapSecond, isLeapSecondNow } from "../../src/clock/leap-second.ts";

/** The end of an odd day since 1970. */
const MIDNIGHT_MS = Date.UTC(2026, 11, 31);
const NEXT_MIDNIGHT_MS = MIDNIGHT_MS + 86_400_000;

function at(wallMs: number) {
  return { wallMs, monotonicMs: 0, bracketMs: 0, suspendedMs: 0 };
}

function isLeap(stepMs: number, beforeMs = NEXT_MIDNIGHT_MS - 1_000, afterMs = beforeMs + 100) {
  return isLeapSecond(stepMs, "insert second", at(beforeMs), at(afterMs));
}

describe("a step is a leap second", () => {
  test("when it is a second, to 20 ms, in the announced direction", () => {
    const steps = [-1_021, -1_020, -1_000, -980, -979, 1_000];
    assert.deepEqual(
      steps.map((stepMs) => isLeap(stepMs)),
      [false, true, true, true, false, false],
    );
    const [before, after] = [at(NEXT_MIDNIGHT_MS - 100), at(NEXT_MIDNIGHT_MS + 1_000)];
    assert.equal(isLeapSecond(1_000, "delete second", before, after), true);
    assert.equal(isLeapSecond(-1_000, "normal", before, after), false);
    assert.equal(isLeapSecond(-1_000, undefined, before, after), false);
  });

  test("within five seconds of the end of a day, any day", () => {
    for (const midnightMs of [MIDNIGHT_MS, NEXT_MIDNIGHT_MS]) {
      assert.equal(isLeap(-1_000, midnightMs - 5_200), false);
      assert.equal(isLeap(-1_000, midnightMs - 5_100), true);
      assert.equal(isLeap(-1_000, midnightMs + 4_999), true);
      assert.equal(isLeap(-1_000, midnightMs + 5_000), false);
    }
  });
});

test("a leap second passes within five seconds of the end of a day for which it was announced", () => {
  const times = [-5_001, -5_000, 0, 4_999, 5_000].map((ms) => at(NEXT_MIDNIGHT_MS + ms));
  const isNow = (announced: Parameters<typeof isLeapSecondNow>[0]) =>
    times.map((clocks) => isLeapSecondNow(announced, clocks));
  assert.deepEqual(isNow("insert second"), [false, true, true, true, false]);
  assert.deepEqual(isNow("normal"), [false, false, false, false, false]);
  assert.deepEqual(isNow(undefined), [false, false, false, false, false]);
});
