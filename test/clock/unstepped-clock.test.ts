// The clock without steps, by readings of the clocks made up here.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import { UnsteppedClock } from "../../src/clock/unstepped-clock.ts";
import { clocksAt, WALL_AT_START_MS } from "./reports.ts";

describe("without a step", () => {
  test("a time is the wall clock's, to the millisecond, and stays it, however blurred the readings", () => {
    const anyReading = fc.record({
      monotonicMs: fc.integer({ min: 0, max: 10_000_000 }),
      /** The wall clock is read in whole milliseconds. */
      blurMs: fc.integer({ min: -1, max: 1 }),
      bracketMs: fc.double({ min: 0, max: 300, noNaN: true }),
    });
    fc.assert(
      fc.property(fc.array(anyReading), (readings) => {
        const clock = new UnsteppedClock();
        for (const { monotonicMs, blurMs, bracketMs } of readings) {
          const clocks = { ...clocksAt(monotonicMs, blurMs), bracketMs };
          assert.equal(clock.timeOf(clocks), clocks.wallMs);
          assert.equal(clock.onWallClock(clocks.wallMs), clocks.wallMs);
        }
      }),
    );
  });
});

describe("after steps", () => {
  const anySteps = fc.array(
    fc.integer({ min: -100_000_000, max: 100_000_000 }).filter((ms) => Math.abs(ms) >= 20),
    { minLength: 1, maxLength: 10 },
  );

  test("times go on as the monotonic clock does, and are where the wall clock is now", () => {
    fc.assert(
      fc.property(anySteps, (steps) => {
        const clock = new UnsteppedClock();
        let steppedMs = 0;
        clock.follow(clocksAt(0));
        steps.forEach((stepMs, index) => {
          steppedMs += stepMs;
          const clocks = clocksAt(1_000 * (index + 1), steppedMs);
          assert.equal(clock.timeOf(clocks), WALL_AT_START_MS + clocks.monotonicMs);
          assert.equal(clock.onWallClock(clock.timeOf(clocks)), clocks.wallMs);
        });
      }),
    );
  });

  test("a reading from before a step that was seen already has its place before it", () => {
    const clock = new UnsteppedClock();
    clock.follow(clocksAt(0));
    clock.follow(clocksAt(2_000, -5_000));
    assert.equal(clock.timeOf(clocksAt(1_000)), WALL_AT_START_MS + 1_000);
    assert.equal(clock.onWallClock(WALL_AT_START_MS + 1_000), WALL_AT_START_MS + 1_000 - 5_000);
  });

  test("a large one is seen in a blurred reading, too, and its size put right by a sharp one", () => {
    const clock = new UnsteppedClock();
    clock.follow(clocksAt(0));
    clock.follow({ ...clocksAt(1_000, 3_600_040), bracketMs: 100 });
    assert.equal(clock.onWallClock(WALL_AT_START_MS), WALL_AT_START_MS + 3_600_040);
    clock.follow(clocksAt(60_000, 3_600_000));
    assert.ok(Math.abs(clock.onWallClock(WALL_AT_START_MS) - WALL_AT_START_MS - 3_600_000) <= 50);
  });

  test("a small one beside a blurred reading is seen by the next sharp one", () => {
    const clock = new UnsteppedClock();
    clock.follow(clocksAt(0));
    clock.follow({ ...clocksAt(1_000, 100), bracketMs: 300 });
    assert.equal(clock.onWallClock(WALL_AT_START_MS), WALL_AT_START_MS, "not by the blurred one");
    clock.follow(clocksAt(2_000, 100));
    assert.equal(clock.onWallClock(WALL_AT_START_MS), WALL_AT_START_MS + 100);
  });

  for (const [stepMs, isSeen] of [
    [60, true],
    [-60, true],
    [59, false],
    [-59, false],
  ] as const) {
    test(`one of ${stepMs} ms is ${isSeen ? "" : "not "}seen between readings 40 ms and 60 ms wide: 10 ms and half of these`, () => {
      const clock = new UnsteppedClock();
      clock.follow({ ...clocksAt(0), bracketMs: 40 });
      clock.follow({ ...clocksAt(1_000, stepMs), bracketMs: 60 });
      const seenMs = clock.onWallClock(WALL_AT_START_MS) - WALL_AT_START_MS;
      assert.equal(seenMs, isSeen ? stepMs : 0);
    });
  }

  test("its size is the nearest whole millisecond, because the wall clock is read in these", () => {
    const clock = new UnsteppedClock();
    clock.follow(clocksAt(0));
    const clocks = { ...clocksAt(1_000, 5_000), monotonicMs: 1_000.4 };
    assert.equal(clock.timeOf(clocks), WALL_AT_START_MS + 1_000);
  });

  test("one is seen, too, where no monotonic time passed", () => {
    const clock = new UnsteppedClock();
    clock.follow(clocksAt(0));
    clock.follow(clocksAt(0, 5_000));
    assert.equal(clock.onWallClock(WALL_AT_START_MS), WALL_AT_START_MS + 5_000);
  });
});
