// The table at the top of sync-state.ts: every row, every two rows that can both match, and every edge. Reports are
// constructed (reports.ts).

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { SourceData } from "../../src/chrony/source-data.ts";
import { LOCAL_REFERENCE_ID } from "../../src/chrony/tracking.ts";
import { type SourceWatch, watchSource } from "../../src/clock/source-watch.ts";
import {
  PUBLISHES,
  type StateFacts,
  SYNC_STATES,
  type SyncState,
  staleLimitSeconds,
  syncState,
} from "../../src/clock/sync-state.ts";
import {
  LOCAL,
  NEVER_SYNCHRONISED,
  REFERENCE_CLOCK,
  sourceReport,
  trackingReport,
} from "./reports.ts";

/** A source that was just read for the first time. */
function source(overrides: Partial<SourceData> = {}, ageSeconds = 10): SourceWatch {
  return watchSource(undefined, sourceReport(overrides, ageSeconds));
}

function facts(overrides: Partial<StateFacts> = {}): StateFacts {
  return {
    tracking: trackingReport(),
    unseenSteps: undefined,
    source: source(),
    referenceAgeSeconds: 10,
    longestPollSeconds: 64,
    staleFloorSeconds: 16,
    ...overrides,
  };
}

const STEPPED = { unseenSteps: { sumMs: -9_000, report: undefined } };
const GONE = { source: source({ reachability: 0 }, 600) };

/** Each row with facts that match it, in the order of the table. */
const ROWS: readonly (readonly [state: SyncState, when: string, Partial<StateFacts>])[] = [
  ["unreachable", "no answer", { tracking: undefined }],
  [
    "unsynchronised",
    "leap status 3 alone: synchronisation was lost",
    { tracking: trackingReport({ leapStatus: "unsynchronised" }) },
  ],
  ["unsynchronised", "stratum 0 alone", { tracking: trackingReport({ stratum: 0 }) }],
  ["local", "reference id 7F7F0101", { tracking: trackingReport(LOCAL) }],
  ["stepped", "a step that chronyd has not seen", STEPPED],
  ["stepped", "a sample in the future: the clock was set back", { source: source({}, -9) }],
  ["stale", "not reached, and an old sample", GONE],
  [
    "stale",
    "no source that could be told, and an old reference",
    { source: undefined, referenceAgeSeconds: 513 },
  ],
];

describe("every row:", () => {
  const synchronised: readonly (readonly [when: string, Partial<StateFacts>])[] = [
    ["otherwise", {}],
    [
      "reference id 7F7F0101 with an address: a follower by copy",
      { tracking: trackingReport({ referenceId: LOCAL_REFERENCE_ID }) },
    ],
    [
      "a leap second ahead, inserted",
      { tracking: trackingReport({ leapStatus: "insert second" }) },
    ],
    ["a leap second ahead, deleted", { tracking: trackingReport({ leapStatus: "delete second" }) }],
    ["a reference clock", { tracking: trackingReport(REFERENCE_CLOCK) }],
    ["a sample a second ahead: chronyd counts whole seconds", { source: source({}, -1) }],
  ];
  for (const [state, when, overrides] of ROWS) {
    test(`${state}: ${when}`, () => assert.equal(syncState(facts(overrides)), state));
  }
  for (const [when, overrides] of synchronised) {
    test(`synchronised: ${when}`, () => {
      assert.equal(syncState(facts(overrides)), "synchronised");
    });
  }
  test("unsynchronised: never synchronised", () => {
    const tracking = trackingReport(NEVER_SYNCHRONISED);
    assert.equal(syncState(facts({ tracking, source: undefined })), "unsynchronised");
  });
});

describe("if two rows match, the upper one applies:", () => {
  for (const [index, [state, when, overrides]] of ROWS.entries()) {
    for (const [, lowerWhen, lower] of ROWS.slice(index + 1)) {
      test(`${state} by ${when}, also with ${lowerWhen}`, () => {
        assert.equal(syncState(facts({ ...lower, ...overrides })), state);
      });
    }
  }
});

describe("without a known source, stale begins", () => {
  const cases: readonly (readonly [
    when: string,
    updateIntervalSeconds: number,
    longestPollSeconds: number | undefined,
    limitSeconds: number,
  ])[] = [
    ["after 8 of the polls of the one before", 64, 64, 512],
    ["not earlier after a burst", 2, 64, 512],
    ["after 8 update intervals, where these are longer", 1280, 64, 10_240],
    ["after 8 of chronyd's longest polls by default, where none is known", 2, undefined, 8192],
    ["not before the floor", 0.1, 0.0625, 16],
  ];
  for (const [when, updateIntervalSeconds, longestPollSeconds, limitSeconds] of cases) {
    test(`${when}: beyond ${limitSeconds} s, not at them`, () => {
      const tracking = trackingReport({ updateIntervalSeconds });
      const at = (referenceAgeSeconds: number) =>
        facts({ tracking, longestPollSeconds, source: undefined, referenceAgeSeconds });
      assert.equal(staleLimitSeconds(at(0), tracking), limitSeconds);
      assert.equal(syncState(at(limitSeconds)), "synchronised");
      assert.equal(syncState(at(limitSeconds + 0.001)), "stale");
    });
  }

  test("also where a source without a sample is named: the reference's age counts", () => {
    const silent = source({ latestMeasurement: undefined, reachability: 0 });
    assert.equal(syncState(facts({ source: silent, referenceAgeSeconds: 129 })), "stale");
    assert.equal(syncState(facts({ source: silent, referenceAgeSeconds: 128 })), "synchronised");
  });
});

test("what is published in each of the six states, the best first", () => {
  const all = { error: true, boundAndPeak: true };
  const none = { error: false, boundAndPeak: false };
  assert.deepEqual(Object.entries(PUBLISHES), [
    ["synchronised", all],
    ["stale", all],
    ["stepped", { error: false, boundAndPeak: true }],
    ["local", none],
    ["unsynchronised", all],
    ["unreachable", none],
  ]);
  assert.deepEqual(SYNC_STATES, Object.keys(PUBLISHES));
});
