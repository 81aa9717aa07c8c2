// The agent's report at /status, and what is accepted of any text.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import { SYNC_STATES } from "../../src/clock/sync-state.ts";
import { agentReportText, parseAgentReport } from "../../src/summary/agent-report.ts";
import { UNREACHABLE } from "../../src/summary/clock-facts.ts";
import { agentReportOf, anyFacts, factsOf, sourceOf } from "./facts.ts";

type Json = Record<string, unknown>;

/** The report of a healthy node as JSON, changed. */
function changed(change: (report: Json, clock: Json) => void): string {
  const report = JSON.parse(agentReportText(agentReportOf()));
  change(report, report.clock);
  return JSON.stringify(report);
}

function errorOf(text: string): string {
  const parsed = parseAgentReport(text);
  assert.ok(!parsed.ok, text);
  return parsed.error;
}

describe("the agent's report", () => {
  test("is read back unchanged, whatever chronyd reported", () => {
    fc.assert(
      fc.property(anyFacts, fc.boolean(), (clock, pushes) => {
        const report = agentReportOf({ clock, ...(!pushes && { push: undefined }) });
        const text = agentReportText(report);
        const parsed = parseAgentReport(text);
        assert.ok(parsed.ok, `${text}\n${!parsed.ok && parsed.error}`);
        assert.equal(agentReportText(parsed.value), text);
      }),
    );
    const written = agentReportOf();
    assert.deepEqual(parseAgentReport(agentReportText(written)), { ok: true, value: written });
  });

  test("has these keys, which only change with the format", () => {
    const server = {
      server: "time.example",
      offsetSeconds: 0.04,
      marginSeconds: 0.001,
      problem: undefined,
    };
    const utcCheck = { ageSeconds: 60, contradiction: true, servers: [server] };
    const clock = factsOf({ sources: [sourceOf()], utcCheck });
    assert.deepEqual(JSON.parse(agentReportText(agentReportOf({ clock }))), {
      format: 1,
      version: "0.1.0",
      node: "node-1",
      clock: {
        state: "synchronised",
        clock_error_ms: 0.0312,
        clock_error_bound_ms: 0.0354,
        clock_error_peak_ms: 0.0521,
        reference_age_seconds: 3.25,
        reference_time_is_ahead: false,
        stale_after_seconds: 64,
        tracking: {
          stratum: 1,
          leap_status: "normal",
          reference_time_seconds: 1_795_366_508.75,
          system_time_offset_seconds: -0.000_005,
          last_offset_seconds: 0.000_001,
          rms_offset_seconds: 0.000_002,
          frequency_ppm: -12.5,
          residual_frequency_ppm: 0.001,
          skew_ppm: 0.02,
          root_delay_seconds: 1e-9,
          root_dispersion_seconds: 0.000_030_2,
          update_interval_seconds: 8,
        },
        source: { address: "PHC0", name: "PHC0" },
        upstream_local: false,
        sources: [
          {
            address: "PHC0",
            name: "PHC0",
            mode: "reference clock",
            state: "selected",
            stratum: 0,
            poll_seconds: 8,
            answered_of_last_eight: 8,
            last_sample_age_seconds: 5,
            offset_seconds: 0.000_012_3,
            offset_error_seconds: 0.000_030_4,
          },
        ],
        utc_check: {
          age_seconds: 60,
          contradiction: true,
          servers: [
            {
              server: "time.example",
              offset_seconds: 0.04,
              margin_seconds: 0.001,
              problem: null,
            },
          ],
        },
      },
      peak_width_seconds: 60,
      push: { accepted: 120, failed: 1, accepted_seconds_ago: 12.3, failure: null },
    });
  });

  test("has every key in every state", () => {
    const keys = Object.keys(JSON.parse(agentReportText(agentReportOf())).clock);
    for (const state of SYNC_STATES) {
      const clock = state === "unreachable" ? UNREACHABLE : factsOf({ state });
      const object = JSON.parse(agentReportText(agentReportOf({ clock }))).clock;
      assert.deepEqual(Object.keys(object), keys);
    }
  });

  const wrong: readonly (readonly [string, string, string])[] = [
    ["HTML", "<!doctype html>", "it is not JSON"],
    ["a list", "[]", "the report is a list of 0, expected an object"],
    ["nothing in it", "{}", "the report.format is missing, expected one of 1"],
    [
      "another format",
      changed((report) => (report["format"] = 2)),
      "the report.format is 2, expected one of 1",
    ],
    [
      "a text for a number",
      changed((_, clock) => (clock["clock_error_ms"] = "0.03")),
      "the report.clock.clock_error_ms is a string, expected a number that is not negative",
    ],
    [
      "an infinite number",
      changed((_, clock) => (clock["clock_error_ms"] = 777)).replace("777", "1e999"),
      "the report.clock.clock_error_ms is Infinity, expected a number that is not negative",
    ],
    [
      "an infinite number that may be negative",
      agentReportText(agentReportOf()).replace('"frequency_ppm":-12.5', '"frequency_ppm":-1e999'),
      "the report.clock.tracking.frequency_ppm is -Infinity, expected a number",
    ],
    [
      "a negative error",
      changed((_, clock) => (clock["clock_error_peak_ms"] = -1)),
      "the report.clock.clock_error_peak_ms is -1, expected a number that is not negative",
    ],
    [
      "a state that does not exist",
      changed((_, clock) => (clock["state"] = "fine")),
      `the report.clock.state is a string, expected one of ${SYNC_STATES.join(", ")}`,
    ],
    [
      "a number inside that is missing",
      changed((_, clock) => (clock["tracking"] = { stratum: 1, leap_status: "normal" })),
      "the report.clock.tracking.reference_time_seconds is missing, expected a number",
    ],
    [
      "a wrong source",
      changed((_, clock) => (clock["sources"] = [(clock["sources"] as Json[])[0], null])),
      "the report.clock.sources[1] is null, expected an object",
    ],
    [
      "too many sources",
      changed((_, clock) => (clock["sources"] = Array.from({ length: 302 }, () => ({})))),
      "the report.clock.sources is a list of 302, expected a list of at most 301 entries",
    ],
    [
      "a text of 2 MB",
      changed((report) => (report["node"] = "x".repeat(2_000_000))),
      "the report.node is a string, expected a text of at most 2000 characters",
    ],
    ["brackets a million deep", "[".repeat(1_000_000), "it is not JSON"],
  ];
  for (const [what, text, sentence] of wrong) {
    test(`with ${what} is rejected`, () => {
      assert.equal(errorOf(text), sentence);
    });
  }

  test("is accepted with unknown keys", () => {
    const text = changed((report, clock) => {
      report["new"] = clock["new"] = { any: "thing" };
    });
    assert.deepEqual(parseAgentReport(text), { ok: true, value: agentReportOf() });
  });

  test("loses its control characters", () => {
    const clock = factsOf({
      source: { address: "a\u0000", name: "\u001b[2Jx\u009b" },
      sources: [sourceOf({ name: "\n\r\t" })],
    });
    const parsed = parseAgentReport(
      agentReportText(agentReportOf({ clock, version: "\u001b]0;x\u0007" })),
    );
    assert.ok(parsed.ok);
    assert.equal(parsed.value.version, "?]0;x?");
    assert.deepEqual(parsed.value.clock.source, { address: "a?", name: "?[2Jx?" });
    assert.equal(parsed.value.clock.sources?.[0]?.name, "???");
  });

  test("from any text is a report or a printable error", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: "binary" }), fc.json()), (text) => {
        assert.match(errorOf(text), /^[\x20-\x7e]+$/);
      }),
    );
    const pieces = agentReportText(agentReportOf()).split(/(?<=[,:{}[\]])/);
    const anyPlace = fc.nat({ max: pieces.length - 1 });
    const anyPiece = fc.constantFrom(
      "null,",
      "-1,",
      '"\\u001b",',
      "{},",
      "[],",
      "1e999,",
      ...pieces,
    );
    fc.assert(
      fc.property(anyPlace, anyPiece, (place, piece) => {
        const parsed = parseAgentReport(pieces.with(place, piece).join(""));
        assert.ok(parsed.ok || /^[\x20-\x7e]+$/.test(parsed.error));
      }),
    );
  });
});
