// The rows of the page, status and the demo.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { ClockFacts } from "../../src/summary/clock-facts.ts";
import { UNREACHABLE } from "../../src/summary/clock-facts.ts";
import {
  chronydRows,
  errorRows,
  pushRow,
  SOURCE_COLUMNS,
  SOURCE_COLUMNS_NOTE,
  utcCheckRows,
} from "../../src/summary/clock-rows.ts";
import { factsOf, sourceOf, trackingOf } from "./facts.ts";

/** The row of a label, as `VALUE: NOTE`. */
function rowOf(label: string, clock: ClockFacts, peakWidthSeconds?: number): string {
  const rows = [...errorRows(clock, peakWidthSeconds), ...chronydRows(clock)];
  const row = rows.find((one) => one.label === label);
  return `${row?.value}: ${row?.note}`;
}

describe("a clock's rows", () => {
  test("are the same, in the same order, in every state", () => {
    for (const clock of [factsOf(), UNREACHABLE]) {
      assert.deepEqual(
        [...errorRows(clock, 60), ...chronydRows(clock)].map(({ label }) => label),
        ["Error", "Bound", "Peak", "Source", "Reference age", "To be slewed", "Frequency"],
      );
    }
  });

  const cases: readonly (readonly [string, ClockFacts, string])[] = [
    [
      "To be slewed",
      factsOf({ tracking: trackingOf({ systemTimeOffsetSeconds: 0.3 }) }),
      "300.000 ms: the clock is behind",
    ],
    [
      "To be slewed",
      factsOf({ tracking: trackingOf({ systemTimeOffsetSeconds: 0 }) }),
      "0.000 ms: ",
    ],
    [
      "Frequency",
      factsOf({ tracking: trackingOf({ frequencyPpm: 0 }) }),
      "0.000 ppm: chronyd corrects nothing",
    ],
    ["Source", factsOf({ source: undefined }), "undefined: not known"],
    ["Source", factsOf({ source: undefined, state: "unsynchronised" }), "undefined: none"],
    ["Source", factsOf({ sources: [] }), "PHC0: chronyd reports no details of it"],
    [
      "Reference age",
      factsOf({ referenceAgeSeconds: undefined, referenceTimeIsAhead: true }),
      "undefined: not known: see above",
    ],
    ["Reference age", UNREACHABLE, "undefined: not known"],
    [
      "To be slewed",
      factsOf({ state: "local" }),
      "undefined: not known: chronyd's 0 ms means nothing here",
    ],
    ["Error", factsOf({ errorMs: undefined }), "undefined: not known"],
    [
      "Error",
      factsOf({ errorMs: undefined, state: "stepped" }),
      "undefined: not known: chronyd's offset is from before the step",
    ],
    ["Error", factsOf(), "0.031 ms: with the offset of chronyd's last update"],
    ["Bound", factsOf(), "0.035 ms: with the offset still to be slewed: rely on this one"],
    ["Bound", factsOf({ boundMs: undefined }), "undefined: not known"],
    ["Peak", factsOf(), "undefined: only an agent has it, and none answered"],
    ["Source", factsOf({ source: undefined, state: "stale" }), "undefined: not known"],
    ["Source", factsOf({ source: undefined, state: "stepped" }), "undefined: not known"],
    ["Source", UNREACHABLE, "undefined: not known"],
    [
      "Source",
      factsOf({ source: undefined, state: "local" }),
      "undefined: none: chronyd follows its own clock",
    ],
    [
      "Source",
      factsOf({ upstreamIsLocal: true }),
      "PHC0: reference clock, stratum 0, answered 8 of 8 polls, follows its own clock",
    ],
    [
      "Source",
      factsOf({ upstreamIsLocal: undefined }),
      "PHC0: reference clock, stratum 0, answered 8 of 8 polls",
    ],
    ["Reference age", factsOf(), "3.2 s: since chronyd's last update; stale beyond 64 s"],
    [
      "Reference age",
      factsOf({ staleAfterSeconds: undefined }),
      "3.2 s: since chronyd's last update",
    ],
    ["To be slewed", factsOf(), "0.005 ms: the clock is ahead"],
    ["To be slewed", factsOf({ tracking: undefined }), "undefined: not known"],
    ["Frequency", factsOf(), "12.500 ppm: too slow without chronyd's correction"],
    [
      "Frequency",
      factsOf({ tracking: trackingOf({ frequencyPpm: 0.25 }) }),
      "0.250 ppm: too fast without chronyd's correction",
    ],
    ["Frequency", UNREACHABLE, "undefined: not known"],
  ];
  for (const [label, clock, expected] of cases) {
    test(`${label} of a clock that is ${clock.state}: ${expected}`, () => {
      assert.equal(rowOf(label, clock), expected);
    });
  }

  test("say how long the peak lasts, where the agent is known", () => {
    assert.equal(
      rowOf("Peak", factsOf(), 600),
      "0.052 ms: the largest of both in the last 10 min: alerts use it",
    );
    assert.equal(
      rowOf("Peak", factsOf({ peakMs: undefined }), 60),
      "undefined: the agent does not know it yet",
    );
  });
});

test("a push is off, not tried, accepted, or failed with its reason", () => {
  const push = { accepted: 0, failed: 0, acceptedSecondsAgo: undefined, failure: undefined };
  assert.deepEqual(pushRow(undefined), {
    label: "Last push",
    value: "off",
    note: "OTEL_METRICS_EXPORTER does not contain otlp",
  });
  assert.deepEqual(pushRow(push), { label: "Last push", value: undefined, note: "none yet" });
  assert.deepEqual(pushRow({ ...push, accepted: 3, acceptedSecondsAgo: 0 }), {
    label: "Last push",
    value: "0.0 s ago",
    note: "accepted (3 accepted, 0 failed)",
  });
  assert.deepEqual(
    pushRow({ accepted: 3, failed: 1, acceptedSecondsAgo: 30, failure: "It said no." }),
    {
      label: "Last push",
      value: "failed",
      note: "It said no. Last accepted: 30 s ago (3 accepted, 1 failed).",
      tone: "bad",
    },
  );
  assert.equal(
    pushRow({ ...push, failed: 1, failure: "It said no." }).note,
    "It said no. Last accepted: never (0 accepted, 1 failed).",
  );
});

test("a source's columns have titles, widths and ranks", () => {
  assert.deepEqual(
    SOURCE_COLUMNS.map(({ title, width, rank }) => [title, width, rank]),
    [
      ["Strat", 5, 6],
      ["Poll", 7, 5],
      ["Reach", 5, 1],
      ["Heard", 7, 4],
      ["Offset/ms", 9, 2],
      ["+/-", 9, 3],
    ],
  );
  assert.equal(
    SOURCE_COLUMNS_NOTE,
    "Offset: + the clock is ahead of the source, - behind; as of the last sample.",
  );
});

test("a source's columns fit their width, with signs and without a measurement", () => {
  assert.deepEqual(texts({ offsetSeconds: -0.0007, offsetErrorSeconds: 12_345 }), [
    "0",
    "8 s",
    "8/8",
    "5.0 s",
    "-0.7000",
    "1.2e+7",
  ]);
  assert.deepEqual(texts({ offsetSeconds: 1, offsetErrorSeconds: 0 }).slice(4), [
    "+1000",
    "0.0000",
  ]);
  for (const [offsetErrorSeconds, text] of [
    [0.999_999_94, "999.9999"],
    [0.999_999_95, "1000"],
    [9_999.999, "9999999"],
    [10_000, "1.0e+7"],
  ] as const) {
    assert.equal(texts({ offsetErrorSeconds })[5], text);
  }
  assert.equal(texts({ offsetSeconds: 0 })[4], "0.0000");
  assert.deepEqual(
    texts({
      lastSampleAgeSeconds: undefined,
      offsetSeconds: undefined,
      offsetErrorSeconds: undefined,
    }).slice(3),
    ["never", "-", "-"],
  );
});

/** The texts of a source, column by column. */
function texts(source: Parameters<typeof sourceOf>[0]): string[] {
  return SOURCE_COLUMNS.map(({ text }) => text(sourceOf(source)));
}

/** The rows of a check, as `LABEL: VALUE: NOTE`. */
const rowsOf = (utcCheck: ClockFacts["utcCheck"]) =>
  utcCheckRows({ utcCheck }).map(({ label, value, note }) => `${label}: ${value}: ${note}`);

describe("the rows of the check against NTP servers", () => {
  const answered = {
    server: "time.example",
    offsetSeconds: 0.04,
    marginSeconds: 0.0012,
    problem: undefined,
  };
  const silent = {
    server: "[::1]:1123",
    offsetSeconds: undefined,
    marginSeconds: undefined,
    problem: "It did not answer.",
  };

  test("are absent if no server is asked", () => {
    assert.deepEqual(rowsOf(undefined), []);
  });

  test("show that there was no check yet", () => {
    const none = { ageSeconds: undefined, contradiction: undefined, servers: [] };
    assert.deepEqual(rowsOf(none), [
      "UTC check: undefined: none yet, or the clock was stepped since: the next one is within UTC_CHECK_INTERVAL",
    ]);
  });

  test("have a row for each server, whatever it answered", () => {
    const check = { ageSeconds: 200, contradiction: false, servers: [answered, silent, answered] };
    const servers = [
      "UTC server: +40.000 ms: +/- 1.200 ms, time.example (+: the clock is behind)",
      "UTC server: undefined: It did not answer.",
      "UTC server: +40.000 ms: +/- 1.200 ms, time.example (+: the clock is behind)",
    ];
    const note = "2 of 3 NTP servers gave the time, 3 min ago";
    assert.deepEqual(rowsOf(check), [`UTC check: agrees: ${note}`, ...servers]);
    assert.deepEqual(rowsOf({ ...check, contradiction: true }), [
      `UTC check: contradicted: ${note}: none is within the bound`,
      ...servers,
    ]);
    assert.deepEqual(rowsOf({ ...check, contradiction: undefined }), [
      `UTC check: undefined: ${note}`,
      ...servers,
    ]);
    const tonesOf = (contradiction: boolean) =>
      utcCheckRows({ utcCheck: { ...check, contradiction } }).map(({ tone }) => tone);
    assert.deepEqual(tonesOf(false), [undefined, undefined, "warning", undefined]);
    assert.deepEqual(tonesOf(true), ["bad", undefined, "warning", undefined]);
  });
});
