// When the liveness probe asks for a restart. Every time is an argument.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { GRACE_MS, livenessFailure, type Vitals } from "../src/health.ts";

const NOW_MS = 1_000_000;

function reason(vitals: Partial<Vitals>): string | undefined {
  const healthy = { lastReadingMs: NOW_MS, readingIntervalMs: 1_000, directoryFault: undefined };
  return livenessFailure({ ...healthy, ...vitals }, NOW_MS);
}

test("an agent that reads lives", () => {
  assert.equal(reason({}), undefined);
});

test("something may be wrong for 30 s", () => {
  assert.equal(GRACE_MS, 30_000);
});

describe("a loop that has stopped", () => {
  test("is found out 30 s after the reading that was due, not before", () => {
    assert.equal(reason({ lastReadingMs: NOW_MS - 31_000 }), undefined);
    assert.equal(
      reason({ lastReadingMs: NOW_MS - 31_001 }),
      "The loop has stopped: no reading ended for 31 s.",
    );
  });

  test("is not one that reads seldom, by its setting", () => {
    const seldom = { readingIntervalMs: 600_000 };
    assert.equal(reason({ ...seldom, lastReadingMs: NOW_MS - 630_000 }), undefined);
    assert.notEqual(reason({ ...seldom, lastReadingMs: NOW_MS - 630_001 }), undefined);
  });
});

describe("a socket directory that is lost", () => {
  const sentence = "The directory was deleted.";

  test("is waited for 30 s: a chronyd that restarts makes a new one", () => {
    const directoryFault = { sentence, sinceMs: NOW_MS - 29_999 };
    assert.equal(reason({ directoryFault }), undefined);
  });

  test("is then a reason, and the one that is told", () => {
    assert.equal(reason({ directoryFault: { sentence, sinceMs: NOW_MS - 30_000 } }), sentence);
  });
});

test("a loop that has stopped comes first: it would not see the directory come back", () => {
  const reasonTold = reason({
    lastReadingMs: NOW_MS - 60_000,
    directoryFault: { sentence: "The directory was deleted.", sinceMs: NOW_MS - 60_000 },
  });
  assert.match(reasonTold ?? "", /^The loop has stopped/);
});
