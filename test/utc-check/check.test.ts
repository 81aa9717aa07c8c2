// Checks with constructed times: whether they contradict the clock, and how long they are valid.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Assessment, assess, withReading } from "../../src/clock/assessment.ts";
import {
  boundAround,
  contradicts,
  describeContradiction,
  isValid,
  type UtcCheck,
} from "../../src/utc-check/check.ts";
import { clocksAfterSleep, clocksAt, LOCAL, reading } from "../clock/reports.ts";

const INTERVAL_MS = 900_000;

const said = (offsetSeconds: number, marginSeconds: number) => ({ offsetSeconds, marginSeconds });

describe("the clock is contradicted", () => {
  test("if no server's interval overlaps the bound", () => {
    assert.equal(contradicts([said(0.04, 0.001)], 25), true);
    assert.equal(contradicts([said(-0.04, 0.001), said(0.04, 0.001)], 25), true);
  });

  test("not if one server's does, however many others do not", () => {
    assert.equal(contradicts([said(0.04, 0.001), said(0.01, 0.001)], 25), false);
    assert.equal(contradicts([said(-9, 0.1), said(-0.04, 0.016), said(3, 1)], 25), false);
  });

  test("not if the intervals only touch", () => {
    assert.equal(contradicts([said(0.5, 0.25)], 250), false);
    assert.equal(contradicts([said(-0.5, 0.25)], 250), false);
    assert.equal(contradicts([said(0.5 + 2 ** -40, 0.25)], 250), true);
  });

  test("is not known without an answer, or without a bound", () => {
    assert.equal(contradicts([], 25), undefined);
    assert.equal(contradicts([said(0.04, 0.001)], undefined), undefined);
  });
});

/** The assessment of the clock after a poll. */
function polled(monotonicMs: number, report: Parameters<typeof reading>[1] = {}): Assessment {
  const newest = reading(clocksAt(monotonicMs), report);
  return assess(withReading(undefined, newest, 60_000), newest.clocks, 1_000);
}

test("a contradiction is a sentence with the bound and each server's offset and margin", () => {
  const check: UtcCheck = {
    clocks: clocksAt(100_000),
    answers: [
      { server: "a.example", measurement: said(0.04, 0.001), problem: undefined },
      { server: "silent.example", measurement: undefined, problem: "It did not answer." },
      { server: "b.example", measurement: said(-0.5, 0.0125), problem: undefined },
    ],
    boundMs: 1.25,
    contradiction: true,
  };
  assert.equal(
    describeContradiction(check),
    "No NTP server agrees with the clock: its bound was 1.250 ms, and the offsets of the servers are: a.example 40.000 ms +/- 1.000 ms, b.example -500.000 ms +/- 12.500 ms (positive: the clock is behind). chronyd's time source may be wrong.",
  );
});

describe("the bound of a check", () => {
  test("is the larger of the polls before and after, with 15 ppm of the time between", () => {
    const before = polled(12_000, { systemTimeOffsetSeconds: 0.3 });
    const after = polled(13_000);
    assert.equal(boundAround(before, after), (before.clockErrorBoundMs ?? 0) + 0.015);
    assert.equal(boundAround(after, before), (before.clockErrorBoundMs ?? 0) - 0.015);
  });

  test("is not known if one of them has none", () => {
    assert.equal(boundAround(polled(12_000, LOCAL), polled(13_000)), undefined);
    assert.equal(boundAround(polled(12_000), polled(13_000, LOCAL)), undefined);
  });
});

describe("a check is valid", () => {
  const check: UtcCheck = {
    clocks: clocksAt(100_000),
    answers: [],
    boundMs: 1,
    contradiction: undefined,
  };
  const counts = (now: UtcCheck["clocks"]) => isValid(check, now, INTERVAL_MS);

  test("for three intervals", () => {
    assert.ok(counts(clocksAt(100_000)));
    assert.ok(counts(clocksAt(100_000 + 3 * INTERVAL_MS)));
    assert.ok(!counts(clocksAt(100_001 + 3 * INTERVAL_MS)));
  });

  test("counting the sleep of the machine", () => {
    assert.ok(counts(clocksAfterSleep(101_000, INTERVAL_MS)));
    assert.ok(!counts(clocksAfterSleep(101_000, 3 * INTERVAL_MS)));
  });

  test("until the wall clock is stepped, and again when it is stepped back", () => {
    assert.ok(!counts(clocksAt(101_000, 10)));
    assert.ok(!counts(clocksAt(101_000, -5_000)));
    assert.ok(counts(clocksAt(102_000, 0)));
    assert.ok(counts(clocksAt(102_000, 9)));
  });
});
