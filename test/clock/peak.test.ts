// The window of the largest value, by hand and compared with a model that keeps every value.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import { EMPTY_PEAK_WINDOW, type PeakWindow, peakOf, withValue } from "../../src/clock/peak.ts";

const WIDTH_MS = 60_000;

/** The window after values were seen, each `[value, when]`. */
function windowOf(...seen: readonly (readonly [value: number, seenMs: number])[]): PeakWindow {
  return seen.reduce(
    (window, [value, seenMs]) => withValue(window, value, seenMs, WIDTH_MS),
    EMPTY_PEAK_WINDOW,
  );
}

describe("the peak", () => {
  test("is none when nothing was seen", () => {
    assert.equal(peakOf(EMPTY_PEAK_WINDOW), undefined);
  });

  test("is a value as soon as it is seen, even if it is not larger than earlier ones", () => {
    assert.equal(peakOf(windowOf([5, 0])), 5);
    assert.equal(peakOf(windowOf([5, 0], [5, 1])), 5);
  });

  test("stays when values fall, so that nothing between two exports is lost", () => {
    assert.equal(peakOf(windowOf([1, 0], [40, 1_000], [2, 2_000], [1, 3_000])), 40);
  });

  test("counts for less than the width, not at it", () => {
    assert.equal(peakOf(windowOf([40, 0], [1, WIDTH_MS - 1])), 40);
    assert.equal(peakOf(windowOf([40, 0], [1, WIDTH_MS])), 1);
  });

  test("is followed by the largest of the later values, not by the newest", () => {
    assert.equal(peakOf(windowOf([40, 0], [30, 10_000], [20, 20_000], [1, WIDTH_MS])), 30);
  });

  test("of 0 is a value, not none", () => {
    assert.equal(peakOf(windowOf([0, 0])), 0);
  });
});

test("a window is not changed by what comes after it", () => {
  const before = windowOf([5, 0]);
  withValue(before, 9, 1, WIDTH_MS);
  assert.equal(peakOf(before), 5);
});

const anySequence = fc.array(
  fc.tuple(fc.integer({ min: 0, max: 20 }), fc.integer({ min: 0, max: 30_000 })),
);

test("the peak is the largest value of the width, and never below the newest", () => {
  fc.assert(
    fc.property(anySequence, (sequence) => {
      const all: { value: number; seenMs: number }[] = [];
      let window = EMPTY_PEAK_WINDOW;
      let nowMs = 0;
      for (const [value, waitMs] of sequence) {
        nowMs += waitMs;
        window = withValue(window, value, nowMs, WIDTH_MS);
        all.push({ value, seenMs: nowMs });
        const counted = all.filter(({ seenMs }) => nowMs - seenMs < WIDTH_MS);
        const peak = peakOf(window);
        assert.equal(peak, Math.max(...counted.map((one) => one.value)));
        assert.ok(peak !== undefined && peak >= value);
      }
    }),
  );
});

test("the window keeps only what can still become the peak: a steady value takes one place", () => {
  let window = EMPTY_PEAK_WINDOW;
  for (let nowMs = 0; nowMs < 100_000; nowMs += 100) {
    window = withValue(window, 3, nowMs, WIDTH_MS);
  }
  assert.equal(window.length, 1);
});
