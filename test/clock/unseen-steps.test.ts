// Which steps of the wall clock chronyd has not noticed, and which are its own. Reports are constructed (reports.ts);
// ../agent/stepped.test.ts has real chronyds.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Tracking } from "../../src/chrony/tracking.ts";
import { unseenSteps } from "../../src/clock/unseen-steps.ts";
import { trackingReport } from "./reports.ts";

const NONE = undefined;
/** Small numbers, so that an edge is exact. */
const report = (overrides: Partial<Tracking> = {}) =>
  trackingReport({
    referenceTimeSeconds: 10,
    lastOffsetSeconds: 0,
    systemTimeOffsetSeconds: 0,
    ...overrides,
  });

describe("chronyd's own step by command", () => {
  const cases: readonly (readonly [stepMs: number, movedSeconds: number, isOwn: boolean])[] = [
    [2000, 2, true],
    [2005, 2, true],
    [1995, 2, true],
    [2005.1, 2, false],
    [1994.9, 2, false],
    [-2000, -2, true],
    [2000, -2, false],
    [2000, 0, false],
  ];
  for (const [stepMs, movedSeconds, isOwn] of cases) {
    test(`${isOwn ? "can be" : "is not"} one of ${stepMs} ms where the reference time moved by ${movedSeconds} s`, () => {
      const after = report({ referenceTimeSeconds: 10 + movedSeconds });
      const expected = isOwn ? NONE : { sumMs: stepMs, report: after };
      assert.deepEqual(unseenSteps(NONE, stepMs, report(), after), expected);
    });
  }
});

describe("chronyd's own step at an update", () => {
  const offset = { lastOffsetSeconds: -5, referenceTimeSeconds: 80 };
  const cases: readonly (readonly [
    why: string,
    stepMs: number,
    leftSeconds: number,
    isOwn: boolean,
  ])[] = [
    ["has the size of the offset", 5000, 0, true],
    ["has it to 5 ms", 5005, 0, true],
    ["has it to 5 ms", 4995, 0, true],
    ["is not larger", 5005.1, 0, false],
    ["is not smaller", 4994.9, 0, false],
    ["is not in the other direction", -5000, 0, false],
    ["takes in what was left to correct forward", 5505, 0.5, true],
    [
      "takes in what was left to correct forward, of which some may have been slewed",
      4995,
      0.5,
      true,
    ],
    ["takes in no more than that", 5505.1, 0.5, false],
    ["is no smaller than the offset then", 4994.9, 0.5, false],
    ["takes in what was left to correct backward", 4495, -0.5, true],
    [
      "takes in what was left to correct backward, of which some may have been slewed",
      5005,
      -0.5,
      true,
    ],
    ["takes in no more than that backward", 4494.9, -0.5, false],
    ["is no larger than the offset then", 5005.1, -0.5, false],
  ];
  for (const [why, stepMs, leftSeconds, isOwn] of cases) {
    test(`${why}: ${stepMs} ms`, () => {
      const after = report(offset);
      const expected = isOwn ? NONE : { sumMs: stepMs, report: after };
      const before = report({ systemTimeOffsetSeconds: leftSeconds });
      assert.deepEqual(unseenSteps(NONE, stepMs, before, after), expected);
    });
  }

  for (const [systemTimeOffsetSeconds, isOwn] of [
    [0.005, true],
    [-0.005, true],
    [0.0051, false],
    [-0.0051, false],
  ] as const) {
    test(`leaves nothing to correct: ${systemTimeOffsetSeconds} s ${isOwn ? "is nothing" : "is something"}`, () => {
      const after = report({ ...offset, systemTimeOffsetSeconds });
      const expected = isOwn ? NONE : { sumMs: 5000, report: after };
      assert.deepEqual(unseenSteps(NONE, 5000, report(), after), expected);
    });
  }
});

describe("a step of unknown origin counts,", () => {
  const after = report({ referenceTimeSeconds: 12 });
  const unset = { referenceTimeSeconds: undefined };
  const cases: readonly (readonly [string, Tracking | undefined, Tracking | undefined])[] = [
    ["without a report before it", NONE, after],
    ["without a report after it", report(), NONE],
    ["where chronyd had no reference time before", report(unset), after],
    ["where chronyd has no reference time after", report(), report(unset)],
  ];
  for (const [when, before, next] of cases) {
    test(when, () => {
      assert.deepEqual(unseenSteps(NONE, 2000, before, next), { sumMs: 2000, report: next });
    });
  }
});

describe("the sum of steps", () => {
  const open = { sumMs: -9000, report: report() };

  for (const [stepMs, isRight] of [
    [9000, true],
    [9005, true],
    [8995, true],
    [9005.1, false],
    [8994.9, false],
  ] as const) {
    test(`of -9000 ms and ${stepMs} ms is ${isRight ? "nothing: the clock is right again" : "something"}`, () => {
      const expected = isRight ? NONE : { sumMs: stepMs - 9000, report: report() };
      assert.deepEqual(unseenSteps(open, stepMs, report(), report()), expected);
    });
  }

  test("stays without a step and without an update", () => {
    assert.deepEqual(unseenSteps(open, NONE, report(), report()), open);
  });

  test("stays while there is no report", () => {
    assert.deepEqual(unseenSteps(open, NONE, report(), NONE), open);
  });

  test("belongs to the first report that there is: an update before it is none since the step", () => {
    const first = report({ lastOffsetSeconds: 0.25 });
    const withoutReport = { sumMs: -9000, report: undefined };
    const seen = unseenSteps(withoutReport, NONE, report(), first);
    assert.deepEqual(seen, { sumMs: -9000, report: first });
    assert.equal(unseenSteps(seen, NONE, first, report()), NONE, "the next one ends it");
  });

  test("begins again if chronyd made an update before another step", () => {
    const update = report({ rmsOffsetSeconds: 0.5 });
    const seen = unseenSteps(open, 700, report(), update);
    assert.deepEqual(seen, { sumMs: 700, report: update });
  });
});
