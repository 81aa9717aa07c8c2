// The summary on the terminal after an incident.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { INCIDENT } from "../../demo/incident-steps.ts";
import { incidentSummary } from "../../demo/incident-summary.ts";
import { WAITING } from "./views.ts";

describe("the summary of an incident", () => {
  test("lists each step with what was done and seen, after which time, and its PromQL", () => {
    assert.deepEqual(incidentSummary([{ step: WAITING.step, seenAfterSeconds: 65 }]).slice(1), [
      "Step 1, the power fails, seen after 1:05",
      "  The plug was pulled.",
      "  It is dark.",
      "    sum(lamps)",
      "    == 0",
    ]);
  });

  test("fits a terminal of 80 columns", () => {
    const played = INCIDENT.map((step) => ({ step, seenAfterSeconds: 149.6 }));
    assert.deepEqual(
      incidentSummary(played).filter((line) => line.length > 80),
      [],
    );
  });
});
