// A short run of the fuzzing in test/faults/fuzz.faults.ts and `npm run fuzz`.

import assert from "node:assert/strict";
import { test } from "node:test";
import { fuzzReplies } from "./reply-fuzz.ts";

const REPLIES = 500_000;
const SEED = 0x6368_726f;

/** All possible outcomes of a reply. */
const OUTCOMES: readonly string[] = [
  "accepted",
  "not ours",
  "truncated",
  "wrong version",
  "wrong packet type",
  "wrong command",
  "refused",
  "wrong reply",
  "wrong length",
];

test(`${REPLIES} mutated replies: only valid ones are accepted, and nothing is thrown (seed ${SEED})`, (t) => {
  const outcomes = fuzzReplies(SEED, REPLIES);
  for (const [report, counts] of outcomes) {
    t.diagnostic(`${report}: ${JSON.stringify(Object.fromEntries(counts))}`);
    for (const outcome of OUTCOMES) {
      assert.ok((counts.get(outcome) ?? 0) > 100, `hardly any reply to ${report} is: ${outcome}`);
    }
  }
  const invalid = [...outcomes.values()].filter(
    (counts) => (counts.get("invalid field") ?? 0) > 100,
  );
  assert.equal(invalid.length, outcomes.size - 2, "two reports have no field that can be wrong");
});
