// Ten million mutated replies for the decoders. npm test runs a part of them; longer: npm run fuzz.

import { test } from "node:test";
import { fuzzReplies } from "../chrony/reply-fuzz.ts";

const BATCHES = 10;
const REPLIES_EACH = 1_000_000;
const FIRST_SEED = 1;

test("ten million mutated replies: only valid ones are accepted, and nothing is thrown", (t) => {
  for (let seed = FIRST_SEED; seed < FIRST_SEED + BATCHES; seed += 1) {
    const outcomes = fuzzReplies(seed, REPLIES_EACH);
    let accepted = 0;
    for (const counts of outcomes.values()) {
      accepted += counts.get("accepted") ?? 0;
    }
    t.diagnostic(`seed ${seed}: ${accepted} of ${REPLIES_EACH} accepted`);
  }
});
