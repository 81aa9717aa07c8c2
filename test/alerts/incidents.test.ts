// The alerts of an incident, with three nodes and with some more: histories that promtool (Debian's) plays through
// the shipped rules. `npm run incidents` does the same for larger clusters.

import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { bringPrometheus, progressToStandardError } from "../parts/bring.ts";
import { type Fired, INCIDENTS, type Play } from "./incidents.ts";
import { playIncidents } from "./play-incidents.ts";

const PLAYS: readonly Play[] = [
  ...INCIDENTS.map((incident) => ({ incident, count: 3 })),
  // Incidents that need more than three nodes, or that are different then.
  ...named(
    /^A (?:quarter|cluster shrinks|pool of two fifths is stepped)|^Three in ten|: a cluster shrinks/,
    10,
  ),
  // Too many nodes for an alert per node.
  ...named(/^A pool of two fifths is 37 s off/, 60),
];

for (const [minutes, plays] of Map.groupBy(PLAYS, ({ incident }) => incident.minutes)) {
  describe(`in a history of ${minutes} minutes, an on-call person gets one page for`, () => {
    let fired: ReadonlyMap<Play, readonly Fired[]>;

    before(async () => {
      const { promtool } = await bringPrometheus(progressToStandardError);
      fired = await playIncidents(promtool, plays);
    });

    for (const play of plays) {
      test(`${play.count} nodes: ${play.incident.name}`, () => {
        assert.deepEqual(
          Object.fromEntries((fired.get(play) ?? []).map(({ alert, most }) => [alert, most])),
          play.incident.expected(play.count),
        );
        assert.deepEqual(
          (fired.get(play) ?? [])
            .filter(({ alert, times }) => times > 1 && alert !== play.incident.comesAndGoes)
            .map(({ alert, times }) => `${alert} fires ${times} times`),
          [],
        );
      });
    }
  });
}

function named(pattern: RegExp, count: number): readonly Play[] {
  return INCIDENTS.filter(({ name }) => pattern.test(name)).map((incident) => ({
    incident,
    count,
  }));
}
