// What is wrong with a clock, as the log says it.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { assess, withReading } from "../../src/clock/assessment.ts";
import { describeClockFault } from "../../src/summary/clock-fault.ts";
import { clocksAt, NEVER_SYNCHRONISED, reading, sourceReport } from "../clock/reports.ts";

const clocks = clocksAt(20_000);

function faultOf(read: ReturnType<typeof reading>, otherSource?: string): string | undefined {
  const history = withReading(undefined, read, 60_000);
  return describeClockFault(assess(history, clocks, 1000), otherSource);
}

describe("of a clock", () => {
  test("that is synchronised nothing is said", () => {
    assert.equal(faultOf({ ...reading(clocks), followed: sourceReport() }, "other"), undefined);
  });

  test("whose source is silent, the source, its polls and the silence are named", () => {
    const followed = sourceReport({ reachability: 0 }, 600);
    assert.equal(
      faultOf({ ...reading(clocks), followed }),
      "The time source 192.0.2.1, polled every 64 s, has given nothing for 600 s: the clock runs free, and its error grows (see: chronyc sources).",
    );
  });

  test("and so is another source that answers, with when chronyd takes it", () => {
    const followed = sourceReport({ reachability: 0 }, 600);
    assert.match(
      faultOf({ ...reading(clocks), followed }, "10.0.0.2") ?? "",
      /its error grows until chronyd takes 10\.0\.0\.2 in its place, about 64 polls after the last answer \(/,
    );
  });

  test("that never had a source, that it has none", () => {
    assert.match(faultOf(reading(clocks, NEVER_SYNCHRONISED)) ?? "", /has no time source to go by/);
  });
});
