// What is concluded of a clock, in words.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { conclusion } from "../../src/summary/state-words.ts";
import { factsOf, sourceOf } from "./facts.ts";

describe("a clock whose source is silent", () => {
  const silent = sourceOf({ name: "one", address: "10.0.0.1", answeredOfLastEight: 0 });
  const other = sourceOf({ name: "other", address: "10.0.0.2", state: "unselected" });
  const conclusionWith = (...sources: ReturnType<typeof sourceOf>[]) =>
    conclusion(
      factsOf({
        state: "stale",
        source: { address: silent.address, name: silent.name },
        sources,
      }),
    );

  test("runs free when no other source is there", () => {
    assert.match(conclusionWith(silent), /^The time source is gone: the clock runs free/);
  });

  test("waits for chronyd to take another one that answers, which is named", () => {
    assert.match(
      conclusionWith(silent, other),
      /until chronyd takes other in its place: about 64 polls after the last answer\.$/,
    );
  });

  for (const useless of [
    { ...other, answeredOfLastEight: 0 },
    { ...other, state: "falseticker" as const },
    { ...other, state: "nonselectable" as const },
  ]) {
    test(`runs free when the other is ${useless.state} and answered ${useless.answeredOfLastEight} polls`, () => {
      assert.match(conclusionWith(silent, useless), /runs free/);
    });
  }
});

test("a clock that is followed well is within its bound, whatever other sources there are", () => {
  assert.match(conclusion(factsOf()), /within the bound/);
});
