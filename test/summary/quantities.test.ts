// Numbers for people.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import {
  duration,
  interval,
  milliseconds,
  partsPerMillion,
  signedMilliseconds,
} from "../../src/summary/quantities.ts";

describe("milliseconds", () => {
  const cases: [number, string][] = [
    [0, "0.000 ms"],
    [0.000_4, "<0.001 ms"],
    [0.0314, "0.031 ms"],
    [25.0126, "25.013 ms"],
    [1500, "1500.000 ms"],
    [12_345, "12.3 s"],
    [3_993_000, "3993 s"],
    [2e18, "2e+15 s"],
  ];
  for (const [value, text] of cases) {
    test(`${value} is ${text}`, () => assert.equal(milliseconds(value), text));
  }

  test("with a sign, unless they are exactly 0", () => {
    const shown = [0, 0.0314, -0.0314, 0.000_4, -0.000_4, -3_600_250].map(signedMilliseconds);
    assert.deepEqual(shown, [
      "0.000 ms",
      "+0.031 ms",
      "-0.031 ms",
      "<+0.001 ms",
      "<-0.001 ms",
      "-3600 s",
    ]);
  });
});

describe("a duration", () => {
  const cases: [number, string][] = [
    [0, "0.0 s"],
    [3.29, "3.2 s"],
    [9.99, "9.9 s"],
    [10, "10 s"],
    [179.9, "179 s"],
    [180, "3 min"],
    [10_799, "179 min"],
    [10_800, "3 h"],
    [259_199, "71 h"],
    [259_200, "3 d"],
    [1e15, "1e+10 d"],
  ];
  for (const [seconds, text] of cases) {
    test(`of ${seconds} s is ${text}`, () => assert.equal(duration(seconds), text));
  }
});

test("polling intervals are powers of two, and exact where a person can read them", () => {
  const shown = [-128, -4, -2, 0, 6, 10, 13, 17, 127].map((log2) => interval(2 ** log2));
  assert.deepEqual(shown, [
    "2.9e-39 s",
    "0.063 s",
    "0.25 s",
    "1 s",
    "64 s",
    "1024 s",
    "2.3 h",
    "36 h",
    "4.7e+34 h",
  ]);
});

test("none is longer than 14 characters, whatever chronyd reports", () => {
  fc.assert(
    fc.property(fc.double({ min: -(2 ** 72), max: 2 ** 72, noNaN: true }), (value) => {
      const texts = [
        milliseconds(value),
        signedMilliseconds(value),
        duration(Math.abs(value)),
        partsPerMillion(value),
      ];
      for (const text of texts) {
        assert.ok(text.length <= 14, text);
      }
    }),
  );
});
