// When servers are asked: the node's own phase, and the effect of a kiss of death.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { NtpError } from "../../src/utc-check/ntp-error.ts";
import {
  FULL_PACE,
  firstDueMs,
  isAsked,
  type Pace,
  paceAfter,
  paceSkipped,
} from "../../src/utc-check/pace.ts";
import { clocksAfterSleep, clocksAt, WALL_AT_START_MS } from "../clock/reports.ts";

const INTERVAL_MS = 900_000;

describe("the first check", () => {
  const sinceBeginMs = WALL_AT_START_MS % INTERVAL_MS;

  test("is at the node's own phase of the interval, by the wall clock", () => {
    const due = firstDueMs(clocksAt(5_000), INTERVAL_MS, 0.5);
    const wallMs = WALL_AT_START_MS + due;
    assert.equal(wallMs % INTERVAL_MS, INTERVAL_MS / 2);
    assert.ok(due >= 5_000 && due < 5_000 + INTERVAL_MS);
  });

  test("is at the same time however often the agent starts before it", () => {
    const phase = (sinceBeginMs + 600_000) / INTERVAL_MS;
    for (const startedMs of [0, 1_000, 599_999, 600_000]) {
      assert.equal(Math.round(firstDueMs(clocksAt(startedMs), INTERVAL_MS, phase)), 600_000);
    }
    assert.equal(Math.round(firstDueMs(clocksAt(600_001), INTERVAL_MS, phase)), 1_500_000);
  });

  test("is within the interval for every phase", () => {
    for (const phase of [2 ** -32, 0.25, 0.999, 1]) {
      const waitMs = firstDueMs(clocksAt(0), INTERVAL_MS, phase);
      assert.ok(waitMs >= 0 && waitMs < INTERVAL_MS, `${waitMs} ms for ${phase}`);
    }
  });

  test("is counted counting the sleep of the machine", () => {
    const due = firstDueMs(clocksAfterSleep(5_000, 60_000), INTERVAL_MS, 0.5);
    assert.equal(due, firstDueMs(clocksAt(65_000), INTERVAL_MS, 0.5));
  });
});

const kiss = (code: string): NtpError => ({ kind: "kiss", code });

/** The checks in which it is asked, if it always gives the same answer. */
function asked(pace: Pace, checks: number, error?: NtpError): number[] {
  const numbers: number[] = [];
  let now = pace;
  for (let number = 1; number <= checks; number += 1) {
    if (isAsked(now)) {
      numbers.push(number);
      now = paceAfter(now, error);
    } else {
      now = paceSkipped(now);
    }
  }
  return numbers;
}

describe("a server", () => {
  test("is asked in every check, whether it answers or not", () => {
    assert.deepEqual(asked(FULL_PACE, 4), [1, 2, 3, 4]);
    assert.deepEqual(asked(FULL_PACE, 4, { kind: "no answer", afterMs: 3_000 }), [1, 2, 3, 4]);
    assert.deepEqual(asked(FULL_PACE, 4, kiss("INIT")), [1, 2, 3, 4]);
  });

  test("that sent RATE is asked in every second check afterwards", () => {
    assert.deepEqual(asked(paceAfter(FULL_PACE, kiss("RATE")), 7), [2, 4, 6]);
  });

  test("that repeatedly sends RATE is asked half as often each time, down to one of 64 checks", () => {
    assert.deepEqual(asked(FULL_PACE, 200, kiss("RATE")), [1, 3, 7, 15, 31, 63, 127, 191]);
  });

  test("that sent DENY or RSTR is not asked any more", () => {
    for (const code of ["DENY", "RSTR"]) {
      assert.deepEqual(asked(paceAfter(FULL_PACE, kiss(code)), 300), []);
    }
  });
});
