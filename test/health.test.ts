// When the liveness probe fails. Every time is an argument.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { GRACE_MS, livenessFailure, type Vitals } from "../src/health.ts";

const NOW_MS = 1_000_000;

function reason(vitals: Partial<Vitals>): string | undefined {
  const healthy = { lastReadingMs: NOW_MS, readingIntervalMs: 1_000, directoryFault: undefined };
  return livenessFailure({ ...healthy, ...vitals }, NOW_MS);
}

test("an agent that polls is live", () => {
  assert.equal(reason({}), undefined);
});

test("a fault may last 30 s", () => {
  assert.equal(GRACE_MS, 30_000);
});

describe("a loop that has stopped", () => {
  test("is detected 30 s after a poll was due, not before", () => {
    assert.equal(reason({ lastReadingMs: NOW_MS - 31_000 }), undefined);
    assert.equal(
      reason({ lastReadingMs: NOW_MS - 31_001 }),
      "Polling has stopped: no poll ended for 31 s.",
    );
  });

  test("is not one with a long polling interval", () => {
    const seldom = { readingIntervalMs: 600_000 };
    assert.equal(reason({ ...seldom, lastReadingMs: NOW_MS - 630_000 }), undefined);
    assert.notEqual(reason({ ...seldom, lastReadingMs: NOW_MS - 630_001 }), undefined);
  });
});

describe("a lost socket directory", () => {
  const sentence = "The directory was deleted.";

  test("is not a failure for 30 s, because a restarted chronyd creates a new one", () => {
    const directoryFault = { sentence, sinceMs: NOW_MS - 29_999 };
    assert.equal(reason({ directoryFault }), undefined);
  });

  test("is a failure then, with this reason", () => {
    assert.equal(reason({ directoryFault: { sentence, sinceMs: NOW_MS - 30_000 } }), sentence);
  });
});

test("a stopped loop is the first reason, because it would not notice a new directory", () => {
  const reasonTold = reason({
    lastReadingMs: NOW_MS - 60_000,
    directoryFault: { sentence: "The directory was deleted.", sinceMs: NOW_MS - 60_000 },
  });
  assert.match(reasonTold ?? "", /^Polling has stopped/);
});
