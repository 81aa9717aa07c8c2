// The history for the drawing: the largest value of each second, for ten minutes.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import {
  EMPTY_ERROR_HISTORY,
  type ErrorHistory,
  HISTORY_SECONDS,
  withReadingOf,
} from "../../src/page/error-history.ts";

function historyOf(readings: readonly (readonly [number, number | undefined])[]): ErrorHistory {
  return readings.reduce<ErrorHistory>(
    (history, [nowMs, errorMs]) => withReadingOf(history, errorMs, nowMs),
    EMPTY_ERROR_HISTORY,
  );
}

describe("the error's history", () => {
  test("keeps the largest value of a second, in any order", () => {
    const history = historyOf([
      [5_000, 0.1],
      [5_400, 0.3],
      [5_999, 0.2],
      [6_000, 0.05],
    ]);
    assert.deepEqual(history, [
      { second: 5, errorMs: 0.3 },
      { second: 6, errorMs: 0.05 },
    ]);
  });

  test("remembers that nothing was known, unless there is a value in the same second", () => {
    const history = historyOf([
      [1_000, undefined],
      [2_000, undefined],
      [2_500, 0.2],
      [3_000, 0.3],
      [3_500, undefined],
    ]);
    assert.deepEqual(
      history.map(({ errorMs }) => errorMs),
      [undefined, 0.2, 0.3],
    );
  });

  test("leaves out seconds without a poll", () => {
    const history = historyOf([
      [0, 1],
      [60_000, 2],
    ]);
    assert.deepEqual(
      history.map(({ second }) => second),
      [0, 60],
    );
  });

  test("leaves out a second that is ten minutes ago", () => {
    const history = historyOf([
      [0, 1],
      [1_000, 2],
      [HISTORY_SECONDS * 1_000, 3],
    ]);
    assert.deepEqual(
      history.map(({ second }) => second),
      [1, 600],
    );
  });

  test("never holds more than ten minutes, however often chronyd is polled", () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat({ max: 20_000 }), { maxLength: 2_000 }),
        fc.option(fc.double({ min: 0, max: 1e6, noNaN: true }), { nil: undefined }),
        (pausesMs, errorMs) => {
          let nowMs = 0;
          const history = historyOf(
            pausesMs.map((pauseMs) => {
              nowMs += pauseMs;
              return [nowMs, errorMs] as const;
            }),
          );
          assert.ok(history.length <= HISTORY_SECONDS);
          const seconds = history.map(({ second }) => second);
          assert.deepEqual(
            seconds,
            [...new Set(seconds)].toSorted((a, b) => a - b),
          );
          const newest = Math.floor(nowMs / 1000);
          assert.ok(seconds.every((second) => second > newest - HISTORY_SECONDS));
        },
      ),
      { numRuns: 20 },
    );
  });
});
