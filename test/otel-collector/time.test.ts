// The times of points, and the collector's offset of a node: pushes made by hand, a real collector (the version of
// builder.yaml) with the shipped configuration, and a real Prometheus.

import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import type { Sample } from "../parts/prometheus.ts";
import { suiteScope } from "../parts/suite-scope.ts";
import {
  type CollectorWithPrometheus,
  startCollectorWithPrometheus,
} from "./collector-with-prometheus.ts";
import { gauge, nodeResource, type PushAnswer, push, sentHeader } from "./otlp.ts";

const RANGE_SECONDS = 4 * 3_600;
/** `Date.now()` is truncated to milliseconds. */
const CLOCK_RESOLUTION_MS = 1;

describe("the collector's clock and the node's", () => {
  const scope = suiteScope();
  let parts: CollectorWithPrometheus;

  before(async () => {
    parts = await startCollectorWithPrometheus(scope);
  });

  /** A push from a node whose clock is off: one point of now and one of 5 s ago. */
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
        gauge(
          "chrony_up",
          { timeMs: nodeNowMs - 5_000, value: 1 },
          { timeMs: nodeNowMs, value: 1 },
        ),
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

  for (const [off, offMs] of [
    ["a minute ahead", 60_000],
    ["twenty minutes behind", -20 * 60_000],
    ["three seconds ahead", 3_000],
    ["three seconds behind", -3_000],
  ] as const) {
    const nodeName = off.replaceAll(" ", "-");

    test(`the points of a node that is ${off} keep their times, because the agent corrects them`, async () => {
      const nodeNowMs = Date.now() + offMs;
      const { status, body } = await pushFrom(nodeName, nodeNowMs);
      assert.equal(status, 200, body);
      const samples = await samplesOf("chrony_clock_error_ms", nodeName);
      assert.deepEqual(
        samples.map(({ timestampSeconds }) => timestampSeconds),
        [nodeNowMs - 5_000, nodeNowMs].map((timeMs) => timeMs / 1_000),
      );
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
      // The collector's clock minus the node's, plus the duration of the request. This process reads the same clock
      // truncated to milliseconds, so the push can have ended up to 1 ms later.
      const leastSeconds = -offMs / 1_000;
      const mostSeconds = (afterMs + CLOCK_RESOLUTION_MS - beforeMs - offMs) / 1_000;
      assert.ok(sample.value >= leastSeconds && sample.value <= mostSeconds, `${sample.value} s`);
      assert.ok(
        sample.timestampSeconds >= beforeMs / 1_000 && sample.timestampSeconds <= afterMs / 1_000,
        "its time is the collector's own",
      );
    });
  }

  test("without the header there is no offset", async () => {
    const nodeNowMs = Date.now() - 10 * 60_000;
    const { status, body } = await push(parts.collector.otlpUrl, {
      resource: { ...nodeResource("foreign"), received_us: "made up" },
      metrics: [
        gauge("chrony_clock_error_ms", { timeMs: nodeNowMs, value: 1 }),
        gauge("chrony_up", { timeMs: nodeNowMs, value: 1 }),
      ],
    });
    assert.equal(status, 200, body);
    assert.deepEqual(await samplesOf("chrony_clock_error_ms", "foreign"), [
      { value: 1, timestampSeconds: nodeNowMs / 1_000 },
    ]);
    assert.deepEqual(await samplesOf("chrony_collector_offset_seconds", "foreign"), []);
  });

  test("a header that is not a number rejects the whole push", async () => {
    const { status } = await pushFrom("unreadable", Date.now(), "soon");
    assert.equal(status, 503);
    assert.deepEqual(await samplesOf("chrony_clock_error_ms", "unreadable"), []);
  });
});
