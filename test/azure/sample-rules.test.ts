// Azure's rules for samples, one by one.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { bitsOf, type Sample, type TimeSeries } from "./remote-write.ts";
import { type DropReason, identityOf, judgeWrite, longestAgeMs } from "./sample-rules.ts";

const nowMs = Date.UTC(2026, 10, 22);
const labels = { __name__: "chrony_up", instance: "node-1" };

function sample(timeMs: number, value = 1): Sample {
  return { timeMs, valueBits: bitsOf(value) };
}

function reasons(write: TimeSeries[], before: Sample[] = []): DropReason[] {
  const newest = new Map(before.map((last) => [identityOf(labels), last]));
  return judgeWrite(write, newest, nowMs).dropped.map(({ reason }) => reason);
}

describe("a sample", () => {
  for (const [timeMs, expected] of [
    [nowMs - longestAgeMs, []],
    [nowMs - longestAgeMs - 1, ["too old"]],
    [nowMs + longestAgeMs, []],
    [nowMs + longestAgeMs + 1, ["too far ahead"]],
  ] as const) {
    const minutes = (timeMs - nowMs) / 60_000;
    test(`${minutes} minutes from its arrival: ${expected[0] ?? "taken"}`, () => {
      assert.deepEqual(reasons([{ labels, samples: [sample(timeMs)] }]), expected);
    });
  }

  const last = sample(nowMs - 30_000, 1);
  for (const [name, next, expected] of [
    ["after the newest is taken", sample(nowMs), []],
    ["before the newest is out of order", sample(last.timeMs - 1), ["out of order"]],
    ["the same as the newest is a duplicate", last, ["duplicate"]],
    [
      "with another value at the newest's time is somebody else's",
      sample(last.timeMs, 2),
      ["other value at the same time"],
    ],
  ] as const) {
    test(name, () => {
      assert.deepEqual(reasons([{ labels, samples: [next] }], [last]), expected);
    });
  }

  test("is held against those before it in the same write, too", () => {
    const samples = [sample(nowMs - 2), sample(nowMs - 1), sample(nowMs - 2), sample(nowMs - 1)];
    assert.deepEqual(reasons([{ labels, samples }]), ["out of order", "duplicate"]);
  });

  test("that was dropped takes no other with it", () => {
    const samples = [sample(nowMs - longestAgeMs - 1), sample(nowMs)];
    const { accepted, newest } = judgeWrite([{ labels, samples }], new Map(), nowMs);
    assert.deepEqual(accepted, [{ labels, samples: [sample(nowMs)] }]);
    assert.deepEqual([...newest], [[identityOf(labels), sample(nowMs)]]);
  });

  test("of a series that differs in case alone is one of the same series", () => {
    const shouted = { __NAME__: "Chrony_Up", Instance: "NODE-1" };
    assert.deepEqual(reasons([{ labels: shouted, samples: [last] }], [last]), ["duplicate"]);
  });

  test("of another series has an order of its own", () => {
    const other = { ...labels, instance: "node-2" };
    assert.deepEqual(reasons([{ labels: other, samples: [sample(last.timeMs - 1)] }], [last]), []);
  });
});

describe("a series", () => {
  for (const [name, given, expected] of [
    ["with 63 labels is taken", withLabels(63), []],
    ["with 64 labels is dropped", withLabels(64), ["too many labels"]],
    ["with a name of 511 characters is taken", { ["n".repeat(511)]: "x" }, []],
    [
      "with a name of 512 characters is dropped",
      { ["n".repeat(512)]: "x" },
      ["label name too long"],
    ],
    ["with a value of 1,023 characters is taken", { name: "v".repeat(1_023) }, []],
    [
      "with a value of 1,024 characters is dropped",
      { name: "v".repeat(1_024) },
      ["label value too long"],
    ],
  ] as const) {
    test(name, () => {
      assert.deepEqual(reasons([{ labels: given, samples: [sample(nowMs)] }]), expected);
    });
  }
});

function withLabels(count: number): Record<string, string> {
  return Object.fromEntries(Array.from({ length: count }, (_, index) => [`label_${index}`, "x"]));
}
