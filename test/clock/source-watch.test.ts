// When the followed source is stale, by its own polls. Reports are constructed (reports.ts); recorded-polls.test.ts has
// recorded ones of real chronyds.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { SourceData } from "../../src/chrony/source-data.ts";
import { clockWasSetBack, staleAfterSeconds, watchSource } from "../../src/clock/source-watch.ts";
import { sourceReport } from "./reports.ts";

const FLOOR_SECONDS = 16;

/** What is known after these reports: the newest sample's age, and what else is unusual. */
function watched(...reports: readonly (readonly [ageSeconds: number, Partial<SourceData>?])[]) {
  const [first, ...others] = reports.map(([ageSeconds, overrides]) => {
    const report = sourceReport(overrides, ageSeconds);
    return report;
  });
  assert.ok(first !== undefined);
  return others.reduce(watchSource, watchSource(undefined, first));
}

function limit(...reports: readonly (readonly [ageSeconds: number, Partial<SourceData>?])[]) {
  return staleAfterSeconds(watched(...reports), FLOOR_SECONDS);
}

describe("a source with reachability is stale", () => {
  test("after eight polls without a good sample", () => {
    assert.equal(limit([2], [64], [1]), 512);
    assert.equal(limit([2], [0.1]), 512, "after a burst, too");
  });

  test("after twice the longest age that a sample reached: `filter` takes one of many", () => {
    assert.equal(limit([517], [1797], [517]), 3594);
    assert.equal(limit([517], [1797], [517], [520], [5], [1]), 3594, "once seen, it is known");
  });

  test("not in the first gap that is seen: after chronyd's start or the agent's, it may be filtered", () => {
    assert.equal(limit([517]), 4096);
    assert.equal(limit([517], [1797]), 4096);
  });

  test("not by the age of a sample that is only seen twice: ages are whole seconds", () => {
    assert.equal(limit([517], [517], [517]), 4096);
  });

  test("after eight polls where samples are replaced at once, however short these are", () => {
    const fast = { pollLog2Seconds: -4 };
    const histories = {
      "two samples": [
        [0.1, fast],
        [0.05, fast],
      ],
      "no sample at first": [
        [0, { ...fast, latestMeasurement: undefined }],
        [0.1, fast],
        [0, fast],
      ],
      "not reached at first": [
        [9, { ...fast, reachability: 0 }],
        [0.1, fast],
      ],
    } as const;
    for (const [name, reports] of Object.entries(histories)) {
      assert.equal(staleAfterSeconds(watched(...reports), 0), 0.5, name);
    }
  });

  test("after eight of the longest polls since its sample came, though it is polled faster now", () => {
    assert.equal(limit([2], [1, { pollLog2Seconds: 10 }], [900], [1000, {}]), 8192);
    assert.equal(limit([2], [1, { pollLog2Seconds: 10 }], [900], [3]), 1800, "twice 900");
  });

  test("not by the gap of an outage, in which it was not reached", () => {
    const away = { reachability: 0 };
    assert.equal(limit([2], [500, { reachability: 0o200 }], [3600, away], [1]), 1000);
  });

  test("not before the floor, however often it is polled", () => {
    const fast = { pollLog2Seconds: -4 };
    assert.equal(limit([0, fast], [0, { ...fast, latestMeasurement: undefined }]), FLOOR_SECONDS);
  });
});

describe("a source without reachability is stale", () => {
  const away = { reachability: 0 };

  test("when its sample is older than two polls, not after a moment offline", () => {
    assert.equal(limit([2, away]), 128);
    assert.equal(limit([2], [1797], [517], [520, away]), 128, "filtered or not");
  });

  test("not before the floor", () => {
    assert.equal(limit([0, { ...away, pollLog2Seconds: 0 }]), FLOOR_SECONDS);
  });
});

test("of another source nothing is known yet", () => {
  const other = { source: { kind: "reference clock", referenceId: 1 } } as const;
  assert.equal(limit([2], [64], [1], [300, other]), 4096);
});

test("the clock was set back when its sample lies in the future by more than a moment", () => {
  assert.equal(clockWasSetBack(watched([-3])), true);
  assert.equal(clockWasSetBack(watched([-2])), false);
  assert.equal(clockWasSetBack(watched([0, { latestMeasurement: undefined }])), false);
});
