// The assessment of a history of polls. Polls are constructed (reports.ts), every time is an argument: one poll a second,
// and the peak over 60 s.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import {
  type Assessment,
  assess,
  type ClockHistory,
  type Reading,
  withReading,
} from "../../src/clock/assessment.ts";
import { PUBLISHES } from "../../src/clock/sync-state.ts";
import {
  anyTracking,
  clocksAfterSleep,
  clocksAt,
  LOCAL,
  NEVER_SYNCHRONISED,
  REFERENCE_CLOCK,
  reading,
  sourceReport,
  trackingReport,
  unansweredReading,
  WALL_AT_START_MS,
} from "./reports.ts";

const INTERVAL_MS = 1_000;
const WIDTH_MS = 60_000;
const HOUR_MS = 3_600_000;

function historyOf(first: Reading, ...others: readonly Reading[]): ClockHistory {
  return others.reduce(
    (history, next) => withReading(history, next, WIDTH_MS),
    withReading(undefined, first, WIDTH_MS),
  );
}

/** The assessment right after the last of some polls. */
function assessed(first: Reading, ...others: readonly Reading[]): Assessment {
  const history = historyOf(first, ...others);
  return assess(history, history.newest.clocks, INTERVAL_MS);
}

function figures({ state, clockErrorMs, clockErrorBoundMs, clockErrorPeakMs }: Assessment) {
  return [state, clockErrorMs, clockErrorBoundMs, clockErrorPeakMs];
}

/** Of a report with 1 ms of dispersion, 4 ms of delay and these offsets: 3 ms more than the offset. */
const BOTH_OFFSETS = { lastOffsetSeconds: 0.0625, systemTimeOffsetSeconds: 0.125 };

/** A report with this error. */
function withError(errorMs: number) {
  return {
    lastOffsetSeconds: errorMs / 1000,
    systemTimeOffsetSeconds: 0,
    rootDispersionSeconds: 0,
    rootDelaySeconds: 0,
  };
}

describe("what is published in each state:", () => {
  test("synchronised: everything", () => {
    const report = trackingReport(BOTH_OFFSETS);
    const newest = {
      ...reading(clocksAt(12_000), BOTH_OFFSETS),
      followed: sourceReport(),
      upstreamIsLocal: true,
    };
    assert.deepEqual(assessed(newest), {
      state: "synchronised",
      clocks: clocksAt(12_000),
      tracking: report,
      clockErrorMs: 65.5,
      clockErrorBoundMs: 128,
      clockErrorPeakMs: 128,
      referenceAgeSeconds: 2,
      followed: sourceReport(),
      upstreamIsLocal: true,
      staleAfterSeconds: 4096,
      unseenStepMs: 0,
      leapSecondPasses: false,
      steps: 0,
      lastStepSeconds: undefined,
    });
  });

  test("stale: everything, including the error, which grows by itself", () => {
    const assessment = assessed(
      reading(clocksAt(12_000), BOTH_OFFSETS),
      reading(clocksAt(12_000 + 3 * HOUR_MS), { ...BOTH_OFFSETS, lastOffsetSeconds: 0.25 }),
    );
    assert.equal(assessment.state, "stale");
    assert.equal(assessment.clockErrorMs, 253);
    assert.equal(assessment.clockErrorBoundMs, 128);
    assert.equal(assessment.clockErrorPeakMs, 253);
    assert.equal(assessment.referenceAgeSeconds, 2 + (3 * HOUR_MS) / 1000);
  });

  test("unsynchronised, never before: exactly 1500 ms, and no age", () => {
    const { tracking, ...assessment } = assessed(reading(clocksAt(0), NEVER_SYNCHRONISED));
    assert.deepEqual(tracking, trackingReport(NEVER_SYNCHRONISED));
    assert.deepEqual(assessment, {
      state: "unsynchronised",
      clocks: clocksAt(0),
      clockErrorMs: 1500,
      clockErrorBoundMs: 1500,
      clockErrorPeakMs: 1500,
      referenceAgeSeconds: undefined,
      followed: undefined,
      upstreamIsLocal: undefined,
      staleAfterSeconds: undefined,
      unseenStepMs: 0,
      leapSecondPasses: false,
      steps: 0,
      lastStepSeconds: undefined,
    });
  });

  test("local: everything except error, bound and peak", () => {
    const { tracking, ...assessment } = assessed(reading(clocksAt(12_000), LOCAL));
    assert.deepEqual(tracking, trackingReport(LOCAL));
    assert.deepEqual(assessment, {
      state: "local",
      clocks: clocksAt(12_000),
      clockErrorMs: undefined,
      clockErrorBoundMs: undefined,
      clockErrorPeakMs: undefined,
      referenceAgeSeconds: 2,
      followed: undefined,
      upstreamIsLocal: undefined,
      staleAfterSeconds: undefined,
      unseenStepMs: 0,
      leapSecondPasses: false,
      steps: 0,
      lastStepSeconds: undefined,
    });
  });

  test("unreachable: nothing of chronyd's values, but the steps that the agent noticed", () => {
    const assessment = assessed(
      reading(clocksAt(12_000)),
      reading(clocksAt(13_000, 500)),
      unansweredReading(clocksAt(14_000, 500)),
    );
    assert.deepEqual(assessment, {
      state: "unreachable",
      clocks: clocksAt(14_000, 500),
      tracking: undefined,
      clockErrorMs: undefined,
      clockErrorBoundMs: undefined,
      clockErrorPeakMs: undefined,
      referenceAgeSeconds: undefined,
      followed: undefined,
      upstreamIsLocal: undefined,
      staleAfterSeconds: undefined,
      unseenStepMs: 500,
      leapSecondPasses: false,
      steps: 1,
      lastStepSeconds: 0.5,
    });
  });

  test("unreachable from the first poll on", () => {
    assert.equal(assessed(unansweredReading(clocksAt(0))).state, "unreachable");
  });
});

describe("polls that stop", () => {
  const history = historyOf(reading(clocksAt(12_000), BOTH_OFFSETS));
  const at = (monotonicMs: number) => assess(history, clocksAt(monotonicMs), INTERVAL_MS);

  test("leave the newest one valid for three intervals, at its own time", () => {
    const assessment = at(12_000 + 3 * INTERVAL_MS);
    assert.equal(assessment.state, "synchronised");
    assert.deepEqual(assessment.clocks, clocksAt(12_000));
    assert.equal(assessment.referenceAgeSeconds, 2, "as it was when chronyd said the rest");
  });

  test("publish nothing afterwards, so that no old value has a new time", () => {
    const assessment = at(12_001 + 3 * INTERVAL_MS);
    assert.equal(assessment.state, "unreachable");
    assert.deepEqual(assessment.clocks, clocksAt(12_001 + 3 * INTERVAL_MS));
    assert.equal(assessment.tracking, undefined);
    assert.equal(assessment.clockErrorMs, undefined);
    assert.equal(assessment.clockErrorPeakMs, undefined);
    assert.equal(assessment.referenceAgeSeconds, undefined);
  });

  test("are detected by the monotonic clock, even if the wall clock went back", () => {
    const now = clocksAt(12_001 + 3 * INTERVAL_MS, -HOUR_MS);
    assert.equal(assess(history, now, INTERVAL_MS).state, "unreachable");
  });

  test("are not detected falsely when the wall clock was stepped ahead", () => {
    const now = clocksAt(12_500, HOUR_MS);
    assert.equal(assess(history, now, INTERVAL_MS).state, "synchronised");
  });
});

describe("the state follows the age of the reference,", () => {
  const UPDATED = { lastOffsetSeconds: 0.0001 };

  test("counted by the monotonic clock: a step of an hour does not make it stale", () => {
    const { state } = assessed(
      reading(clocksAt(12_000)),
      reading(clocksAt(13_000, HOUR_MS)),
      reading(clocksAt(14_000, HOUR_MS), UPDATED),
    );
    assert.equal(state, "synchronised");
  });

  test("counted through polls without an answer, even if the wall clock went back then", () => {
    const back = -9_980_000;
    const { state, referenceAgeSeconds } = assessed(
      reading(clocksAt(12_000)),
      unansweredReading(clocksAt(300_000, back)),
      reading(clocksAt(9_999_000, back)),
      reading(clocksAt(10_000_000, back), UPDATED),
    );
    assert.equal(state, "stale");
    assert.equal(referenceAgeSeconds, 9_990);
  });

  test("also if the reference time is in the future and its age unknown", () => {
    const behind = -HOUR_MS;
    const assessment = assessed(
      reading(clocksAt(12_000, behind), REFERENCE_CLOCK),
      reading(clocksAt(12_000 + 8_193_000, behind), REFERENCE_CLOCK),
    );
    assert.equal(assessment.state, "stale");
    assert.equal(assessment.referenceAgeSeconds, undefined);
  });
});

describe("a source is stale", () => {
  for (const [ageSeconds, expected] of [
    [16, "synchronised"],
    [17, "stale"],
  ] as const) {
    test(`not within 16 s, however often it is polled: ${expected} at ${ageSeconds} s`, () => {
      const followed = sourceReport({ pollLog2Seconds: 0, reachability: 0 }, ageSeconds);
      assert.equal(assessed({ ...reading(clocksAt(12_000)), followed }).state, expected);
    });
  }

  test("by the longest polls so far, if it is not known any more", () => {
    const [first, second] = [8, 6].map((pollLog2Seconds, index) => ({
      ...reading(clocksAt(12_000 + 1_000 * index)),
      followed: sourceReport({ pollLog2Seconds }, 1 - index),
    }));
    assert.ok(first !== undefined && second !== undefined);
    assert.equal(assessed(first, second, reading(clocksAt(14_000))).staleAfterSeconds, 8 * 256);
  });
});

describe("steps of the wall clock", () => {
  test("are counted, and the last one's size is kept after it", () => {
    const history = historyOf(
      reading(clocksAt(0)),
      reading(clocksAt(1_000, 500)),
      reading(clocksAt(2_000, 500)),
      unansweredReading(clocksAt(3_000, -250)),
      reading(clocksAt(4_000, -250)),
    );
    assert.equal(history.steps, 2);
    assert.equal(history.lastStepMs, -750);
    assert.equal(assess(history, clocksAt(4_000, -250), INTERVAL_MS).lastStepSeconds, -0.75);
  });

  test("are reported once, by the poll that showed them", () => {
    const stepped = historyOf(reading(clocksAt(0)), reading(clocksAt(1_000, 500)));
    assert.equal(stepped.stepMs, 500);
    assert.equal(withReading(stepped, reading(clocksAt(2_000, 500)), WIDTH_MS).stepMs, undefined);
  });

  test("begin with the second poll, because the first has nothing to compare with", () => {
    assert.equal(historyOf(reading(clocksAt(0, HOUR_MS))).steps, 0);
  });

  test("are not detected in an interrupted reading of the clocks, whose wall time is too late", () => {
    const interrupted = { ...clocksAt(1_000, 400), bracketMs: 800 };
    const history = historyOf(reading(clocksAt(0)), reading(interrupted), reading(clocksAt(2_000)));
    assert.equal(history.steps, 0);
  });

  test("during an interrupted reading are detected by the next one", () => {
    const interrupted = { ...clocksAt(1_000, 500), bracketMs: 800 };
    const history = historyOf(
      reading(clocksAt(0)),
      reading(interrupted),
      reading(clocksAt(2_000, 500)),
    );
    assert.equal(history.steps, 1);
    assert.equal(history.lastStepMs, 500);
  });

  test("need a first exact reading", () => {
    const interrupted = { ...clocksAt(0, HOUR_MS), bracketMs: 800 };
    assert.equal(historyOf(reading(interrupted), reading(clocksAt(1_000))).steps, 0);
  });
});

describe("a step that chronyd has not noticed", () => {
  const OFFSETS = { ...BOTH_OFFSETS, rmsOffsetSeconds: 0.001 };
  const UPDATE = { ...OFFSETS, lastOffsetSeconds: 0.0624 };
  const before = reading(clocksAt(12_000), OFFSETS);
  test("makes the error absent, and is added to bound and peak, until chronyd makes an update", () => {
    const stepped = [before, reading(clocksAt(13_000, -9_000), OFFSETS)] as const;
    assert.deepEqual(figures(assessed(...stepped)), ["stepped", undefined, 9_128, 9_128]);
    const still = reading(clocksAt(50_000, -9_000), OFFSETS);
    assert.deepEqual(figures(assessed(...stepped, still)), ["stepped", undefined, 9_128, 9_128]);
    const updated = reading(clocksAt(51_000, -9_000), UPDATE);
    const assessment = assessed(...stepped, still, updated);
    assert.deepEqual(figures(assessment).slice(0, 3), ["synchronised", 65.4, 128]);
    assert.equal(assessment.clockErrorPeakMs, 9_128, "for the width of the peak");
  });

  test("is not ended by a reference time that moves: it also does with slews", () => {
    const moved = { ...OFFSETS, referenceTimeSeconds: WALL_AT_START_MS / 1000 + 10.5 };
    const { state } = assessed(
      before,
      reading(clocksAt(13_000, -9_000), OFFSETS),
      reading(clocksAt(14_000, -9_000), moved),
    );
    assert.equal(state, "stepped");
  });

  test("counts by the sum of all since the update, with their signs; 0 ends it", () => {
    const readings = [
      before,
      reading(clocksAt(13_000, -9_000), OFFSETS),
      reading(clocksAt(14_000, -7_000), OFFSETS),
    ] as const;
    assert.equal(assessed(...readings).clockErrorBoundMs, 7_128);
    const back = reading(clocksAt(15_000), OFFSETS);
    assert.deepEqual(figures(assessed(...readings, back)).slice(0, 3), ["synchronised", 65.5, 128]);
  });

  test("is judged from the first report after it, because earlier updates do not count", () => {
    const { state } = assessed(
      before,
      unansweredReading(clocksAt(13_000, -9_000)),
      reading(clocksAt(14_000, -9_000), UPDATE),
    );
    assert.equal(state, "stepped");
  });

  test("exists also if an update came between the same two polls, because their order is not known", () => {
    const { state } = assessed(before, reading(clocksAt(13_000, -9_000), UPDATE));
    assert.equal(state, "stepped");
  });

  test("does not exist if chronyd stepped by command (makestep), because its reference time moved by as much", () => {
    const after = { ...OFFSETS, referenceTimeSeconds: WALL_AT_START_MS / 1000 + 10 - 2 };
    const readings = [before, reading(clocksAt(13_000, -2_000), after)] as const;
    assert.equal(assessed(...readings).state, "synchronised");
    assert.equal(historyOf(...readings).steps, 1, "it is a step all the same");
  });

  for (const leftSeconds of [0, 0.4, -0.4]) {
    test(`does not exist if chronyd stepped at an update (makestep), with ${leftSeconds} s left to slew before`, () => {
      const { state } = assessed(
        reading(clocksAt(12_000), { ...OFFSETS, systemTimeOffsetSeconds: leftSeconds }),
        reading(clocksAt(13_000, 5_000 + leftSeconds * 1_000), {
          ...OFFSETS,
          lastOffsetSeconds: -5,
          systemTimeOffsetSeconds: 0,
          referenceTimeSeconds: WALL_AT_START_MS / 1000 + 17,
        }),
      );
      assert.equal(state, "synchronised");
    });
  }

  test("exists if an update has much left to slew, because chronyd's own step leaves nothing", () => {
    const { state } = assessed(
      before,
      reading(clocksAt(13_000, 5_000), {
        ...OFFSETS,
        lastOffsetSeconds: -5,
        systemTimeOffsetSeconds: 0.1,
      }),
    );
    assert.equal(state, "stepped");
  });

  for (const update of [{ rmsOffsetSeconds: 0.000_31 }, { updateIntervalSeconds: 65 }]) {
    test(`is ended by an update that shows in ${Object.keys(update).join()} alone`, () => {
      const { state } = assessed(
        before,
        reading(clocksAt(13_000, -9_000), OFFSETS),
        reading(clocksAt(14_000, -9_000), { ...OFFSETS, ...update }),
      );
      assert.equal(state, "synchronised");
    });
  }

  test("does not exist if the machine slept, which is counted instead", () => {
    const { state, steps, clocks } = assessed(
      before,
      reading(clocksAfterSleep(13_000, 60_000), OFFSETS),
    );
    assert.equal(state, "synchronised");
    assert.equal(steps, 0);
    assert.equal(clocks.suspendedMs, 60_000);
  });

  test("does not exist if the wall clock changed during an interrupted reading of the clocks", () => {
    const interrupted = { ...clocksAt(13_000, -9_000), bracketMs: 800 };
    assert.equal(assessed(before, reading(interrupted, OFFSETS)).state, "synchronised");
  });
});

describe("a clock that was set back before the agent started", () => {
  const before = { ...reading(clocksAt(12_000), BOTH_OFFSETS), followed: sourceReport({}, -9) };

  test("shows in a sample of the future: stepped, and its size is not known", () => {
    assert.deepEqual(figures(assessed(before)), ["stepped", undefined, undefined, undefined]);
  });

  test("is synchronised again with the next sample", () => {
    const after = { ...reading(clocksAt(13_000), BOTH_OFFSETS), followed: sourceReport({}, 0) };
    assert.deepEqual(figures(assessed(before, after)), ["synchronised", 65.5, 128, 128]);
  });
});

describe("a leap second", () => {
  const DAY_MS = 86_400_000;
  /** Monotonic time of the next end of a UTC day. */
  const midnightMs = DAY_MS - (WALL_AT_START_MS % DAY_MS);
  const announced = { leapStatus: "insert second", updateIntervalSeconds: 1e6 } as const;
  const lost = { ...announced, leapStatus: "unsynchronised" } as const;
  const during = [
    reading(clocksAt(midnightMs - 1_500), announced),
    reading(clocksAt(midnightMs - 500), lost),
    reading(clocksAt(midnightMs + 500, -1_000), lost),
  ] as const;

  test("is not a step, because the kernel follows UTC", () => {
    const history = historyOf(...during);
    assert.equal(history.leapSecond, true);
    assert.equal(history.steps, 0);
    const over = reading(clocksAt(midnightMs + 1_500, -1_000), {
      ...announced,
      leapStatus: "normal",
    });
    assert.equal(assessed(...during, over).state, "synchronised");
    assert.equal(historyOf(...during, over).leapSecond, false, "it is told once");
  });

  test("has a name while chronyd calls itself unsynchronised", () => {
    const assessment = assessed(...during);
    assert.equal(assessment.state, "unsynchronised");
    assert.equal(assessment.leapSecondPasses, true);
  });

  test("deleted, too", () => {
    const deleted = { ...announced, leapStatus: "delete second" } as const;
    const { steps } = historyOf(
      reading(clocksAt(midnightMs - 1_500), deleted),
      reading(clocksAt(midnightMs - 500, 1_000), lost),
    );
    assert.equal(steps, 0);
  });

  const steps: readonly (readonly [
    why: string,
    beforeMs: number,
    steppedMs: number,
    leapStatus: "insert second" | "normal",
  ])[] = [
    ["of a second that nobody announced", midnightMs - 500, -1_000, "normal"],
    ["forward, where one is inserted", midnightMs - 500, 1_000, "insert second"],
    ["of another size", midnightMs - 500, -1_100, "insert second"],
    ["at another time of the day", midnightMs - 3_600_000, -1_000, "insert second"],
  ];
  for (const [why, beforeMs, steppedMs, leapStatus] of steps) {
    test(`is not a step ${why}`, () => {
      const history = historyOf(
        reading(clocksAt(beforeMs), { ...announced, leapStatus }),
        reading(clocksAt(beforeMs + 1_000, steppedMs), { ...announced, leapStatus }),
      );
      assert.equal(history.leapSecond, false);
      assert.equal(history.steps, 1);
    });
  }
});

describe("the peak", () => {
  test("keeps an earlier bound, because the error alone stays small while an offset is slewed", () => {
    const assessment = assessed(
      reading(clocksAt(0), { ...withError(0.003), systemTimeOffsetSeconds: 0.3 }),
      reading(clocksAt(1_000), withError(0.003)),
    );
    assert.equal(assessment.clockErrorBoundMs, 0);
    assert.equal(assessment.clockErrorPeakMs, 300);
  });

  test("keeps an earlier error", () => {
    const assessment = assessed(
      reading(clocksAt(0), withError(40)),
      reading(clocksAt(1_000), withError(2)),
    );
    assert.equal(assessment.clockErrorMs, 2);
    assert.equal(assessment.clockErrorPeakMs, 40);
  });

  test("forgets it after the width, also over polls without a value", () => {
    const { clockErrorPeakMs } = assessed(
      reading(clocksAt(0), withError(40)),
      unansweredReading(clocksAt(30_000)),
      reading(clocksAt(WIDTH_MS), withError(2)),
    );
    assert.equal(clockErrorPeakMs, 2);
  });

  test("exists again after `local`, from before it and after it, and without its 0", () => {
    const { clockErrorPeakMs } = assessed(
      reading(clocksAt(0), withError(40)),
      reading(clocksAt(1_000), LOCAL),
      reading(clocksAt(2_000), withError(2)),
    );
    assert.equal(clockErrorPeakMs, 40);
    const { peak } = historyOf(reading(clocksAt(0), LOCAL));
    assert.deepEqual(peak, []);
  });
});

describe("with any polls,", () => {
  const anyReading = fc
    .record({
      waitMs: fc.integer({ min: 0, max: 20_000 }),
      steppedMs: fc.constantFrom(0, 5, 10, -10, HOUR_MS, -HOUR_MS),
      bracketMs: fc.constantFrom(0, 1, 800),
      tracking: fc.option(anyTracking, { nil: undefined }),
    })
    .map(({ waitMs, steppedMs, bracketMs, tracking }) => ({
      waitMs,
      at: (monotonicMs: number): Reading => {
        const clocks = { ...clocksAt(monotonicMs, steppedMs), bracketMs };
        return tracking === undefined ? unansweredReading(clocks) : reading(clocks, tracking);
      },
    }));
  const anyReadings = fc.array(anyReading, { minLength: 1, maxLength: 12 });

  test("the peak is no less than error and bound, and what is published is what the state allows", () => {
    fc.assert(
      fc.property(anyReadings, fc.integer({ min: 0, max: 5_000 }), (readings, laterMs) => {
        let history: ClockHistory | undefined;
        let monotonicMs = 0;
        for (const { waitMs, at } of readings) {
          monotonicMs += waitMs;
          history = withReading(history, at(monotonicMs), WIDTH_MS);
          const assessment = assess(history, clocksAt(monotonicMs + laterMs), INTERVAL_MS);
          const { state, clockErrorMs, clockErrorBoundMs, clockErrorPeakMs } = assessment;
          assert.equal(clockErrorMs !== undefined, PUBLISHES[state].error, state);
          for (const figure of [clockErrorBoundMs, clockErrorPeakMs]) {
            assert.equal(figure !== undefined, PUBLISHES[state].boundAndPeak, state);
          }
          assert.ok((clockErrorPeakMs ?? 0) >= (clockErrorMs ?? 0));
          assert.ok((clockErrorPeakMs ?? 0) >= (clockErrorBoundMs ?? 0));
        }
      }),
    );
  });

  test("unreachable is what has no report, and nothing else", () => {
    fc.assert(
      fc.property(anyReadings, fc.integer({ min: 0, max: 5_000 }), (readings, laterMs) => {
        let history: ClockHistory | undefined;
        let monotonicMs = 0;
        for (const { waitMs, at } of readings) {
          monotonicMs += waitMs;
          history = withReading(history, at(monotonicMs), WIDTH_MS);
        }
        assert.ok(history !== undefined);
        const { state, tracking } = assess(history, clocksAt(monotonicMs + laterMs), INTERVAL_MS);
        const answered = history.newest.tracking.ok && laterMs <= 3 * INTERVAL_MS;
        assert.equal(tracking !== undefined, answered);
        assert.equal(state !== "unreachable", answered);
      }),
    );
  });
});
