// What an on-call person gets for an incident, at three nodes and at some more: histories played by
// promtool (Debian's) through the shipped rules. `npm run incidents` does the same for larger clusters.

import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { bringPrometheus, progressToStandardError } from "../parts/bring.ts";
import { INCIDENTS } from "./incidents.ts";
import { playIncident } from "./play-incident.ts";

describe("an on-call person gets one page for", () => {
  let promtool: string;

  before(async () => {
    ({ promtool } = await bringPrometheus(progressToStandardError));
  });

  for (const [count, incidents] of [
    [3, INCIDENTS],
    // What takes more than three nodes to happen, or is another incident then.
    [10, named(/^A (?:quarter|cluster shrinks)|^Three in ten|: a cluster shrinks/)],
    // A pool too large to be named node by node.
    [60, named(/^A pool of two fifths is 37 s off/)],
  ] as const) {
    for (const incident of incidents) {
      test(`${count} nodes: ${incident.name}`, async () => {
        const fired = await playIncident(promtool, incident, count);
        assert.deepEqual(
          Object.fromEntries(fired.map(({ alert, most }) => [alert, most])),
          incident.expected(count),
        );
      });
    }
  }
});

function named(pattern: RegExp): typeof INCIDENTS {
  return INCIDENTS.filter(({ name }) => pattern.test(name));
}
