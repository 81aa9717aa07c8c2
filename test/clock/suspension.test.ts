// Boot time, compared with the monotonic clock. Every time is an argument.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { bootTimeMs, suspendedBetween } from "../../src/clock/suspension.ts";

describe("a sleep", () => {
  const before = { bootMs: 350_735_470, monotonicMs: 5_000 };
  const later = (awakeMs: number, asleepMs: number) => ({
    bootMs: before.bootMs + awakeMs + asleepMs,
    monotonicMs: before.monotonicMs + awakeMs,
  });

  test("is what boot time gained on the monotonic clock", () => {
    assert.equal(suspendedBetween(before, later(1_000, 60_000)), 60_000);
  });

  test("is none below 100 ms: the resolution of boot time is no sleep", () => {
    assert.equal(suspendedBetween(before, later(86_400_000, 0)), 0);
    assert.equal(suspendedBetween(before, later(1_000, 99)), 0);
    assert.equal(suspendedBetween(before, later(1_000, 100)), 100);
  });

  test("is never negative", () => {
    assert.equal(suspendedBetween(before, later(1_000, -60_000)), 0);
  });
});

describe("boot time", () => {
  test("is the first number of /proc/uptime", () => {
    assert.equal(bootTimeMs("350735.47 234388.90\n"), 350_735_470);
    assert.ok((bootTimeMs(readFileSync("/proc/uptime", "latin1")) ?? 0) > 0);
  });

  for (const text of ["", "\n", "350735 234388\n", "-1.00 2.00\n", "uptime 1.00\n"]) {
    test(`is not in ${JSON.stringify(text)}`, () => assert.equal(bootTimeMs(text), undefined));
  }
});
