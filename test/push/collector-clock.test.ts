import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { ClockPair } from "../../src/clock/clock-pair.ts";
import { CollectorClock } from "../../src/push/collector-clock.ts";

const WALL_MS = Date.parse("2026-11-22T12:00:00.400Z");

/** The node's clocks some time after the answer; a step is what was added to the wall clock. */
function clocks(laterMs = 0, stepMs = 0): ClockPair {
  return {
    wallMs: WALL_MS + laterMs + stepMs,
    monotonicMs: 50_000 + laterMs,
    bracketMs: 0,
    suspendedMs: 0,
  };
}

/** The header of an answer by a clock that shows so much more than the node's. */
function dateOf(offsetMs: number): string {
  return new Date(WALL_MS + offsetMs).toUTCString();
}

/** What is known after one answer, `tookMs` after its request. */
function afterAnswer(date: string | undefined, tookMs = 20): CollectorClock {
  const known = new CollectorClock();
  known.answered(date, clocks().monotonicMs - tookMs, clocks());
  return known;
}

describe("the collector's clock", () => {
  test("is not known before it answered", () => {
    assert.equal(new CollectorClock().agreesWith(clocks()), false);
  });

  test("agrees when the date of an answer is that of its arrival", () => {
    assert.equal(afterAnswer(dateOf(0)).agreesWith(clocks()), true);
  });

  for (const offsetMs of [-3_600_000, -3_000, 3_000, 3_600_000]) {
    test(`does not agree when it is ${offsetMs} ms ahead`, () => {
      assert.equal(afterAnswer(dateOf(offsetMs)).agreesWith(clocks()), false);
    });
  }

  test("is not known by an answer that took so long that its date proves nothing", () => {
    assert.equal(afterAnswer(dateOf(0), 15_000).agreesWith(clocks()), false);
  });

  test("stays known while answers take too long to prove anything", () => {
    const known = afterAnswer(dateOf(0));
    known.answered(dateOf(0), clocks().monotonicMs - 15_000, clocks());
    assert.equal(known.agreesWith(clocks(60_000)), true);
  });

  test("is not known any more once an answer shows another time", () => {
    const known = afterAnswer(dateOf(0));
    known.answered(dateOf(60_000), clocks().monotonicMs - 20, clocks());
    assert.equal(known.agreesWith(clocks()), false);
  });

  test("is not known any more once the node's clock was stepped", () => {
    const known = afterAnswer(dateOf(0));
    assert.equal(known.agreesWith(clocks(30_000)), true);
    assert.equal(known.agreesWith(clocks(30_000, 1_000)), false);
    assert.equal(known.agreesWith(clocks(30_000, -1_000)), false);
  });

  for (const date of [undefined, "", "soon"]) {
    test(`is not known by an answer without a date that can be read: ${date}`, () => {
      assert.equal(afterAnswer(date).agreesWith(clocks()), false);
    });
  }
});
