// The fault of a clock in the log.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Assessment, assess, withReading } from "../../src/clock/assessment.ts";
import { describeClockFault } from "../../src/summary/clock-fault.ts";
import { clocksAt, NEVER_SYNCHRONISED, reading, sourceReport } from "../clock/reports.ts";

const clocks = clocksAt(20_000);

function faultOf(read: ReturnType<typeof reading>, otherSource?: string): string | undefined {
  const history = withReading(undefined, read, 60_000);
  return describeClockFault(assess(history, clocks, 1000), otherSource);
}

describe("of a clock", () => {
  test("that is synchronised, nothing is logged", () => {
    assert.equal(faultOf({ ...reading(clocks), followed: sourceReport() }, "other"), undefined);
  });

  test("whose source is silent, the source, its polls and the silence are named", () => {
    const followed = sourceReport({ reachability: 0 }, 600);
    assert.equal(
      faultOf({ ...reading(clocks), followed }),
      "The time source 192.0.2.1, polled every 64 s, has given no sample for 600 s: the clock runs free, and its error grows (see: chronyc sources).",
    );
  });

  test("and so is another source that answers, with when chronyd takes it", () => {
    const followed = sourceReport({ reachability: 0 }, 600);
    assert.match(
      faultOf({ ...reading(clocks), followed }, "10.0.0.2") ?? "",
      /its error grows until chronyd switches to 10\.0\.0\.2, about 64 polls after the last answer \(/,
    );
  });

  test("that never had a source, that it has none", () => {
    assert.match(
      faultOf(reading(clocks, NEVER_SYNCHRONISED)) ?? "",
      /has no time source to follow/,
    );
  });
});

describe("the log says", () => {
  const healthy = assess(withReading(undefined, reading(clocks), 60_000), clocks, 1000);
  const cases: readonly (readonly [string, Partial<Assessment>, string | undefined])[] = [
    [
      "nothing of a chronyd that does not answer: the poll's error is said",
      { state: "unreachable" },
      undefined,
    ],
    [
      "by how much the clock was stepped",
      { state: "stepped", unseenStepMs: -9_000.5 },
      "The wall clock was stepped by -9.001 s and chronyd has made no update since: its offset is from before the step (see: chronyc tracking).",
    ],
    [
      "that it was set back, where by how much is not known",
      { state: "stepped", unseenStepMs: 0 },
      "The wall clock was set back before the agent started, and chronyd has made no update since: its offset is from before that (see: chronyc tracking).",
    ],
    [
      "that a clock that follows itself is not known to be right",
      { state: "local" },
      "chronyd follows its own clock (local directive): the error of the clock is not known.",
    ],
    [
      "that a leap second passes",
      { state: "unsynchronised", leapSecondPasses: true },
      "A leap second passes: chronyd is not synchronised for about 2 s around it.",
    ],
    [
      "the age of chronyd's last update where the source cannot be told, to the nearest second",
      { state: "stale", followed: undefined, referenceAgeSeconds: 599.5 },
      "chronyd's time source has given no sample for 600 s: the clock runs free, and its error grows (see: chronyc sources).",
    ],
    [
      "the same where the source has no sample",
      {
        state: "stale",
        followed: sourceReport({ latestMeasurement: undefined, pollLog2Seconds: -2 }),
        referenceAgeSeconds: 30,
      },
      "The time source 192.0.2.1, polled every 0.25 s, has given no sample for 30 s: the clock runs free, and its error grows (see: chronyc sources).",
    ],
    [
      "0 s where no age is known",
      { state: "stale", followed: undefined, referenceAgeSeconds: undefined },
      "chronyd's time source has given no sample for 0 s: the clock runs free, and its error grows (see: chronyc sources).",
    ],
  ];
  for (const [what, changes, expected] of cases) {
    test(what, () => {
      assert.equal(describeClockFault({ ...healthy, ...changes }, undefined), expected);
    });
  }
});
