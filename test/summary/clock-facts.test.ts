// The facts of a clock from chronyd's reports: each value is in its place, and absent in states in which it is not known or
// meaningless.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { OfSource } from "../../src/chrony/optional-reports.ts";
import type { SourceData } from "../../src/chrony/source-data.ts";
import type { Tracking } from "../../src/chrony/tracking.ts";
import { failure, success } from "../../src/result.ts";
import {
  type ClockFacts,
  clockFacts,
  followedSource,
  UNREACHABLE,
} from "../../src/summary/clock-facts.ts";
import { utcCheckFacts } from "../../src/summary/utc-check-facts.ts";
import {
  clocksAt,
  LOCAL,
  NEVER_SYNCHRONISED,
  REFERENCE_CLOCK,
  reading,
  trackingReport,
  unansweredReading,
} from "../clock/reports.ts";
import { observation } from "../metrics/observations.ts";

/** The source of the report of a healthy chronyd (test/clock/reports.ts). */
const SERVER: OfSource<SourceData> = {
  address: "192.0.2.1",
  name: "ntp.example",
  content: {
    source: { kind: "ntp", address: { family: "ipv4", text: "192.0.2.1" } },
    pollLog2Seconds: 6,
    stratum: 2,
    state: "selected",
    mode: "client",
    reachability: 0b1101_0111,
    latestMeasurement: {
      ageSeconds: 17,
      originalOffsetSeconds: 0.5,
      offsetSeconds: -0.0007,
      errorSeconds: 0.0011,
    },
  },
};

const NEVER_MEASURED: OfSource<SourceData> = {
  address: "192.0.2.2",
  name: "192.0.2.2",
  content: {
    ...SERVER.content,
    source: { kind: "ntp", address: { family: "ipv4", text: "192.0.2.2" } },
    stratum: 0,
    state: "nonselectable",
    reachability: 0,
    latestMeasurement: undefined,
  },
};

/** The facts 12 s after the agent's start, of a chronyd whose report differs in this. */
function factsWith(
  report: Partial<Tracking> = {},
  sources: readonly OfSource<SourceData>[] = [SERVER, NEVER_MEASURED],
): ClockFacts {
  const { assessment } = observation(reading(clocksAt(12_000), report));
  return clockFacts(assessment, { sources: success(sources) });
}

test("each number of chronyd's reports is in its place", () => {
  const { referenceId, address, ...tracking } = trackingReport();
  const { errorMs, boundMs, referenceAgeSeconds, ...facts } = factsWith();
  // |-0.2 ms| + 1 ms + half of 4 ms, and the same with 0.5 ms that are still to be slewed.
  assert.deepEqual(
    [errorMs, boundMs].map((ms) => ms?.toFixed(6)),
    ["3.200000", "3.500000"],
  );
  assert.equal(referenceAgeSeconds, 2);
  assert.deepEqual(
    { ...facts, peakMs: undefined, staleAfterSeconds: undefined, source: undefined },
    {
      state: "synchronised",
      peakMs: undefined,
      referenceTimeIsAhead: false,
      staleAfterSeconds: undefined,
      source: undefined,
      upstreamIsLocal: undefined,
      tracking,
      sources: [
        {
          address: "192.0.2.1",
          name: "ntp.example",
          mode: "client",
          state: "selected",
          stratum: 2,
          pollSeconds: 64,
          answeredOfLastEight: 6,
          lastSampleAgeSeconds: 17,
          offsetSeconds: -0.0007,
          offsetErrorSeconds: 0.0011,
        },
        {
          address: "192.0.2.2",
          name: "192.0.2.2",
          mode: "client",
          state: "nonselectable",
          stratum: 0,
          pollSeconds: 64,
          answeredOfLastEight: 0,
          lastSampleAgeSeconds: undefined,
          offsetSeconds: undefined,
          offsetErrorSeconds: undefined,
        },
      ],
      utcCheck: undefined,
    },
  );
});

describe("the source that the clock follows", () => {
  test("has the name and the details of chronyd's source of that address", () => {
    const clock = factsWith({}, [NEVER_MEASURED, SERVER]);
    assert.deepEqual(clock.source, { address: "192.0.2.1", name: "ntp.example" });
    assert.equal(followedSource(clock), clock.sources?.[1]);
  });

  test("has its address for a name and no details where chronyd's sources do not name it", () => {
    for (const sources of [[], [NEVER_MEASURED]]) {
      const clock = factsWith({}, sources);
      assert.deepEqual(clock.source, { address: "192.0.2.1", name: "192.0.2.1" });
      assert.equal(followedSource(clock), undefined);
    }
    assert.equal(factsWith(REFERENCE_CLOCK).source?.name, "PHC0");
  });

  test("is the selected one of several reference clocks with one id", () => {
    const sources = (["unselected", "selected", "unselected"] as const).map((state, index) => ({
      address: `PHC0#${index + 1}`,
      name: `PHC0#${index + 1}`,
      content: { ...SERVER.content, state },
    }));
    assert.equal(factsWith(REFERENCE_CLOCK, sources).source?.address, "PHC0#2");
  });

  for (const [where, report] of [
    ["at stratum 0, with an address", { stratum: 0 }],
    ["without a reference id", { referenceId: 0 }],
    ["before the first synchronisation", NEVER_SYNCHRONISED],
    ["where chronyd follows itself", LOCAL],
  ] as const) {
    test(`is not shown ${where}`, () => {
      assert.equal(factsWith(report).source, undefined);
    });
  }
});

test("an age beyond which the clock is stale is shown in no state that no age leads to it from", () => {
  for (const [state, report] of [
    ["local", LOCAL],
    ["unsynchronised", NEVER_SYNCHRONISED],
    ["unsynchronised", { leapStatus: "unsynchronised" }],
  ] as const) {
    const facts = factsWith(report);
    assert.equal(facts.state, state);
    assert.equal(facts.staleAfterSeconds, undefined, state);
  }
  assert.ok((factsWith().staleAfterSeconds ?? 0) > 0);
});

test("a reference time after now is said to be that, and has no age", () => {
  const ahead = factsWith({ referenceTimeSeconds: clocksAt(3_612_000).wallMs / 1000 });
  assert.deepEqual([ahead.referenceTimeIsAhead, ahead.referenceAgeSeconds], [true, undefined]);
  const never = factsWith(NEVER_SYNCHRONISED);
  assert.deepEqual([never.referenceTimeIsAhead, never.referenceAgeSeconds], [false, undefined]);
});

test("what the followed source says of itself is among the facts", () => {
  for (const upstreamIsLocal of [true, false]) {
    const { assessment } = observation({ ...reading(clocksAt(12_000)), upstreamIsLocal });
    assert.equal(clockFacts(assessment, undefined).upstreamIsLocal, upstreamIsLocal);
  }
});

test("of a chronyd that does not answer nothing is known, whatever its sources were", () => {
  const { assessment } = observation(unansweredReading(clocksAt(12_000)));
  assert.deepEqual(clockFacts(assessment, { sources: success([SERVER]) }), UNREACHABLE);
  assert.deepEqual(
    Object.entries(UNREACHABLE).filter(([, value]) => value !== undefined),
    [
      ["state", "unreachable"],
      ["referenceTimeIsAhead", false],
    ],
  );
});

test("sources are not known where they were not asked for, or the report failed", () => {
  const { assessment } = observation();
  assert.equal(clockFacts(assessment, undefined).sources, undefined);
  const outOfTime = failure({ kind: "out of time", longestMs: 1_000 } as const);
  assert.equal(clockFacts(assessment, { sources: outOfTime }).sources, undefined);
  assert.deepEqual(factsWith({}, []).sources, []);
});

test("the check of NTP servers has its age, and no contradiction if there is no bound", () => {
  const { assessment } = observation(reading(clocksAt(42_000)));
  const check = {
    clocks: clocksAt(12_000),
    answers: [
      { server: "a", measurement: { offsetSeconds: -1, marginSeconds: 2 }, problem: undefined },
      { server: "b", measurement: undefined, problem: "It did not answer." },
    ],
    boundMs: 3,
    contradiction: true,
  };
  const facts = utcCheckFacts(check, assessment);
  assert.deepEqual(facts, {
    ageSeconds: 30,
    contradiction: true,
    servers: [
      { server: "a", offsetSeconds: -1, marginSeconds: 2, problem: undefined },
      {
        server: "b",
        offsetSeconds: undefined,
        marginSeconds: undefined,
        problem: "It did not answer.",
      },
    ],
  });
  const local = observation(reading(clocksAt(42_000), LOCAL)).assessment;
  assert.equal(utcCheckFacts(check, local).contradiction, undefined);
  assert.deepEqual(utcCheckFacts(undefined, assessment), {
    ageSeconds: undefined,
    contradiction: undefined,
    servers: [],
  });
  const unanswered = observation(unansweredReading(clocksAt(42_000))).assessment;
  assert.deepEqual(clockFacts(unanswered, undefined, facts), { ...UNREACHABLE, utcCheck: facts });
});
