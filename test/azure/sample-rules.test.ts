// Azure's rules for samples, one by one.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { bitsOf, type Sample, type TimeSeries } from "./remote-write.ts";
import { type DropReason, identityOf, judgeWrite, LONGEST_AGE_MS } from "./sample-rules.ts";

const NOW_MS = Date.UTC(2026, 10, 22);
const LABELS = { __name__: "chrony_up", instance: "node-1" };

function sample(timeMs: number, value = 1): Sample {
  return { timeMs, valueBits: bitsOf(value) };
}

function reasons(write: TimeSeries[], before: Sample[] = []): DropReason[] {
  const newest = new Map(before.map((last) => [identityOf(LABELS), last]));
  return judgeWrite(write, newest, NOW_MS).dropped.map(({ reason }) => reason);
}

describe("a sample", () => {
  for (const [timeMs, expected] of [
    [NOW_MS - LONGEST_AGE_MS, []],
    [NOW_MS - LONGEST_AGE_MS - 1, ["too old"]],
    [NOW_MS + LONGEST_AGE_MS, []],
    [NOW_MS + LONGEST_AGE_MS + 1, ["too far ahead"]],
  ] as const) {
    const minutes = (timeMs - NOW_MS) / 60_000;
    test(`${minutes} minutes from its arrival: ${expected[0] ?? "accepted"}`, () => {
      assert.deepEqual(reasons([{ labels: LABELS, samples: [sample(timeMs)] }]), expected);
    });
  }

  const last = sample(NOW_MS - 30_000, 1);
  for (const [name, next, expected] of [
    ["after the newest is taken", sample(NOW_MS), []],
    ["before the newest is out of order", sample(last.timeMs - 1), ["out of order"]],
    ["the same as the newest is a duplicate", last, ["duplicate"]],
    [
      "with another value at the newest's time is somebody else's",
      sample(last.timeMs, 2),
      ["other value at the same time"],
    ],
  ] as const) {
    test(name, () => {
      assert.deepEqual(reasons([{ labels: LABELS, samples: [next] }], [last]), expected);
    });
  }

  test("is compared with those before it in the same write, too", () => {
    const samples = [
      sample(NOW_MS - 2),
      sample(NOW_MS - 1),
      sample(NOW_MS - 2),
      sample(NOW_MS - 1),
    ];
    assert.deepEqual(reasons([{ labels: LABELS, samples }]), ["out of order", "duplicate"]);
  });

  test("that is dropped does not affect the others", () => {
    const samples = [sample(NOW_MS - LONGEST_AGE_MS - 1), sample(NOW_MS)];
    const { accepted, newest } = judgeWrite([{ labels: LABELS, samples }], new Map(), NOW_MS);
    assert.deepEqual(accepted, [{ labels: LABELS, samples: [sample(NOW_MS)] }]);
    assert.deepEqual([...newest], [[identityOf(LABELS), sample(NOW_MS)]]);
  });

  test("of a series that differs only in case is of the same series", () => {
    const shouted = { __NAME__: "Chrony_Up", Instance: "NODE-1" };
    assert.deepEqual(reasons([{ labels: shouted, samples: [last] }], [last]), ["duplicate"]);
  });

  test("of another series has its own order", () => {
    const other = { ...LABELS, instance: "node-2" };
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
      assert.deepEqual(reasons([{ labels: given, samples: [sample(NOW_MS)] }]), expected);
    });
  }
});

function withLabels(count: number): Record<string, string> {
  return Object.fromEntries(Array.from({ length: count }, (_, index) => [`label_${index}`, "x"]));
}
