// The verdict in each state, and at the thresholds.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { THRESHOLDS as ALERT_THRESHOLDS } from "../../alerts/thresholds.ts";
import { SYNC_STATES } from "../../src/clock/sync-state.ts";
import { DEFAULT_THRESHOLDS } from "../../src/summary/thresholds.ts";
import { judge, judgedValue } from "../../src/summary/verdict.ts";
import { factsOf } from "./facts.ts";

const THRESHOLDS = { warningMs: 10, criticalMs: 100 };

describe("the verdict", () => {
  const inEachState = SYNC_STATES.map((state) => [
    state,
    judge(factsOf({ state }), THRESHOLDS).verdict,
  ]);
  test("of a small error depends on the state", () => {
    assert.deepEqual(Object.fromEntries(inEachState), {
      synchronised: "ok",
      stale: "warning",
      stepped: "critical",
      local: "critical",
      unsynchronised: "critical",
      unreachable: "unknown",
    });
  });

  for (const state of ["synchronised", "stale"] as const) {
    const atLeast = state === "stale" ? "warning" : "ok";
    const cases = [
      { errorMs: 10, boundMs: 10, verdict: atLeast, why: "meets a threshold, which is allowed" },
      { errorMs: 0, boundMs: 10.001, verdict: "warning", why: "a bound above it" },
      { errorMs: 10.001, boundMs: 0, verdict: "warning", why: "an error above it" },
      { errorMs: 100, boundMs: 0, verdict: "warning", why: "meets the second one" },
      { errorMs: 0, boundMs: 100.001, verdict: "critical", why: "a bound above that" },
      { errorMs: 5000, boundMs: 20, verdict: "critical", why: "the larger one counts" },
    ];
    for (const { errorMs, boundMs, verdict, why } of cases) {
      test(`${state}, error ${errorMs} ms, bound ${boundMs} ms is ${verdict}: ${why}`, () => {
        assert.equal(
          judge(factsOf({ state, errorMs, boundMs, peakMs: undefined }), THRESHOLDS).verdict,
          verdict,
        );
      });
    }
  }

  test("of a clock that every NTP server contradicts is at least a warning, with the reason", () => {
    const utcCheck = { ageSeconds: 60, contradiction: true, servers: [] };
    for (const state of ["synchronised", "stale"] as const) {
      const { verdict, reason } = judge(factsOf({ state, utcCheck }), THRESHOLDS);
      assert.equal(verdict, "warning");
      assert.match(reason ?? "", /^No NTP server of UTC_CHECK_SERVERS agrees with the clock/);
    }
    assert.equal(judge(factsOf({ utcCheck, boundMs: 101 }), THRESHOLDS).verdict, "critical");
    for (const contradiction of [false, undefined]) {
      const facts = factsOf({ utcCheck: { ...utcCheck, contradiction } });
      assert.equal(judge(facts, THRESHOLDS).verdict, "ok");
    }
  });

  test("says which number is above which threshold", () => {
    assert.equal(
      judge(factsOf({ errorMs: 0.1, boundMs: 25.0126 }), THRESHOLDS).reason,
      "The bound of 25.013 ms is above 10 ms.",
    );
    assert.equal(
      judge(factsOf({ errorMs: 250, boundMs: 25 }), THRESHOLDS).reason,
      "The error of 250.000 ms is above 100 ms.",
    );
    assert.equal(judge(factsOf({}), THRESHOLDS).reason, undefined);
  });

  test("is a warning when chronyd's last update lies in the future, and says why", () => {
    const setBack = factsOf({ referenceTimeIsAhead: true, referenceAgeSeconds: undefined });
    const { verdict, reason } = judge(setBack, THRESHOLDS);
    assert.equal(verdict, "warning");
    assert.match(reason ?? "", /clock was set back/);
    assert.equal(judge({ ...setBack, boundMs: 101 }, THRESHOLDS).verdict, "critical");
  });

  test("is a warning when the time source follows its own clock, however small the numbers are", () => {
    const free = factsOf({ upstreamIsLocal: true });
    const { verdict, reason } = judge(free, THRESHOLDS);
    assert.equal(verdict, "warning");
    assert.match(reason ?? "", /^The time source reports that it follows its own clock/);
    assert.equal(judge({ ...free, boundMs: 101 }, THRESHOLDS).verdict, "critical");
    assert.deepEqual(judge({ ...free, state: "stale" }, THRESHOLDS), { verdict, reason });
    assert.equal(judge(factsOf({ upstreamIsLocal: undefined }), THRESHOLDS).verdict, "ok");
  });

  test("never is ok without an error and a bound, whatever the state says", () => {
    assert.equal(judge(factsOf({ errorMs: undefined }), THRESHOLDS).verdict, "unknown");
    assert.deepEqual(judge(factsOf({ boundMs: undefined }), THRESHOLDS), {
      verdict: "unknown",
      reason: "The error of the clock was not reported.",
    });
  });

  test("compares the largest of bound, error and peak, and has its name", () => {
    const cases = [
      [
        { errorMs: 1, boundMs: 2, peakMs: 3 },
        { name: "peak", valueMs: 3 },
      ],
      [
        { errorMs: 2, boundMs: 1, peakMs: undefined },
        { name: "error", valueMs: 2 },
      ],
      [
        { errorMs: 2, boundMs: 2, peakMs: 2 },
        { name: "bound", valueMs: 2 },
      ],
      [
        { errorMs: 0.5, boundMs: 0.25, peakMs: undefined },
        { name: "error", valueMs: 0.5 },
      ],
      [
        { errorMs: 0, boundMs: 0, peakMs: undefined },
        { name: "bound", valueMs: 0 },
      ],
    ] as const;
    for (const [numbers, expected] of cases) {
      assert.deepEqual(judgedValue(factsOf(numbers)), expected);
    }
  });

  test("is by the peak, so a short error counts for a minute", () => {
    const { verdict, reason } = judge(factsOf({ peakMs: 5000 }), THRESHOLDS);
    assert.equal(verdict, "critical");
    assert.equal(reason, "The peak of 5000.000 ms is above 100 ms.");
    assert.equal(
      judge(factsOf({ peakMs: 5000, errorMs: undefined }), THRESHOLDS).verdict,
      "unknown",
    );
  });

  test("does not use the small error of a clock that slews 300 ms", () => {
    const slewing = { errorMs: 0.005, boundMs: 300.003 };
    const now = factsOf({ ...slewing, peakMs: 300.003 });
    assert.equal(judge(now, DEFAULT_THRESHOLDS).verdict, "critical");
    const withoutAgent = factsOf({ ...slewing, peakMs: undefined });
    assert.equal(judge(withoutAgent, DEFAULT_THRESHOLDS).verdict, "critical");
  });

  test("has the thresholds of the alerts", () => {
    assert.deepEqual(
      { warningMs: ALERT_THRESHOLDS.errorWarningMs, criticalMs: ALERT_THRESHOLDS.errorCriticalMs },
      DEFAULT_THRESHOLDS,
    );
  });
});
