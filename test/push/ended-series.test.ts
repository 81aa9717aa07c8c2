// Which series have an end in a collection (src/push/ended-series.ts), and when they are forgotten. What
// becomes of the ends is in queue.test.ts.

import assert from "node:assert/strict";
import { test } from "node:test";
import { EndedSeries } from "../../src/push/ended-series.ts";
import { collectionOf, seriesNamed } from "./points.ts";

/** The names of those that end in a collection without any. */
function endsIn(ended: EndedSeries): string[] {
  return ended
    .withEnds(collectionOf({}), 1_000_000)
    .filter(({ value }) => Number.isNaN(value))
    .map(({ series }) => series.descriptor.name);
}

test("a series is forgotten that was last observed before a time, and not at it", () => {
  const ended = new EndedSeries([]);
  ended.withEnds(collectionOf({ a: 1 }), 299);
  ended.withEnds(collectionOf({ b: 1 }), 300);
  ended.forget(300);
  assert.deepEqual(endsIn(ended), ["b"]);
});

test("one of an agent before this one counts as observed at the start of the clock", () => {
  const ended = new EndedSeries([seriesNamed("a")]);
  ended.forget(0);
  assert.deepEqual(endsIn(ended), ["a"]);
  ended.forget(1);
  assert.deepEqual(endsIn(ended), []);
});
