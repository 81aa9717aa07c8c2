// The counters and log lines of pushes (src/push/push-results.ts). The monotonic clock is mocked.

import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";
import { createLog } from "../../src/log.ts";
import type { Outcome, PushError } from "../../src/push/answer.ts";
import { PushResults } from "../../src/push/push-results.ts";

const URL = "http://collector.example/v1/metrics";
const NONE = { age: 0, bytes: 0, rejected: 0 };

let nowMs = 0;
let messages: string[] = [];
let results: PushResults;

beforeEach(() => {
  mock.reset();
  mock.method(performance, "now", () => nowMs);
  nowMs = 1_000;
  messages = [];
  const output = {
    write(line: string) {
      messages.push(JSON.parse(line).message);
    },
  };
  results = new PushResults(createLog("info", output), URL);
});

function accepted(rejectedPoints = 0, reason = ""): Outcome {
  return { kind: "accepted", rejectedPoints, reason };
}

function answered(status: number, detail = ""): PushError {
  return { kind: "answered", url: URL, status, detail };
}

function waits(error: PushError): Outcome {
  return { kind: "wait", isAnswer: true, error };
}

const SENTENCE =
  "The collector at http://collector.example/v1/metrics answered 503 (away): it is busy, or its backend is away; the agent retries.";

test("each request is counted, and the last decides whether pushes fail", () => {
  assert.deepEqual([results.tried, results.isFailing], [false, false]);
  assert.deepEqual(results.facts, {
    accepted: 0,
    failed: 0,
    acceptedSecondsAgo: undefined,
    failure: undefined,
  });
  results.settled(waits(answered(503, "away")), 7);
  assert.deepEqual([results.tried, results.isFailing], [true, true]);
  assert.equal(results.counts.lastSuccessWallMs, undefined);
  const beganMs = Date.now();
  results.settled(accepted(), 0);
  assert.deepEqual([results.tried, results.isFailing], [true, false]);
  const { success, failure, lastSuccessWallMs = Number.NaN } = results.counts;
  assert.deepEqual([success, failure], [1, 1]);
  assert.ok(lastSuccessWallMs >= beganMs && lastSuccessWallMs <= Date.now());
  nowMs += 2_500;
  results.settled(waits(answered(503, "away")), 7);
  assert.deepEqual(results.facts, {
    accepted: 1,
    failed: 2,
    acceptedSecondsAgo: 2.5,
    failure: SENTENCE,
  });
  assert.equal(results.counts.lastSuccessWallMs, lastSuccessWallMs, "it is kept");
});

test("an accepted push counts as tried", () => {
  results.settled(accepted(), 0);
  assert.ok(results.tried);
});

test("a failure is logged with its reason and what waits, once, and its end", () => {
  results.settled(waits(answered(503, "away")), 44);
  results.settled(waits(answered(503, "away")), 88);
  results.settled(accepted(), 0);
  assert.deepEqual(messages, [`${SENTENCE} 44 points wait.`]);
  nowMs += 60_000;
  results.settled(accepted(), 0);
  assert.deepEqual(messages.slice(1), [
    "The collector at http://collector.example/v1/metrics accepts pushes again.",
  ]);
});

for (const [what, error] of [
  ["kind", { kind: "timed out", url: URL, afterMs: 1 }],
  ["reason", answered(503, "busy")],
] as const) {
  test(`a failure of another ${what} is logged, too, when a minute has passed`, () => {
    results.settled(waits(answered(503, "away")), 1);
    nowMs += 60_000;
    results.settled(waits(answered(503, "away")), 1);
    assert.equal(messages.length, 1);
    results.settled(waits(error), 1);
    assert.equal(messages.length, 2);
  });
}

for (const [reason, words] of [
  ["age", "they are too old (BACKLOG_MAX_AGE)"],
  ["bytes", "the backlog is full (BACKLOG_MAX_BYTES)"],
  ["rejected", "they are rejected"],
] as const) {
  test(`that points are dropped (${reason}) is logged with the reason, and its end`, () => {
    results.collected(NONE);
    assert.deepEqual(messages, []);
    results.collected({ ...NONE, [reason]: 3 });
    assert.deepEqual(messages, [`Points are dropped, because ${words}.`]);
    nowMs += 60_000;
    results.collected({ ...NONE, [reason]: 3 });
    assert.deepEqual(messages.slice(1), ["No more points are dropped."]);
  });
}

test("two reasons are in one line", () => {
  results.collected({ age: 1, bytes: 1, rejected: 0 });
  assert.match(messages.join(), /\(BACKLOG_MAX_AGE\) or the backlog is full/);
});

for (const [what, outcome] of [
  ["rejects a request", { kind: "rejected", error: answered(400, "out of bounds") }],
  ["rejects points of one that it accepts", accepted(1, "out of bounds")],
] as const) {
  test(`what the backend says when it ${what} is logged with the points that are dropped`, () => {
    results.settled(outcome, 0);
    results.settled(accepted(0, "fine"), 0);
    results.settled(waits(answered(503, "away")), 0);
    results.collected({ ...NONE, rejected: 1 });
    assert.match(
      messages.join(),
      /because they are rejected\. The backend answered: out of bounds$/,
    );
  });
}

test("what the backend said is not logged with points that are too old", () => {
  results.settled(accepted(1, "out of bounds"), 0);
  results.collected({ ...NONE, age: 1 });
  assert.doesNotMatch(messages.join(), /The backend answered/);
});
