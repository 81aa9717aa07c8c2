// The three forms of a status, made from facts.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import { SYNC_STATES } from "../../src/clock/sync-state.ts";
import { failure, success } from "../../src/result.ts";
import { briefView } from "../../src/status/brief-view.ts";
import { fullView } from "../../src/status/full-view.ts";
import { jsonView } from "../../src/status/json-view.ts";
import type { StatusReport } from "../../src/status/report.ts";
import { rendered, span } from "../../src/status/styled-line.ts";
import { frame, hasColours, type Output, reportWidth } from "../../src/status/terminal.ts";
import { agentReportText } from "../../src/summary/agent-report.ts";
import { UNREACHABLE } from "../../src/summary/clock-facts.ts";
import { DEFAULT_THRESHOLDS } from "../../src/summary/thresholds.ts";
import { judge } from "../../src/summary/verdict.ts";
import { agentReportOf, anyFacts, factsOf, sourceOf, trackingOf } from "../summary/facts.ts";

const URL = "http://127.0.0.1:9464/";
const WIDTH = 80;
const NARROWEST = 40;

function reportOf(overrides: Partial<StatusReport> = {}): StatusReport {
  const clock = overrides.clock ?? factsOf();
  return {
    node: "node-1",
    wallMs: 1_795_366_512_000,
    chronyAddress: "unix:///run/chrony/chronyd.sock",
    clock,
    saidBy: "chronyd",
    problems: [],
    judgement: judge(clock, DEFAULT_THRESHOLDS),
    thresholds: DEFAULT_THRESHOLDS,
    agent: { url: URL, report: success(agentReportOf({ clock })) },
    ...overrides,
  };
}

const DEAD = reportOf({
  clock: UNREACHABLE,
  saidBy: "nobody",
  problems: ["There is no socket at /run/chrony/chronyd.sock: chronyd is not running."],
  agent: { url: URL, report: failure({ url: URL, kind: "no connection", code: "ECONNREFUSED" }) },
});

function textOf(report: StatusReport): string {
  return fullView(report)
    .map((line) => rendered(line, false))
    .join("\n");
}

describe("the full view", () => {
  test("of a healthy node, word by word", () => {
    assert.equal(
      textOf(reportOf()),
      `Chrony Tracker on node-1                                 2026-11-22 16:55:12 UTC

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
Agent          0.1.0       http://127.0.0.1:9464/ reports synchronised

Source              Use          Strat    Poll Reach   Heard Offset/ms       +/-
PHC0                selected         0     8 s   8/8   5.0 s   +0.0123    0.0304
Offset: + the clock is ahead of the source, - behind; as of the last sample.`,
    );
  });

  test("of a healthy node in 40 columns: notes go below, and the table has fewer columns", () => {
    assert.equal(
      fullView(reportOf(), NARROWEST)
        .map((line) => rendered(line, false))
        .join("\n"),
      `Chrony Tracker on node-1
2026-11-22 16:55:12 UTC

OK: synchronised
The true time is within the bound of
this clock, as far as chronyd can know.

Error          0.031 ms
  with the offset of chronyd's last
  update
Bound          0.035 ms
  with the offset still to be slewed:
  rely on this one
Peak           0.052 ms
  the largest of both in the last 60 s:
  alerts use it
Source         PHC0
  reference clock, stratum 0, answered 8
  of 8 polls
Reference age  3.2 s
  since chronyd's last update; stale
  beyond 64 s
To be slewed   0.005 ms
  the clock is ahead
Frequency      12.500 ppm
  too slow without chronyd's correction
Last push      12 s ago
  accepted (120 accepted, 1 failed)
Agent          0.1.0
  http://127.0.0.1:9464/ reports
  synchronised

Source      Use          Reach Offset/ms
PHC0        selected       8/8   +0.0123
Offset: + the clock is ahead of the
source, - behind; as of the last sample.`,
    );
  });

  test("of a stopped chronyd has no number, and says what to check", () => {
    assert.equal(
      textOf(DEAD),
      `Chrony Tracker on node-1                                 2026-11-22 16:55:12 UTC

UNKNOWN: unreachable
chronyd does not answer: the clock may be wrong by any amount.
There is no socket at /run/chrony/chronyd.sock: chronyd is not running.

Error          -           not known: chronyd does not answer
Bound          -           not known: chronyd does not answer
Peak           -           not known: chronyd does not answer
Source         -           not known
Reference age  -           not known
To be slewed   -           not known: chronyd does not answer
Frequency      -           not known
Agent          -           No agent listens at http://127.0.0.1:9464/.`,
    );
  });

  test("fits the terminal from 40 columns on, and no text controls the terminal, whatever chronyd reports", () => {
    fc.assert(
      fc.property(
        anyFacts,
        fc.string({ unit: "binary", maxLength: 300 }),
        fc.array(fc.string({ maxLength: 400 })),
        fc.integer({ min: NARROWEST, max: WIDTH }),
        (clock, node, problems, width) => {
          const report = reportOf({ clock, node, problems });
          for (const line of fullView(report, width).map((each) => rendered(each, false))) {
            assert.ok(line.length <= width, `${line.length}: ${line}`);
            assert.doesNotMatch(line, /\p{Cc}/u);
          }
          assert.doesNotMatch(briefView(report), /\p{Cc}/u);
        },
      ),
    );
  });

  test("names the sources like chronyc, and shows when one never answered", () => {
    const sources = [
      sourceOf({ name: "ntp-with-a-very-long-name.example.com", state: "unselected", stratum: 3 }),
      sourceOf({ state: "falseticker", offsetSeconds: -3.5, offsetErrorSeconds: 0.25 }),
      sourceOf({
        state: "nonselectable",
        answeredOfLastEight: 0,
        lastSampleAgeSeconds: undefined,
        offsetSeconds: undefined,
        offsetErrorSeconds: undefined,
      }),
    ];
    const rows = textOf(reportOf({ clock: factsOf({ sources }) }))
      .split("\n")
      .slice(-4, -1);
    assert.deepEqual(rows, [
      "ntp-with-a-very-lo… combined         3     8 s   8/8   5.0 s   +0.0123    0.0304",
      "PHC0                falseticker      0     8 s   8/8   5.0 s     -3500  250.0000",
      "PHC0                unusable         0     8 s   0/8   never         -         -",
    ]);
  });

  test("shows the stratum of the source, and no age at which the clock is stale where there is none", () => {
    const source = { address: "192.0.2.1", name: "192.0.2.1" };
    const sources = [sourceOf({ ...source, mode: "client", stratum: 3, answeredOfLastEight: 7 })];
    const text = textOf(
      reportOf({ clock: factsOf({ source, sources, staleAfterSeconds: undefined }) }),
    );
    assert.match(text, /^Source +192\.0\.2\.1 +server, stratum 3, answered 7 of 8 polls$/m);
    assert.match(text, /^Reference age +3\.2 s +since chronyd's last update$/m);
  });

  test("warns when the agent sees another state", () => {
    const agent = { url: URL, report: success(agentReportOf({ clock: UNREACHABLE })) };
    const row = fullView(reportOf({ agent })).find((line) => line[0]?.text.startsWith("Agent"));
    assert.deepEqual(row?.at(-1), { text: `${URL} reports unreachable`, tone: "warning" });
  });

  test("calls a positive frequency fast, as chronyc does", () => {
    const text = textOf(
      reportOf({ clock: factsOf({ tracking: trackingOf({ frequencyPpm: 12.5 }) }) }),
    );
    assert.match(text, /^Frequency +12\.500 ppm +too fast/m);
  });
});

describe("the brief view", () => {
  test("of a healthy node, word by word", () => {
    assert.equal(
      briefView(reportOf()),
      "CLOCK OK - synchronised, error 0.031 ms, bound 0.035 ms, peak 0.052 ms, source PHC0, reference age 3.2 s. | error_ms=0.0312;50;250;0 bound_ms=0.0354;50;250;0 peak_ms=0.0521;50;250;0 reference_age_seconds=3.25;;;0",
    );
  });

  test("of a stopped chronyd has no bar, because there are no numbers", () => {
    assert.equal(
      briefView(DEAD),
      "CLOCK UNKNOWN - unreachable. There is no socket at /run/chrony/chronyd.sock: chronyd is not running.",
    );
  });

  test("is one line with at most one bar, whatever chronyd reports", () => {
    const form = /^CLOCK (OK|WARNING|CRITICAL|UNKNOWN) - [^|]+( \|( \w+=[\d.e+]+(;[\d.]*){3})+)?$/;
    fc.assert(
      fc.property(anyFacts, fc.array(fc.string()), (clock, problems) => {
        assert.match(briefView(reportOf({ clock, problems })), form);
      }),
    );
  });
});

describe("the JSON view", () => {
  const keys = Object.keys(jsonView(reportOf()));

  test("has every key in every state, and no undefined", () => {
    for (const report of [
      DEAD,
      ...SYNC_STATES.map((state) => reportOf({ clock: factsOf({ state }) })),
    ]) {
      const object = JSON.parse(JSON.stringify(jsonView(report)));
      assert.deepEqual(Object.keys(object), keys);
    }
  });

  test("of a healthy node, key by key", () => {
    const { clock } = JSON.parse(agentReportText(agentReportOf()));
    assert.deepEqual(jsonView(reportOf({ problems: ["One."] })), {
      format: 1,
      node: "node-1",
      time: "2026-11-22T16:55:12.000Z",
      verdict: "ok",
      exit_code: 0,
      conclusion: "The true time is within the bound of this clock, as far as chronyd can know.",
      reason: null,
      problems: ["One."],
      said_by: "chronyd",
      chrony_address: "unix:///run/chrony/chronyd.sock",
      warning_ms: 50,
      critical_ms: 250,
      ...clock,
      agent: { url: URL, version: "0.1.0", state: "synchronised", problem: null },
    });
  });

  test("names the reason, and why no agent was found, or that none was asked", () => {
    const clock = factsOf({ boundMs: 300, peakMs: undefined });
    const object = jsonView(reportOf({ clock, agent: DEAD.agent }));
    assert.deepEqual(
      [object["verdict"], object["exit_code"], object["reason"]],
      ["critical", 2, "The bound of 300.000 ms is above 250 ms."],
    );
    const problem = "No agent listens at http://127.0.0.1:9464/.";
    assert.deepEqual(object["agent"], { url: URL, version: null, state: null, problem });
    assert.equal(jsonView(reportOf({ agent: undefined }))["agent"], null);
  });

  test("of a stopped chronyd has null for every number of the clock", () => {
    const object = jsonView(DEAD);
    const numbers = Object.entries(object).filter(([, value]) => typeof value === "number");
    assert.deepEqual(Object.fromEntries(numbers), {
      format: 1,
      exit_code: 3,
      warning_ms: 50,
      critical_ms: 250,
    });
    assert.equal(object["clock_error_ms"], null);
    assert.equal(object["sources"], null);
    assert.equal(object["said_by"], "nobody");
  });
});

test("a line has the terminal's colours where they are wanted, and no trailing blanks", () => {
  const line = [
    span("strong ", "strong"),
    span("faint ", "faint"),
    span("good ", "good"),
    span("warning ", "warning"),
    span("bad ", "bad"),
    span("", "bad"),
    span("plain  "),
  ];
  assert.equal(rendered(line, false), "strong faint good warning bad plain");
  assert.equal(
    rendered(line, true),
    "\x1b[1mstrong \x1b[0m\x1b[2mfaint \x1b[0m\x1b[1;32mgood \x1b[0m\x1b[1;33mwarning \x1b[0m\x1b[1;31mbad \x1b[0mplain",
  );
});

describe("the terminal", () => {
  test("gets colours when it is a terminal, supports them, and NO_COLOR is not set", () => {
    assert.equal(hasColours({ isTTY: true }, { TERM: "xterm" }), true);
    assert.equal(hasColours({ isTTY: true }, { TERM: "xterm", NO_COLOR: "" }), true);
    assert.equal(hasColours({ isTTY: true }, { TERM: "xterm", NO_COLOR: "1" }), false);
    assert.equal(hasColours({ isTTY: true }, { TERM: "dumb" }), false);
    assert.equal(hasColours({}, { TERM: "xterm" }), false);
  });

  test("shows a report over the one before, and never scrolls", () => {
    assert.equal(
      frame(["a", "b", "c"], 1, { isTTY: true, rows: 3 }, { TERM: "xterm" }),
      "\x1b[2J\x1b[Ha\x1b[K\nb\x1b[K\n\x1b[J",
    );
    assert.equal(frame(["a"], 2, { isTTY: true }, { TERM: "xterm" }), "\x1b[Ha\x1b[K\n\x1b[J");
  });

  test("that is a pipe gets one report after another", () => {
    assert.equal(frames({}, { TERM: "xterm" }), "a\nb\n\nc\n");
    assert.equal(frames({ isTTY: true }, { TERM: "dumb" }), "a\nb\n\nc\n", "nor does a dumb one");
    assert.equal(frames({ isTTY: true }, {}), "a\nb\n\nc\n", "nor one of an unknown kind");
  });

  test("has a report of its width, from 40 characters to 80; a pipe has one of 80", () => {
    const widths = [20, 40, 57, 80, 200, 0, undefined].map((columns) =>
      reportWidth({ isTTY: true, ...(columns !== undefined && { columns }) }),
    );
    assert.deepEqual(widths, [40, 40, 57, 80, 80, 80, 80]);
    assert.equal(reportWidth({ columns: 40 }), 80);
  });
});

/** What prints two reports, one after the other. */
function frames(output: Output, environment: Record<string, string>): string {
  return frame(["a", "b"], 1, output, environment) + frame(["c"], 2, output, environment);
}
