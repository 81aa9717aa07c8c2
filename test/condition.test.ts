// A lasting fault in the log. Every time is an argument; the log is an array.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Condition } from "../src/condition.ts";
import type { Log, LogFields } from "../src/log.ts";

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;

type Entry = readonly [severity: string, message: string, fields: LogFields | undefined];

function watchedFault(): { fault: Condition; entries: Entry[] } {
  const entries: Entry[] = [];
  const writer = (severity: string) => (message: string, fields?: LogFields) => {
    entries.push([severity, message, fields]);
  };
  const log: Log = {
    error: writer("error"),
    warn: writer("warn"),
    info: writer("info"),
    debug: writer("debug"),
  };
  return { fault: new Condition(log, "All is well."), entries };
}

describe("a fault", () => {
  test("is logged when it begins", () => {
    const { fault, entries } = watchedFault();
    fault.raise("timed out", "No answer.", 5);
    assert.deepEqual(entries, [["warn", "No answer.", undefined]]);
  });

  test("is not logged again at each poll", () => {
    const { fault, entries } = watchedFault();
    for (let nowMs = 0; nowMs < 10 * MINUTE_MS; nowMs += SECOND_MS) {
      fault.raise("timed out", "No answer.", nowMs);
    }
    assert.equal(entries.length, 1);
  });

  test("is logged again every ten minutes, with the newest sentence, the count and the duration", () => {
    const { fault, entries } = watchedFault();
    for (let nowMs = 0; nowMs <= 20 * MINUTE_MS; nowMs += SECOND_MS) {
      fault.raise("stale", `Nothing for ${nowMs / SECOND_MS} s.`, nowMs);
    }
    assert.deepEqual(entries, [
      ["warn", "Nothing for 0 s.", undefined],
      ["warn", "Nothing for 600 s.", { times: 601, for_seconds: 600 }],
      ["warn", "Nothing for 1200 s.", { times: 1201, for_seconds: 1200 }],
    ]);
  });

  test("ends after it was absent for a minute: the count and the duration are logged", () => {
    const { fault, entries } = watchedFault();
    fault.raise("timed out", "No answer.", 0);
    fault.raise("timed out", "No answer.", 2_400);
    fault.clear(3_400);
    fault.clear(2_399 + MINUTE_MS);
    assert.equal(entries.length, 1);
    fault.clear(2_400 + MINUTE_MS);
    fault.clear(3_400 + MINUTE_MS);
    assert.deepEqual(entries.slice(1), [["info", "All is well.", { times: 2, for_seconds: 2 }]]);
  });

  test("that comes and goes is one fault: a line when it begins, then every ten minutes, and one at its end", () => {
    const { fault, entries } = watchedFault();
    for (let nowMs = 0; nowMs <= 20 * MINUTE_MS; nowMs += 2 * SECOND_MS) {
      fault.raise("timed out", "No answer.", nowMs);
      fault.clear(nowMs + SECOND_MS);
    }
    fault.clear(21 * MINUTE_MS);
    assert.deepEqual(entries, [
      ["warn", "No answer.", undefined],
      ["warn", "No answer.", { times: 301, for_seconds: 600 }],
      ["warn", "No answer.", { times: 601, for_seconds: 1200 }],
      ["info", "All is well.", { times: 601, for_seconds: 1200 }],
    ]);
  });

  test("begins again after it ended", () => {
    const { fault, entries } = watchedFault();
    fault.raise("timed out", "No answer.", 0);
    fault.clear(MINUTE_MS);
    fault.raise("timed out", "No answer.", 2 * MINUTE_MS);
    fault.clear(3 * MINUTE_MS);
    assert.deepEqual(entries.slice(2), [
      ["warn", "No answer.", undefined],
      ["info", "All is well.", { times: 1, for_seconds: 0 }],
    ]);
  });
});

describe("no fault", () => {
  test("is not logged", () => {
    const { fault, entries } = watchedFault();
    fault.clear(0);
    fault.clear(MINUTE_MS);
    assert.deepEqual(entries, []);
  });
});

describe("another cause", () => {
  test("is logged, if the last line is a minute old", () => {
    const { fault, entries } = watchedFault();
    fault.raise("socket missing", "No socket.", 0);
    fault.raise("timed out", "No answer.", MINUTE_MS - 1);
    assert.equal(entries.length, 1);
    fault.raise("timed out", "No answer.", MINUTE_MS);
    assert.deepEqual(entries.slice(1), [["warn", "No answer.", { times: 3, for_seconds: 60 }]]);
  });

  test("is then the lasting one, and is not logged again each minute", () => {
    const { fault, entries } = watchedFault();
    fault.raise("socket missing", "No socket.", 0);
    for (let nowMs = MINUTE_MS; nowMs < 10 * MINUTE_MS; nowMs += SECOND_MS) {
      fault.raise("timed out", "No answer.", nowMs);
    }
    assert.equal(entries.length, 2);
  });

  test("that alternates with the first does not fill the log: a line a minute", () => {
    const { fault, entries } = watchedFault();
    for (let nowMs = 0; nowMs < 10 * MINUTE_MS; nowMs += SECOND_MS) {
      const kind = nowMs % (2 * SECOND_MS) === 0 ? "socket missing" : "timed out";
      fault.raise(kind, kind, nowMs);
    }
    assert.ok(entries.length > 1 && entries.length <= 10, `${entries.length} lines`);
  });

  test("is not another sentence, because ages and counts change all the time", () => {
    const { fault, entries } = watchedFault();
    fault.raise("stale", "Nothing for 160 s.", 0);
    fault.raise("stale", "Nothing for 260 s.", 100 * SECOND_MS);
    assert.equal(entries.length, 1);
  });

  test("does not hide the end of the fault", () => {
    const { fault, entries } = watchedFault();
    fault.raise("socket missing", "No socket.", 0);
    fault.raise("timed out", "No answer.", SECOND_MS);
    fault.clear(2 * MINUTE_MS);
    assert.deepEqual(entries.at(-1), ["info", "All is well.", { times: 2, for_seconds: 1 }]);
  });
});
