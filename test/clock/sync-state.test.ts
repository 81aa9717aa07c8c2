// The table at the head of sync-state.ts: every row, every two rows that can both match, and every
// edge. Reports are made up (reports.ts); no chronyd, no clock.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Tracking } from "../../src/chrony/tracking.ts";
import {
  followsReferenceClock,
  LOCAL_REFERENCE_ID,
  PUBLISHES,
  SYNC_STATES,
  type SyncState,
  staleAfterSeconds,
  syncState,
} from "../../src/clock/sync-state.ts";
import { LOCAL, NEVER_SYNCHRONISED, REFERENCE_CLOCK, trackingReport } from "./reports.ts";

const JUST_UPDATED_SECONDS = 0;
const LONG_AGO_SECONDS = 1e9;
const STEPPED = true;

describe("every row:", () => {
  const rows: readonly (readonly [
    state: SyncState,
    when: string,
    report: Tracking | undefined,
    ageSeconds: number,
    unseen?: boolean,
  ])[] = [
    ["unreachable", "no answer", undefined, JUST_UPDATED_SECONDS],
    [
      "unsynchronised",
      "leap status 3 alone: synchronisation was lost",
      trackingReport({ leapStatus: "unsynchronised" }),
      JUST_UPDATED_SECONDS,
    ],
    ["unsynchronised", "stratum 0 alone", trackingReport({ stratum: 0 }), JUST_UPDATED_SECONDS],
    [
      "unsynchronised",
      "never synchronised",
      trackingReport(NEVER_SYNCHRONISED),
      JUST_UPDATED_SECONDS,
    ],
    ["local", "reference id 7F7F0101", trackingReport(LOCAL), JUST_UPDATED_SECONDS],
    [
      "synchronised",
      "reference id 7F7F0101 with an address: a follower by copy",
      trackingReport({ referenceId: LOCAL_REFERENCE_ID }),
      JUST_UPDATED_SECONDS,
    ],
    [
      "stepped",
      "a step that chronyd has not seen",
      trackingReport(),
      JUST_UPDATED_SECONDS,
      STEPPED,
    ],
    ["stale", "no update for long", trackingReport(), LONG_AGO_SECONDS],
    ["synchronised", "otherwise", trackingReport(), JUST_UPDATED_SECONDS],
    [
      "synchronised",
      "a leap second ahead, inserted",
      trackingReport({ leapStatus: "insert second" }),
      JUST_UPDATED_SECONDS,
    ],
    [
      "synchronised",
      "a leap second ahead, deleted",
      trackingReport({ leapStatus: "delete second" }),
      JUST_UPDATED_SECONDS,
    ],
    ["synchronised", "a reference clock", trackingReport(REFERENCE_CLOCK), JUST_UPDATED_SECONDS],
  ];
  for (const [state, when, report, ageSeconds, unseen = false] of rows) {
    test(`${state}: ${when}`, () => assert.equal(syncState(report, unseen, ageSeconds), state));
  }
});

describe("where two rows fit, the upper one counts:", () => {
  /** What makes a row fit, in the order of the table; nothing else fits together with no answer. */
  const rows: readonly {
    readonly state: SyncState;
    readonly when: string;
    readonly report: Partial<Tracking>;
    readonly ageSeconds: number;
    readonly unseen?: boolean;
  }[] = [
    {
      state: "unsynchronised",
      when: "leap status 3",
      report: { leapStatus: "unsynchronised" },
      ageSeconds: JUST_UPDATED_SECONDS,
    },
    {
      state: "unsynchronised",
      when: "stratum 0",
      report: { stratum: 0 },
      ageSeconds: JUST_UPDATED_SECONDS,
    },
    {
      state: "local",
      when: "reference id 7F7F0101",
      report: { referenceId: LOCAL_REFERENCE_ID, address: { family: "unspecified" } },
      ageSeconds: JUST_UPDATED_SECONDS,
    },
    {
      state: "stepped",
      when: "a step that chronyd has not seen",
      report: {},
      ageSeconds: JUST_UPDATED_SECONDS,
      unseen: STEPPED,
    },
    { state: "stale", when: "no update for long", report: {}, ageSeconds: LONG_AGO_SECONDS },
  ];
  for (const [index, upper] of rows.entries()) {
    for (const lower of rows.slice(index + 1)) {
      test(`${upper.state} by ${upper.when}, also with ${lower.when}`, () => {
        const report = trackingReport({ ...upper.report, ...lower.report });
        const ageSeconds = Math.max(upper.ageSeconds, lower.ageSeconds);
        const unseen = upper.unseen === true || lower.unseen === true;
        assert.equal(syncState(report, unseen, ageSeconds), upper.state);
      });
    }
  }

  test("unreachable, however old the last reference", () => {
    assert.equal(syncState(undefined, STEPPED, LONG_AGO_SECONDS), "unreachable");
  });
});

describe("stale begins", () => {
  const cases: readonly (readonly [
    when: string,
    report: Partial<Tracking>,
    limitSeconds: number,
  ])[] = [
    ["after 8 update intervals of a server", { updateIntervalSeconds: 64 }, 512],
    ["not before 150 s: after iburst the interval reads 2 s", { updateIntervalSeconds: 2 }, 150],
    ["not before 150 s, when there was one update only", { updateIntervalSeconds: 0 }, 150],
    ["where 8 intervals pass the 150 s", { updateIntervalSeconds: 18.75 }, 150],
    ["right after that", { updateIntervalSeconds: 19 }, 152],
    [
      "after 8 update intervals of a reference clock",
      { ...REFERENCE_CLOCK, updateIntervalSeconds: 8 },
      64,
    ],
    [
      "not before 16 s with a reference clock, which updates every second or so",
      { ...REFERENCE_CLOCK, updateIntervalSeconds: 1 },
      16,
    ],
    [
      "after 150 s of a server whose name was not resolved again: it has a number for an address",
      { address: { family: "unresolved", identifier: 1 }, updateIntervalSeconds: 1 },
      150,
    ],
  ];
  for (const [when, report, limitSeconds] of cases) {
    test(`${when}: beyond ${limitSeconds} s, not at them`, () => {
      const tracking = trackingReport(report);
      assert.equal(staleAfterSeconds(tracking), limitSeconds);
      assert.equal(syncState(tracking, !STEPPED, limitSeconds), "synchronised");
      assert.equal(syncState(tracking, !STEPPED, limitSeconds + 0.001), "stale");
    });
  }
});

describe("a source is a reference clock", () => {
  test("when it has a reference id and no address", () => {
    assert.ok(followsReferenceClock(trackingReport(REFERENCE_CLOCK)));
  });

  test("not when it has an address", () => {
    assert.ok(!followsReferenceClock(trackingReport()));
  });

  test("not when there is no source at all", () => {
    assert.ok(!followsReferenceClock(trackingReport(NEVER_SYNCHRONISED)));
  });

  test("not when chronyd follows itself", () => {
    assert.ok(!followsReferenceClock(trackingReport(LOCAL)));
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
