// The live view on a terminal of 80 columns and 24 rows.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { INCIDENT } from "../../demo/incident-steps.ts";
import { type View, viewLines } from "../../demo/view.ts";
import { SYNC_STATES } from "../../src/clock/sync-state.ts";
import { rendered } from "../../src/status/styled-line.ts";
import { AGENT_OF_DEAD, agentOf, snapshotOf, viewOf, WAITING } from "./views.ts";

function linesOf(parts: Partial<View>): string[] {
  return viewLines(viewOf(parts)).map((line) => rendered(line, false));
}

describe("the live view", () => {
  test("shows a healthy clock as status does, and what PromQL returns", () => {
    assert.equal(
      linesOf({}).join("\n"),
      `Chrony Tracker: how wrong can the clock of demo-node be, right now?         1:05
OK: synchronised
The true time is within the bound of this clock, as far as chronyd can know.
Error          0.031 ms    with the offset of chronyd's last update
Bound          0.035 ms    with the offset still to be slewed: rely on this one
Peak           0.052 ms    the largest of both in the last 60 s: alerts use it
Source         PHC0        reference clock, stratum 0, answered 8 of 8 polls
Reference age  3.2 s       since chronyd's last update; stale beyond 64 s
To be slewed   0.005 ms    the clock is ahead
Frequency      12.500 ppm  too slow without chronyd's correction
Last push      12 s ago    accepted (120 accepted, 1 failed)

What PromQL returns for chrony_clock_error_ms
by push        0.031 ms    0.9 s old
by pull        0.031 ms    0.9 s old

Prometheus  http://127.0.0.1:32767/graph?g0.expr=chrony_clock_error_ms&g0.tab=0
Agent       http://127.0.0.1:32766/
Ctrl-C ends the demo and leaves nothing behind.`,
    );
  });

  test("shows no number and no series when chronyd does not answer", () => {
    const lines = linesOf({ snapshot: snapshotOf(AGENT_OF_DEAD) });
    assert.equal(lines[1], "UNKNOWN: unreachable");
    assert.deepEqual(lines.slice(3, 6), [
      "Error          -           not known: chronyd does not answer",
      "Bound          -           not known: chronyd does not answer",
      "Peak           -           not known: chronyd does not answer",
    ]);
    assert.deepEqual(lines.slice(13, 15), [
      "by push        -           no such series",
      "by pull        -           no such series",
    ]);
  });

  for (const state of SYNC_STATES) {
    test(`fits a terminal of 80 columns and 24 rows in the state ${state}, in every step of the incident`, () => {
      for (const [index, step] of INCIDENT.entries()) {
        for (const seenAfterSeconds of [undefined, 149.6]) {
          const lines = linesOf({
            elapsedSeconds: 3_599,
            snapshot: snapshotOf(agentOf({ state, peakMs: 1_500 })),
            incident: {
              ...WAITING,
              step,
              number: index + 1,
              count: INCIDENT.length,
              seenAfterSeconds,
            },
          });
          assert.ok(lines.length <= 24, `${lines.length} lines`);
          assert.deepEqual(
            lines.filter((line) => line.length > 80),
            [],
          );
        }
      }
    });
  }

  test("shows when the agent or Prometheus does not answer", () => {
    const snapshot = { agent: undefined, prometheus: undefined };
    const lines = linesOf({ snapshot });
    assert.equal(lines[1], "The agent does not answer.");
    assert.equal(lines[4], "by push, pull  -           Prometheus does not answer");
  });

  test("shows what a step of an incident waits for, and that it was seen", () => {
    assert.deepEqual(linesOf({ incident: WAITING }).slice(16, 20), [
      "Incident, step 1 of 2: the power fails                                      0:43",
      "  Done       The plug was pulled.",
      "  Expected   It is dark.",
      "  Waiting    for PromQL to show it; takes about 2:30",
    ]);
    const seen = { ...WAITING, seenAfterSeconds: 41.2, nextInSeconds: 5.3 };
    assert.equal(
      linesOf({ incident: seen })[19],
      "  Seen       by push and by pull after 0:41; goes on in 6 s",
    );
  });
});
