// Names, labels and ends of series: pushes made by hand, a real collector (the version of builder.yaml) with the shipped
// configuration, and a real Prometheus.

import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { CLUSTER } from "../parts/collector.ts";
import { suiteScope } from "../parts/suite-scope.ts";
import {
  type CollectorWithPrometheus,
  startCollectorWithPrometheus,
} from "./collector-with-prometheus.ts";
import { counter, gauge, type Metric, nodeResource, push } from "./otlp.ts";

describe("the series that the collector writes", () => {
  const scope = suiteScope();
  let parts: CollectorWithPrometheus;

  before(async () => {
    parts = await startCollectorWithPrometheus(scope);
  });

  async function pushFrom(nodeName: string, ...metrics: Metric[]): Promise<void> {
    const { status, body } = await push(parts.collector.otlpUrl, {
      resource: nodeResource(nodeName),
      metrics,
    });
    assert.equal(status, 200, body);
  }

  test("have exactly the designed labels, and the point's own", async () => {
    const timeMs = Date.now();
    await pushFrom(
      "node-1",
      gauge("chrony_up", { timeMs, value: 1 }),
      gauge(
        "chrony_sync_state",
        { timeMs, value: 1, attributes: { state: "synchronised" } },
        { timeMs, value: 0, attributes: { state: "stale" } },
      ),
    );

    const everything = await parts.prometheus.query('{instance="node-1"}');

    const sender = {
      cluster: CLUSTER,
      job: "chrony-tracker",
      instance: "node-1",
      k8s_node_name: "node-1",
      k8s_namespace_name: "chrony-tracker",
    };
    assert.deepEqual(
      new Set(everything.map(({ labels }) => labels)),
      new Set([
        { __name__: "chrony_up", ...sender },
        { __name__: "chrony_sync_state", state: "synchronised", ...sender },
        { __name__: "chrony_sync_state", state: "stale", ...sender },
      ]),
    );
  });

  test("keep their names: no suffix is added and none is lost", async () => {
    const point = { timeMs: Date.now(), value: 7 };
    await pushFrom(
      "node-2",
      gauge("chrony_clock_error_ms", point),
      gauge("chrony_reference_age_seconds", point),
      counter("chrony_clock_steps_total", point),
      counter("chrony_tracker_backlog_points", point),
    );

    const everything = await parts.prometheus.query('{instance="node-2"}');

    assert.deepEqual(
      new Set(everything.map(({ labels: { __name__ } }) => __name__)),
      new Set([
        "chrony_clock_error_ms",
        "chrony_reference_age_seconds",
        "chrony_clock_steps_total",
        "chrony_tracker_backlog_points",
      ]),
    );
  });

  test("end at once with the agent's staleness markers, and not before", async () => {
    const { prometheus } = parts;
    const endMs = Date.now();
    const point = { timeMs: endMs - 10_000, value: 3 };
    const source = { ...point, attributes: { source_address: "192.0.2.1" } };
    const otherSource = { ...point, attributes: { source_address: "192.0.2.2" } };
    await pushFrom(
      "node-3",
      gauge("chrony_clock_error_ms", point),
      gauge("chrony_sources_last_sample_age_seconds", source, otherSource),
    );
    const now = { timeMs: endMs, value: "ends" } as const;
    await pushFrom(
      "node-3",
      gauge("chrony_clock_error_ms", now),
      gauge("chrony_sources_last_sample_age_seconds", {
        ...now,
        attributes: { source_address: "192.0.2.1" },
      }),
    );

    const shownAt = async (timeMs: number) => {
      const found = await prometheus.query('{instance="node-3"}', timeMs / 1_000);
      return new Set(
        found.map(({ labels: { __name__, source_address: address = "" }, value }) => ({
          __name__,
          address,
          value,
        })),
      );
    };
    const error = { __name__: "chrony_clock_error_ms", address: "", value: 3 };
    const age = { __name__: "chrony_sources_last_sample_age_seconds", value: 3 };
    const withheldAge = { ...age, address: "192.0.2.1" };
    const otherAge = { ...age, address: "192.0.2.2" };
    assert.deepEqual(await shownAt(endMs - 1), new Set([error, withheldAge, otherAge]));
    assert.deepEqual(await shownAt(endMs), new Set([otherAge]));

    // A series that has ended can continue.
    const laterMs = endMs + 1_000;
    await pushFrom("node-3", gauge("chrony_clock_error_ms", { timeMs: laterMs, value: 4 }));
    assert.deepEqual(await shownAt(laterMs), new Set([{ ...error, value: 4 }, otherAge]));
  });
});
