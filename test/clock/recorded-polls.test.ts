// Replies of real chronyds (Debian's 4.3) whose sources are polled every 64 to 1024 s, recorded once over up to 75 minutes,
// byte for byte (tools/record-polls.ts), and assessed as by the agent. A source that is polled every 1024 s would be stale
// 2.3 h after its end; it is recorded for 75 minutes only.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { followedAmong } from "../../src/chrony/followed-source.ts";
import { decodeReply, type Report } from "../../src/chrony/packet.ts";
import { sourceData } from "../../src/chrony/source-data.ts";
import { tracking } from "../../src/chrony/tracking.ts";
import { type ClockHistory, withReading } from "../../src/clock/assessment.ts";
import { success } from "../../src/result.ts";

const PEAK_WIDTH_MS = 60_000;

type Line = readonly [
  monotonicMs: number,
  wallMs: number,
  trackingReply: string,
  sourceReplies: readonly string[],
];

function decoded<Content>(report: Report<Content>, base64: string): Content {
  const result = decodeReply(report, Buffer.from(base64, "base64"));
  assert.ok(result.ok, JSON.stringify(result));
  return result.value;
}

/** The assessment after each recorded poll. */
function replay(name: string): ClockHistory[] {
  const file = new URL(`recorded-polls/${name}.jsonl`, import.meta.url);
  const [, ...lines] = readFileSync(file, "utf8").trim().split("\n");
  const histories: ClockHistory[] = [];
  for (const [index, line] of lines.entries()) {
    const [monotonicMs, wallMs, trackingReply, sourceReplies]: Line = JSON.parse(line);
    const report = decoded(tracking, trackingReply);
    const sources = sourceReplies.map((reply) => decoded(sourceData(0), reply));
    const reading = {
      number: index + 1,
      clocks: { wallMs, monotonicMs, bracketMs: 0, suspendedMs: 0 },
      durationSeconds: 0,
      tracking: success(report),
      followed: report.leapStatus === "unsynchronised" ? undefined : followedAmong(sources, report),
      upstreamIsLocal: undefined,
    };
    histories.push(withReading(histories.at(-1), reading, PEAK_WIDTH_MS));
  }
  return histories;
}

/** The states in the order in which they came. */
function statesOf(name: string): string[] {
  const states = replay(name).map(({ state }) => state);
  return states.filter((state, index) => state !== states[index - 1]);
}

describe("a healthy source is never stale:", () => {
  const names = [
    "healthy-6",
    "healthy-8",
    "healthy-10",
    "healthy-default",
    "healthy-filter-20",
    "healthy-reference-clock-8",
    "burst-10",
    "offline-8",
  ];
  for (const name of names) {
    test(name, () => assert.deepEqual(statesOf(name), ["unsynchronised", "synchronised"]));
  }
});

describe("a dead source is stale within ten polls:", () => {
  const cases: readonly (readonly [name: string, states: readonly string[]])[] = [
    ["dead-6", ["stale"]],
    ["dead-8", ["stale"]],
    ["dead-after-outage-6", ["stale", "synchronised", "stale"]],
    ["dead-of-two-6", ["stale", "synchronised"]],
    ["dead-filter-5", ["stale"]],
  ];
  for (const [name, states] of cases) {
    test(name, () => {
      assert.deepEqual(statesOf(name), ["unsynchronised", "synchronised", ...states]);
      for (const { state, source } of replay(name)) {
        const polls =
          (source?.report.latestMeasurement?.ageSeconds ?? 0) / (source?.pollSeconds ?? 1);
        if (state === "synchronised") {
          // A filtered sample is older when it arrives: half of its five polls.
          assert.ok(polls <= (name === "dead-filter-5" ? 14 : 10), `${polls} polls`);
        }
      }
    });
  }

  test("dead-10, as far as it is recorded: four polls without an answer are not yet eight", () => {
    assert.deepEqual(statesOf("dead-10"), ["unsynchronised", "synchronised"]);
  });
});
