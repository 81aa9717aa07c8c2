// Steps of the wall clock, compared with the monotonic one. Every time is an argument.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { certainStepMs, isSharp, stepBetween } from "../../src/clock/step-detector.ts";
import { clocksAfterSleep, clocksAt } from "./reports.ts";

describe("a step", () => {
  const steps: readonly (readonly [steppedMs: number, found: number | undefined])[] = [
    [0, undefined],
    [9, undefined],
    [-9, undefined],
    [10, 10],
    [-10, -10],
    [3_600_000, 3_600_000],
    [-3_600_000, -3_600_000],
  ];
  for (const [steppedMs, found] of steps) {
    test(`of ${steppedMs} ms is ${found === undefined ? "none" : `found, as ${found} ms`}`, () => {
      assert.equal(stepBetween(clocksAt(5_000), clocksAt(6_000, steppedMs)), found);
    });
  }

  for (const steppedMs of [9.9, 9.99]) {
    test(`of ${steppedMs} ms is none: the edge is at 10, not at what rounds to it`, () => {
      // The wall clock is read in whole milliseconds, the monotonic one finer.
      const after = { ...clocksAt(6_000, 10), monotonicMs: 6_010 - steppedMs };
      assert.equal(stepBetween(clocksAt(5_000), after), undefined);
    });
  }

  test("is the change only, whatever the difference was before", () => {
    assert.equal(stepBetween(clocksAt(5_000, -3_600_000), clocksAt(6_000, -3_600_000)), undefined);
    assert.equal(stepBetween(clocksAt(5_000, -3_600_000), clocksAt(6_000)), 3_600_000);
  });

  test("does not appear with time, because both clocks are slewed alike", () => {
    assert.equal(stepBetween(clocksAt(0), clocksAt(30 * 86_400_000)), undefined);
  });
});

describe("a sleep of the machine", () => {
  const before = clocksAt(5_000);

  test("is no step, however long", () => {
    assert.equal(stepBetween(before, clocksAfterSleep(6_000, 60_000)), undefined);
    assert.equal(stepBetween(before, clocksAfterSleep(6_000, 30 * 86_400_000)), undefined);
  });

  test("hides steps below 30 ms, because its length is known to some 10 ms", () => {
    assert.equal(stepBetween(before, clocksAfterSleep(6_000, 60_000, 29)), undefined);
    assert.equal(stepBetween(before, clocksAfterSleep(6_000, 60_000, 30)), 30);
    assert.equal(stepBetween(before, clocksAfterSleep(6_000, 60_000, -9_000)), -9_000);
  });

  test("that is over hides none", () => {
    const asleep = clocksAfterSleep(6_000, 60_000);
    assert.equal(stepBetween(asleep, clocksAfterSleep(7_000, 60_000, 10)), 10);
  });
});

describe("a step that is certain", () => {
  for (const [stepMs, isSeen] of [
    [60, true],
    [-60, true],
    [59, false],
    [-59, false],
  ] as const) {
    test(`is ${isSeen ? "" : "not "}one of ${stepMs} ms between readings 40 ms and 60 ms wide: 10 ms and half of these`, () => {
      const before = { ...clocksAt(0), bracketMs: 40 };
      const after = { ...clocksAt(1_000, stepMs), bracketMs: 60 };
      assert.equal(certainStepMs(before, after), isSeen ? stepMs : 0);
    });
  }

  test("is a whole number of milliseconds, because the wall clock is read in these", () => {
    const after = { ...clocksAt(1_000, 5_000), monotonicMs: 1_000.4 };
    assert.equal(certainStepMs(clocksAt(0), after), 5_000);
  });

  test("is not the sleep of the machine, and is detected together with one from 30 ms on", () => {
    assert.equal(certainStepMs(clocksAt(0), clocksAfterSleep(1_000, 60_000, 29)), 0);
    assert.equal(certainStepMs(clocksAt(0), clocksAfterSleep(1_000, 60_000, 30)), 30);
  });
});

describe("a reading of the clocks", () => {
  test("is exact when the wall clock was read within a millisecond", () => {
    assert.ok(isSharp({ ...clocksAt(0), bracketMs: 0 }));
    assert.ok(isSharp({ ...clocksAt(0), bracketMs: 1 }));
  });

  test("is not when the process was interrupted in between", () => {
    assert.ok(!isSharp({ ...clocksAt(0), bracketMs: 1.001 }));
    assert.ok(!isSharp({ ...clocksAt(0), bracketMs: 5_000 }));
  });
});
