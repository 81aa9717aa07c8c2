// The live view: what a person reads on a terminal of 80 columns and 24 rows.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { INCIDENT } from "../../demo/incident-steps.ts";
import { textOf } from "../../demo/styled-line.ts";
import { type View, viewLines } from "../../demo/view.ts";
import { SYNC_STATES } from "../../src/clock/sync-state.ts";
import { HEALTHY, snapshotOf, UNREACHABLE, viewOf, WAITING } from "./views.ts";

function linesOf(parts: Partial<View>): string[] {
  return viewLines(viewOf(parts)).map(textOf);
}

/** The row that a label begins. */
function rowOf(parts: Partial<View>, label: string): string | undefined {
  return linesOf(parts)
    .find((line) => line.startsWith(`  ${label} `))
    ?.replace(/ +/g, " ");
}

describe("the live view", () => {
  test("shows a healthy clock", () => {
    assert.equal(
      linesOf({}).join("\n"),
      `Chrony Tracker: how wrong can the clock of demo-node be, right now?         1:05

  State            synchronised  the clock is within the bound
  Clock error          0.004 ms  |last offset| + dispersion + 1/2 delay
  Bound                0.006 ms  |current offset| + dispersion + 1/2 delay
  Peak                 0.128 ms  the largest of both in the last 60 s
  Source              127.0.0.1  stratum 9
  Reference age           1.4 s  stale beyond 16 s
  Last push           0.4 s ago  accepted (12 accepted, 0 failed)

What PromQL returns for chrony_clock_error_ms
  by push              0.004 ms  0.9 s old
  by pull              0.004 ms  0.9 s old

Prometheus  http://127.0.0.1:32767/graph?g0.expr=chrony_clock_error_ms&g0.tab=0
Agent       http://127.0.0.1:32766/metrics
Ctrl-C ends the demo and leaves nothing behind.`,
    );
  });

  test("shows dashes and the reason when chronyd does not answer, and no number", () => {
    const lines = linesOf({ snapshot: snapshotOf(UNREACHABLE) });
    assert.deepEqual(lines.slice(2, 8), [
      "  State             unreachable  nothing is known: the clock may be anything",
      "  Clock error                 -  withheld: chronyd does not answer",
      "  Bound                       -  withheld: chronyd does not answer",
      "  Peak                        -  withheld: chronyd does not answer",
      "  Source                      -  not known",
      "  Reference age               -  not known",
    ]);
    assert.deepEqual(lines.slice(11, 13), [
      "  by push                     -  no such series",
      "  by pull                     -  no such series",
    ]);
  });

  test("says why the numbers of a chronyd that follows itself are withheld", () => {
    const agent = { ...UNREACHABLE, state: "local" as const, source: "127.127.1.1" };
    assert.equal(
      rowOf({ snapshot: snapshotOf(agent) }, "Clock error"),
      " Clock error - withheld: its 0 ms would mean nothing",
    );
  });

  for (const state of SYNC_STATES) {
    test(`fits a terminal of 80 columns and 24 rows in the state ${state}, in every step of the incident`, () => {
      for (const [index, step] of INCIDENT.entries()) {
        for (const seenAfterSeconds of [undefined, 149.6]) {
          const lines = linesOf({
            elapsedSeconds: 3_599,
            snapshot: snapshotOf({ ...HEALTHY, state, clockErrorPeakMs: 1_500 }),
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

  test("judges by the peak, as status does", () => {
    const slewing = { ...HEALTHY, clockErrorBoundMs: 300.003, clockErrorPeakMs: 300.003 };
    assert.equal(
      rowOf({ snapshot: snapshotOf(slewing) }, "State"),
      " State synchronised The bound of 300.003 ms is above 250 ms.",
    );
    const state = viewLines(viewOf({ snapshot: snapshotOf(slewing) }))
      .flat()
      .find(({ text }) => text.trim() === "synchronised");
    assert.equal(state?.tone, "bad");
  });

  test("tells a push that failed from one that was accepted", () => {
    const push = { accepted: 12, failed: 3, newest: "failed", acceptedSecondsAgo: 3.21 } as const;
    assert.equal(
      rowOf({ snapshot: snapshotOf({ ...HEALTHY, push }) }, "Last push"),
      " Last push 3.2 s ago but a newer one failed (12 accepted, 3 failed)",
    );
  });

  test("does not show an error that is too small to show as none at all", () => {
    assert.match(
      rowOf({ snapshot: snapshotOf({ ...HEALTHY, clockErrorMs: 0.0004 }) }, "Clock error") ?? "",
      /^ Clock error <0\.001 ms/,
    );
  });

  test("says so when the agent or Prometheus does not answer", () => {
    const snapshot = { agent: undefined, prometheus: undefined };
    assert.equal(rowOf({ snapshot }, "State"), " State - the agent does not answer");
    assert.equal(
      rowOf({ snapshot }, "by push, pull"),
      " by push, pull - Prometheus does not answer",
    );
  });

  test("says what an incident's step waits for, and that it was seen", () => {
    assert.deepEqual(linesOf({ incident: WAITING }).slice(14, 18), [
      "Incident, step 1 of 2: the power fails                                      0:43",
      "  Done       The plug was pulled.",
      "  To be seen It is dark.",
      "  Waiting    for PromQL to show it; takes about 2:30",
    ]);
    const seen = { ...WAITING, seenAfterSeconds: 41.2, nextInSeconds: 5.3 };
    assert.equal(
      linesOf({ incident: seen })[17],
      "  Seen       by push and by pull after 0:41; goes on in 6 s",
    );
  });
});
