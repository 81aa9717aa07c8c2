// Ten million altered replies to the decoders. A part of them runs within npm test; longer: npm run fuzz.

import { test } from "node:test";
import { fuzzReplies } from "../chrony/reply-fuzz.ts";

const BATCHES = 10;
const REPLIES_EACH = 1_000_000;
const FIRST_SEED = 1;

test("ten million altered replies: accepted exactly when good, never a throw", (t) => {
  for (let seed = FIRST_SEED; seed < FIRST_SEED + BATCHES; seed += 1) {
    const outcomes = fuzzReplies(seed, REPLIES_EACH);
    let accepted = 0;
    for (const counts of outcomes.values()) {
      accepted += counts.get("accepted") ?? 0;
    }
    t.diagnostic(`seed ${seed}: ${accepted} of ${REPLIES_EACH} accepted`);
  }
});
