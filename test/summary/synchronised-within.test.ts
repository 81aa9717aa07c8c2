// Whether a clock is good enough to start something: by state, by each figure, and at the limit.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import { SYNC_STATES } from "../../src/clock/sync-state.ts";
import { parseLimitMs, synchronisedWithin } from "../../src/summary/synchronised-within.ts";
import { anyFacts, factsOf } from "./facts.ts";

const LIMIT_MS = 50;

describe("a clock is good", () => {
  test("in the state synchronised only, however small its error", () => {
    const good = SYNC_STATES.filter(
      (state) => synchronisedWithin(factsOf({ state }), LIMIT_MS).isGood,
    );
    assert.deepEqual(good, ["synchronised"]);
  });

  const cases = [
    { errorMs: 50, boundMs: 50, peakMs: 50, isGood: true, why: "all meet the limit" },
    { errorMs: 50.001, boundMs: 1, peakMs: undefined, isGood: false, why: "the error is above" },
    { errorMs: 1, boundMs: 50.001, peakMs: undefined, isGood: false, why: "the bound is above" },
    { errorMs: 1, boundMs: 1, peakMs: 50.001, isGood: false, why: "the peak is above" },
    { errorMs: undefined, boundMs: 1, peakMs: 1, isGood: false, why: "the error is not known" },
    { errorMs: 1, boundMs: undefined, peakMs: 1, isGood: false, why: "the bound is not known" },
    { errorMs: 1, boundMs: 1, peakMs: undefined, isGood: true, why: "chronyd knows no peak" },
  ];
  for (const { isGood, why, ...figures } of cases) {
    test(`${isGood}: ${why}`, () => {
      assert.equal(synchronisedWithin(factsOf(figures), LIMIT_MS).isGood, isGood);
    });
  }

  test("never when a figure is not known, or above the limit, or the state another", () => {
    fc.assert(
      fc.property(anyFacts, fc.double({ min: 0.001, max: 1e6, noNaN: true }), (facts, limitMs) => {
        const { state, errorMs, boundMs, peakMs = 0 } = facts;
        const isGood =
          state === "synchronised" &&
          errorMs !== undefined &&
          boundMs !== undefined &&
          Math.max(errorMs, boundMs, peakMs) <= limitMs;
        assert.equal(synchronisedWithin(facts, limitMs).isGood, isGood);
      }),
    );
  });
});

describe("the sentence", () => {
  const sentences: readonly [string, Parameters<typeof factsOf>[0]][] = [
    ["Synchronised, and the peak of 0.052 ms is within 50 ms.", {}],
    ["The peak of 75.200 ms is above 50 ms.", { peakMs: 75.2 }],
    ["The error of the clock is not known.", { boundMs: undefined }],
    [
      "The state is unreachable, not synchronised. chronyd does not answer: the clock may be wrong by any amount.",
      { state: "unreachable" },
    ],
    [
      "The state is local, not synchronised. chronyd follows its own clock (local directive): the clock may be wrong by any amount.",
      { state: "local" },
    ],
    [
      "Synchronised, and the peak of 0.052 ms is within 50 ms. The time source reports that it follows its own clock: it and this clock may be wrong by any amount.",
      { upstreamIsLocal: true },
    ],
    [
      "Synchronised, and the peak of 0.052 ms is within 50 ms. chronyd's last update is in the future: the clock was set back since.",
      { referenceTimeIsAhead: true },
    ],
  ];
  for (const [sentence, facts] of sentences) {
    test(sentence, () => {
      assert.equal(synchronisedWithin(factsOf(facts), LIMIT_MS).sentence, sentence);
    });
  }
});

describe("a limit", () => {
  for (const [text, ms] of [
    ["0.001", 0.001],
    ["50", 50],
    ["86400000", 86_400_000],
  ] as const) {
    test(`of ${text} is accepted`, () => {
      assert.deepEqual(parseLimitMs(text), { ok: true, value: ms });
    });
  }
  const bad = ["", "0", "0.0", "-1", "NaN", "Infinity", "1e3", "0x10", "86400001", "9".repeat(400)];
  for (const text of [...bad, "50ms", "5,0", "0.0009", "٥٠"]) {
    test(`of ${JSON.stringify(text.slice(0, 20))} is not, with what is allowed`, () => {
      assert.deepEqual(parseLimitMs(text), {
        ok: false,
        error:
          "expected a number from 0.001 to 86400000, because it is what the clock may be wrong by, in milliseconds",
      });
    });
  }
});
