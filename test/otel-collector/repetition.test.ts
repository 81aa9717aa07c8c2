// A push that is repeated because its first answer was lost: pushes made by hand, a real collector (the version of
// builder.yaml) with the shipped configuration, and a real Prometheus, with and without the setting that
// otel-collector/README.md requires.

import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { suiteScope } from "../parts/suite-scope.ts";
import {
  type CollectorWithPrometheus,
  startCollectorWithPrometheus,
} from "./collector-with-prometheus.ts";
import { gauge, nodeResource, type Point, type PushAnswer, push, sentHeader } from "./otlp.ts";

const NAME = "chrony_clock_error_ms";

for (const [window, description] of [
  ["30m", "Prometheus with out_of_order_time_window: 30m"],
  ["0s", "Prometheus as it comes"],
] as const) {
  describe(`the same push again, to ${description}`, () => {
    const scope = suiteScope();
    let parts: CollectorWithPrometheus;

    before(async () => {
      parts = await startCollectorWithPrometheus(scope, { outOfOrderTimeWindow: window });
    });

    function pushFrom(nodeName: string, ...points: Point[]): Promise<PushAnswer> {
      return push(parts.collector.otlpUrl, {
        resource: nodeResource(nodeName),
        metrics: [gauge(NAME, ...points)],
        // Each attempt has its own header.
        sent: sentHeader(Date.now()),
      });
    }

    async function assertHeld(nodeName: string, ...points: Point[]): Promise<void> {
      const nowSeconds = Date.now() / 1_000;
      const [series] = await parts.prometheus.series(
        `${NAME}{instance="${nodeName}"}`,
        nowSeconds - 3_600,
        nowSeconds,
      );
      assert.deepEqual(
        series?.samples,
        points.map(({ timeMs, value }) => ({
          value,
          timestampSeconds: timeMs / 1_000,
        })),
      );
    }

    test("is accepted with one point per series, and counts once", async () => {
      const point = { timeMs: Date.now(), value: 1 };
      assert.equal((await pushFrom("one-point", point)).status, 200);
      assert.equal((await pushFrom("one-point", point)).status, 200);
      await assertHeld("one-point", point);
    });

    test(`is ${window === "0s" ? "rejected" : "accepted"} with several points per series`, async () => {
      const timeMs = Date.now();
      const points = [
        { timeMs: timeMs - 60_000, value: 1 },
        { timeMs: timeMs - 30_000, value: 2 },
        { timeMs, value: 3 },
      ];
      assert.equal((await pushFrom("backlog", ...points)).status, 200);
      // Without the window, all samples but the newest are out of order for Prometheus.
      assert.equal((await pushFrom("backlog", ...points)).status, window === "0s" ? 500 : 200);
      await assertHeld("backlog", ...points);
    });
  });
}
