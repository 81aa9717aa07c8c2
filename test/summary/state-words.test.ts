// The sentences of the states.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { MODE_WORDS, USE_WORDS } from "../../src/summary/source-words.ts";
import { conclusion, STATE_WORDS } from "../../src/summary/state-words.ts";
import { factsOf, sourceOf } from "./facts.ts";

test("each state has one sentence, and a reason where it withholds numbers", () => {
  assert.deepEqual(STATE_WORDS, {
    synchronised: {
      conclusion: "The true time is within the bound of this clock, as far as chronyd can know.",
      withheldBecause: undefined,
    },
    stale: {
      conclusion: "The time source is gone: the clock runs free, and its error grows.",
      withheldBecause: undefined,
    },
    stepped: {
      conclusion:
        "The clock was stepped and chronyd has made no update since: the clock may be wrong by the step.",
      withheldBecause: "chronyd's offset is from before the step",
    },
    local: {
      conclusion:
        "chronyd follows its own clock (local directive): the clock may be wrong by any amount.",
      withheldBecause: "chronyd's 0 ms means nothing here",
    },
    unsynchronised: {
      conclusion: "chronyd has no time source to follow: the clock may be wrong by any amount.",
      withheldBecause: undefined,
    },
    unreachable: {
      conclusion: "chronyd does not answer: the clock may be wrong by any amount.",
      withheldBecause: "chronyd does not answer",
    },
  });
});

test("each state of a source has chronyc's words and a tone, and each mode a word", () => {
  assert.deepEqual(USE_WORDS, {
    selected: { text: "selected", tone: "good" },
    unselected: { text: "combined", tone: "good" },
    selectable: { text: "not combined", tone: "plain" },
    nonselectable: { text: "unusable", tone: "warning" },
    jittery: { text: "too variable", tone: "warning" },
    falseticker: { text: "falseticker", tone: "bad" },
  });
  assert.deepEqual(MODE_WORDS, {
    client: "server",
    peer: "peer",
    "reference clock": "reference clock",
  });
});

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
      /until chronyd switches to other, about 64 polls after the last answer\.$/,
    );
  });

  test("may have another one that chronyd would take as well as the followed one", () => {
    assert.match(
      conclusionWith(silent, { ...other, state: "selectable", answeredOfLastEight: 1 }),
      /switches to other, about/,
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

test("a clock whose sources are not known has no other one", () => {
  assert.match(conclusion(factsOf({ state: "stale", sources: undefined })), /runs free/);
});

test("a synchronised clock is within its bound, whatever other sources there are", () => {
  const other = sourceOf({ address: "10.0.0.2", state: "unselected" });
  assert.match(conclusion(factsOf({ sources: [sourceOf(), other] })), /within the bound/);
});
