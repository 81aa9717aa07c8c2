// Exact readings of the machine's real clocks.

import assert from "node:assert/strict";
import { test } from "node:test";
import { readClocksExactly } from "../../src/utc-check/exact-clocks.ts";

test("the wall clock's next millisecond begins within the bracket", () => {
  for (let number = 0; number < 50; number += 1) {
    const beganMs = Date.now();
    const { wallMs, monotonicMs, bracketMs } = readClocksExactly();
    assert.ok(Number.isInteger(wallMs));
    assert.ok(wallMs > beganMs, "it is a later one");
    assert.ok(bracketMs >= 0);
    assert.ok(monotonicMs <= performance.now());
  }
});

test("two readings differ by at most both brackets, and not by a millisecond", () => {
  const readings = Array.from({ length: 50 }, () => readClocksExactly());
  // An interrupted reading has a wide bracket.
  const first = readings.reduce((one, other) => (other.bracketMs < one.bracketMs ? other : one));
  for (const { wallMs, monotonicMs, bracketMs } of readings) {
    const apartMs = Math.abs(wallMs - monotonicMs - (first.wallMs - first.monotonicMs));
    const slewedMs = Math.abs(monotonicMs - first.monotonicMs) * 1e-4;
    assert.ok(
      apartMs <= (bracketMs + first.bracketMs) / 2 + slewedMs + 0.002,
      `${apartMs} ms apart with brackets of ${bracketMs} and ${first.bracketMs} ms`,
    );
  }
});

test("a stopped wall clock is not waited for, and has a wide bracket", (t) => {
  t.mock.method(Date, "now", () => 1_795_860_095_000);
  const { bracketMs } = readClocksExactly();
  assert.ok(bracketMs >= 0);
});
