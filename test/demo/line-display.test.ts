// The view without a terminal: a line when something changes and every few seconds.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { lineDisplay } from "../../demo/line-display.ts";
import type { View } from "../../demo/view.ts";
import { AGENT_OF_DEAD, agentOf, snapshotOf, viewOf, WAITING } from "./views.ts";

/** The lines of several views, one after another. */
function linesOf(...views: readonly Partial<View>[]): string[][] {
  let lines: string[] = [];
  const display = lineDisplay((line) => lines.push(line));
  return views.map((view) => {
    lines = [];
    display.show(viewOf(view));
    return lines;
  });
}

describe("the view without a terminal", () => {
  test("begins with the addresses", () => {
    assert.deepEqual(linesOf({}), [
      [
        "Prometheus: http://127.0.0.1:32767/graph?g0.expr=chrony_clock_error_ms&g0.tab=0",
        "Agent: http://127.0.0.1:32766/",
        "1:05  OK: synchronised, error 0.031 ms, bound 0.035 ms, peak 0.052 ms, source PHC0, reference age 3.2 s; last push 12 s ago; PromQL 0.031 ms by push, 0.031 ms by pull",
      ],
    ]);
  });

  test("is silent for 5 s while only numbers change", () => {
    const changed = snapshotOf(agentOf({ errorMs: 0.1 }));
    const written = linesOf(
      { elapsedSeconds: 0 },
      { elapsedSeconds: 4.9, snapshot: changed },
      { elapsedSeconds: 5, snapshot: changed },
      { elapsedSeconds: 9.9 },
    );
    assert.deepEqual(
      written.map((lines) => lines.length),
      [3, 0, 1, 0],
    );
  });

  test("reports a change at once: of the state, and of what Prometheus has", () => {
    const unreachable = snapshotOf(AGENT_OF_DEAD);
    const [, state, gone] = linesOf(
      {},
      { snapshot: { ...unreachable, prometheus: snapshotOf(agentOf()).prometheus } },
      { snapshot: unreachable },
    );
    assert.deepEqual(state, [
      "1:05  UNKNOWN: unreachable; last push 12 s ago; PromQL 0.031 ms by push, 0.031 ms by pull",
    ]);
    assert.match(gone?.join() ?? "", /PromQL - by push, - by pull$/);
  });

  test("reports each step of an incident once, and its effect once", () => {
    const seen = { ...WAITING, seenAfterSeconds: 41 };
    const written = linesOf(
      {},
      { incident: WAITING },
      { incident: { ...WAITING, elapsedSeconds: 44 } },
      { incident: seen },
      { incident: { ...seen, nextInSeconds: 1 } },
      { incident: { ...WAITING, number: 2 } },
    );
    assert.deepEqual(
      written.slice(1).map(([line]) => line),
      [
        "Step 1 of 2: the power fails. The plug was pulled. Expected: It is dark. This takes about 2:30.",
        undefined,
        "Seen by push and by pull after 0:41: sum(lamps) == 0",
        undefined,
        "Step 2 of 2: the power fails. The plug was pulled. Expected: It is dark. This takes about 2:30.",
      ],
    );
  });
});
