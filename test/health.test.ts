// When the liveness probe fails. Every time is an argument.

import assert from "node:assert/strict";
import { closeSync, mkdirSync, openSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { SocketDirectory } from "../src/chrony/socket-directory.ts";
import { GRACE_MS, Health, livenessFailure, type Vitals } from "../src/health.ts";
import { createLog } from "../src/log.ts";
import { folderOf } from "./parts/scratch-folder.ts";

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

describe("health", () => {
  test("counts from the start, and from each poll", () => {
    const health = new Health(createLog("none", { write: () => {} }), undefined, 1_000, NOW_MS);
    assert.equal(health.livenessFailure(NOW_MS + 31_000), undefined);
    assert.match(health.livenessFailure(NOW_MS + 31_001) ?? "", /^Polling has stopped/);
    health.follow(NOW_MS + 31_001);
    assert.equal(health.livenessFailure(NOW_MS + 31_001 + 31_000), undefined);
    assert.match(health.livenessFailure(NOW_MS + 31_001 + 31_001) ?? "", /^Polling has stopped/);
  });

  test("logs a deleted directory once, and fails 30 s after it was first seen", async (t) => {
    const path = join(await folderOf(t), "run");
    mkdirSync(path);
    const held = openSync(path, "r");
    t.after(() => closeSync(held));
    const written: string[] = [];
    const log = createLog("error", { write: (text) => written.push(text) });
    const directory = new SocketDirectory(`/proc/self/fd/${held}`);
    const health = new Health(log, directory, 1_000, NOW_MS);
    health.follow(NOW_MS);
    rmdirSync(path);
    for (const passedMs of [1_000, 2_000, 30_999]) {
      health.follow(NOW_MS + passedMs);
      assert.equal(health.livenessFailure(NOW_MS + passedMs), undefined);
    }
    health.follow(NOW_MS + 31_000);
    assert.match(health.livenessFailure(NOW_MS + 31_000) ?? "", /was deleted under the agent/);
    assert.equal(written.length, 1);
    assert.match(written[0] ?? "", /was deleted under the agent/);
  });
});
