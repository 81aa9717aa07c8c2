// What the demo reads from a page of the agent's metrics.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { agentReport, type PushReport } from "../../demo/snapshot.ts";
import { parseExposition } from "../parts/exposition.ts";
import { HEALTHY } from "./views.ts";

const PAGE = `# HELP chrony_clock_error_ms How wrong the clock can be.
# TYPE chrony_clock_error_ms gauge
chrony_clock_error_ms{k8s_node_name="demo-node"} 0.0042
chrony_clock_error_bound_ms{k8s_node_name="demo-node"} 0.0061
chrony_clock_error_peak_ms{k8s_node_name="demo-node"} 0.1277
chrony_sync_state{state="synchronised",k8s_node_name="demo-node"} 1
chrony_sync_state{state="unreachable",k8s_node_name="demo-node"} 0
chrony_reference_age_seconds{k8s_node_name="demo-node"} 1.36
chrony_tracking_info{tracking_refid="7F000001",tracking_address="127.0.0.1",tracking_name="127.0.0.1"} 1
chrony_tracking_stratum{k8s_node_name="demo-node"} 9
chrony_tracker_exports_total{result="success",k8s_node_name="demo-node"} 12
chrony_tracker_exports_total{result="failure",k8s_node_name="demo-node"} 0
chrony_tracker_last_export_success_timestamp_seconds{k8s_node_name="demo-node"} 1763832000.5
`;

const READ_MS = 1_763_832_000_940;

describe("a page of the agent's metrics", () => {
  test("gives all that is shown", () => {
    const report = agentReport(parseExposition(PAGE), READ_MS, undefined);
    const { acceptedSecondsAgo = Number.NaN, ...push } = report.push;
    assert.deepEqual({ ...report, push: { ...push, acceptedSecondsAgo: 0.44 } }, HEALTHY);
    assert.ok(Math.abs(acceptedSecondsAgo - 0.44) < 0.001, `${acceptedSecondsAgo}`);
  });

  test("leaves open what is withheld", () => {
    const report = agentReport(
      parseExposition(`chrony_sync_state{state="unreachable"} 1\n`),
      READ_MS,
      undefined,
    );
    assert.deepEqual(
      [report.state, report.clockErrorMs, report.source, report.push.acceptedSecondsAgo],
      ["unreachable", undefined, undefined, undefined],
    );
  });

  test("gives no source when its label is empty, as before chronyd has one", () => {
    const series = parseExposition(`chrony_tracking_info{tracking_address=""} 1\n`);
    assert.equal(agentReport(series, READ_MS, undefined).source, undefined);
  });
});

function newestAfter(success: number, failure: number, before?: PushReport): string {
  const series = parseExposition(
    `chrony_tracker_exports_total{result="success"} ${success}\nchrony_tracker_exports_total{result="failure"} ${failure}\n`,
  );
  return agentReport(series, READ_MS, before).push.newest;
}

describe("the newest push", () => {
  const before: PushReport = { ...HEALTHY.push, accepted: 12, failed: 3 };

  test("is none before the first", () => assert.equal(newestAfter(0, 0), "none"));
  test("was accepted when the successes have grown", () =>
    assert.equal(newestAfter(13, 3, { ...before, newest: "failed" }), "accepted"));
  test("has failed when the failures have grown", () =>
    assert.equal(newestAfter(12, 4, before), "failed"));
  test("is the same one while neither has grown", () =>
    assert.equal(newestAfter(12, 3, { ...before, newest: "failed" }), "failed"));
});
