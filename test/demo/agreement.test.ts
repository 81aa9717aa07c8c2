// Whether a value in Prometheus agrees with chronyd's own report. The report is the output of chronyc 4.3 for a chronyd
// that had just been synchronised.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { compare, type ErrorSample, readReport } from "../../demo/agreement.ts";

const PRINTED =
  "7F000001,127.0.0.1,9,1763832000.367351875,-0.000002245,0.000000653,0.000000653,11.250,0.116,82.304,0.000018000,0.000062809,0.3,Normal";

const ASKED_MS = 1_763_832_001_000;
const ANSWERED_MS = ASKED_MS + 10;
const report = readReport(PRINTED.split(","), ASKED_MS, ANSWERED_MS);

/** |last offset| + root dispersion + half the root delay. */
const ERROR_MS = 0.000_653 + 0.062_809 + 0.009;

/** Skew, residual frequency and chronyd's 1 ppm, in milliseconds each millisecond. */
const GROWTH = (82.304 + 0.116 + 1) / 1_000_000;

const AT_ONCE = { fromMs: 0, toMs: 0 };

function sampleAt(wallMs: number, errorMs: number): ErrorSample {
  return { wallMs, errorMs, referenceTimeSeconds: 1_763_832_000.367_352 };
}

describe("a value in Prometheus", () => {
  test("agrees with the report of the same moment", () => {
    const samples = [sampleAt(ANSWERED_MS, ERROR_MS)];
    assert.deepEqual(compare(samples, [report], AT_ONCE), { kind: "agree", compared: 1 });
  });

  test("agrees with a report a second before or after, because the growth of the error is known", () => {
    const samples = [-1_000, 1_000].map((elapsedMs) =>
      sampleAt(ANSWERED_MS + elapsedMs, ERROR_MS + GROWTH * elapsedMs),
    );
    assert.deepEqual(compare(samples, [report], AT_ONCE), { kind: "agree", compared: 2 });
  });

  for (const [what, errorMs] of [
    ["the whole root delay instead of its half", ERROR_MS + 0.009],
    ["the value of a second before", ERROR_MS - GROWTH * 1_000],
    ["no number", Number.NaN],
  ] as const) {
    test(`disagrees when it is ${what}`, () => {
      const comparison = compare([sampleAt(ANSWERED_MS, errorMs)], [report], AT_ONCE);
      assert.equal(comparison.kind, "disagree");
    });
  }

  test("may be as old as its poll", () => {
    const samples = [sampleAt(ANSWERED_MS, ERROR_MS - GROWTH * 500)];
    const window = { fromMs: -500, toMs: 0 };
    assert.deepEqual(compare(samples, [report], window), { kind: "agree", compared: 1 });
  });

  test("is not compared with a report of another reference", () => {
    const other = { ...report, referenceTimeSeconds: report.referenceTimeSeconds + 1 };
    const samples = [sampleAt(ANSWERED_MS, ERROR_MS)];
    assert.deepEqual(compare(samples, [other], AT_ONCE), { kind: "nothing to compare" });
  });

  test("is not compared with a report that chronyc could not print", () => {
    const garbled = readReport(["506 Cannot talk to daemon"], ASKED_MS, ANSWERED_MS);
    const samples = [{ ...sampleAt(ANSWERED_MS, ERROR_MS), referenceTimeSeconds: Number.NaN }];
    assert.deepEqual(compare(samples, [garbled], AT_ONCE), { kind: "nothing to compare" });
  });
});
