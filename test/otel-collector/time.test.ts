// How points get the right time: pushes made by hand, a real collector (the version of builder.yaml)
// with the shipped configuration, and a real Prometheus.

import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import type { Sample } from "../parts/prometheus.ts";
import { suiteScope } from "../parts/suite-scope.ts";
import {
  type CollectorWithPrometheus,
  startCollectorWithPrometheus,
} from "./collector-with-prometheus.ts";
import { gauge, nodeResource, type PushAnswer, push, sentHeader, sentPlaceholder } from "./otlp.ts";

const HOUR_MS = 3_600_000;
const RANGE_SECONDS = 4 * 3_600;
/** `Date.now()` cuts to whole milliseconds. */
const CLOCK_RESOLUTION_MS = 1;

describe("the collector's clock against the node's", () => {
  const scope = suiteScope();
  let parts: CollectorWithPrometheus;

  before(async () => {
    parts = await startCollectorWithPrometheus(scope);
  });

  /** A push from a node whose clock is off: one point of now, one of 5 s ago, and the placeholder. */
  async function pushFrom(
    nodeName: string,
    nodeNowMs: number,
    sent: string | undefined = sentHeader(nodeNowMs),
  ): Promise<PushAnswer> {
    return push(parts.collector.otlpUrl, {
      resource: nodeResource(nodeName),
      metrics: [
        gauge(
          "chrony_clock_error_ms",
          { timeMs: nodeNowMs - 5_000, value: 1 },
          { timeMs: nodeNowMs, value: 2 },
        ),
        sentPlaceholder(nodeNowMs),
      ],
      sent,
    });
  }

  async function samplesOf(name: string, nodeName: string): Promise<readonly Sample[]> {
    const nowSeconds = Date.now() / 1_000;
    const found = await parts.prometheus.series(
      `${name}{instance="${nodeName}"}`,
      nowSeconds - RANGE_SECONDS,
      nowSeconds + RANGE_SECONDS,
    );
    assert.ok(found.length <= 1, `${found.length} series of ${name}`);
    return found[0]?.samples ?? [];
  }

  test("a healthy node's points keep their own time, to the millisecond", async () => {
    const nowMs = Date.now();
    const { status, body } = await pushFrom("healthy", nowMs);
    assert.equal(status, 200, body);
    assert.deepEqual(await samplesOf("chrony_clock_error_ms", "healthy"), [
      { value: 1, timestampSeconds: (nowMs - 5_000) / 1_000 },
      { value: 2, timestampSeconds: nowMs / 1_000 },
    ]);
  });

  test("a clock less than 2 s off is left alone, so that each retry has the same time", async () => {
    for (const [nodeName, offMs] of [
      ["a-little-ahead", 1_900],
      ["a-little-behind", -1_500],
    ] as const) {
      const nodeNowMs = Date.now() + offMs;
      const { status, body } = await pushFrom(nodeName, nodeNowMs);
      assert.equal(status, 200, body);
      const samples = await samplesOf("chrony_clock_error_ms", nodeName);
      assert.equal(samples.at(-1)?.timestampSeconds, nodeNowMs / 1_000);
    }
  });

  for (const [off, offMs] of [
    ["an hour ahead", HOUR_MS],
    ["two hours behind", -2 * HOUR_MS],
    ["three seconds ahead", 3_000],
    ["three seconds behind", -3_000],
  ] as const) {
    const nodeName = off.replaceAll(" ", "-");

    test(`the points of a node that is ${off} land at the right second`, async () => {
      const nowMs = Date.now();
      const nodeNowMs = nowMs + offMs;
      const { status, body } = await pushFrom(nodeName, nodeNowMs);
      assert.equal(status, 200, body);
      const [earlier, later] = await samplesOf("chrony_clock_error_ms", nodeName);
      assert.ok(earlier !== undefined && later !== undefined);
      const stillOffSeconds = later.timestampSeconds - nowMs / 1_000;
      assert.ok(Math.abs(stillOffSeconds) <= 1, `still off by ${stillOffSeconds} s`);
      const movedSeconds = later.timestampSeconds - nodeNowMs / 1_000;
      assert.match(movedSeconds.toFixed(3), /\.000$/, "by whole seconds");
      const apartSeconds = later.timestampSeconds - earlier.timestampSeconds;
      assert.equal(apartSeconds.toFixed(3), "5.000", "all points by the same amount");
    });

    test(`the offset of a node that is ${off} is published`, async () => {
      const beforeMs = Date.now();
      const { status, body } = await pushFrom(`${nodeName}-offset`, beforeMs + offMs);
      assert.equal(status, 200, body);
      const afterMs = Date.now();
      const [sample, ...others] = await samplesOf(
        "chrony_collector_offset_seconds",
        `${nodeName}-offset`,
      );
      assert.ok(sample !== undefined);
      assert.deepEqual(others, []);
      // The collector's clock minus the node's, to which the way there adds. This process reads the
      // same clock cut to whole milliseconds: the push can have ended up to one later than it shows.
      const leastSeconds = -offMs / 1_000;
      const mostSeconds = (afterMs + CLOCK_RESOLUTION_MS - beforeMs - offMs) / 1_000;
      assert.ok(sample.value >= leastSeconds && sample.value <= mostSeconds, `${sample.value} s`);
      assert.ok(
        sample.timestampSeconds >= beforeMs / 1_000 && sample.timestampSeconds <= afterMs / 1_000,
        "its time is the collector's own",
      );
    });
  }

  test("a late push of a node whose clock is known to agree keeps its points' times", async () => {
    const sentMs = Date.now() - 10_000;
    const { status, body } = await push(parts.collector.otlpUrl, {
      resource: nodeResource("late"),
      metrics: [gauge("chrony_clock_error_ms", { timeMs: sentMs, value: 1 })],
      sent: sentHeader(sentMs),
      clock: "agrees",
    });
    assert.equal(status, 200, body);
    const [sample] = await samplesOf("chrony_clock_error_ms", "late");
    assert.equal(sample?.timestampSeconds, sentMs / 1_000);
  });

  test("without the header nothing is moved and no offset is made up", async () => {
    const nodeNowMs = Date.now() - 10 * 60_000;
    const { status, body } = await push(parts.collector.otlpUrl, {
      resource: { ...nodeResource("foreign"), "chrony_tracker.offset_us": "made up" },
      metrics: [
        gauge("chrony_clock_error_ms", { timeMs: nodeNowMs, value: 1 }),
        sentPlaceholder(nodeNowMs),
      ],
    });
    assert.equal(status, 200, body);
    assert.deepEqual(await samplesOf("chrony_clock_error_ms", "foreign"), [
      { value: 1, timestampSeconds: nodeNowMs / 1_000 },
    ]);
    assert.deepEqual(await samplesOf("chrony_collector_offset_seconds", "foreign"), []);
  });

  test("a header that is no number refuses the push: nothing is let through half done", async () => {
    const { status } = await pushFrom("unreadable", Date.now(), "soon");
    assert.equal(status, 503);
    assert.deepEqual(await samplesOf("chrony_clock_error_ms", "unreadable"), []);
  });
});
