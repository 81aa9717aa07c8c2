// Collections of the real OpenTelemetry SDK. node:test's mock moves the wall clock of the process (Date), which the SDK
// uses for times and comparisons.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { millisToHrTime } from "@opentelemetry/core";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { DataPointType } from "@opentelemetry/sdk-metrics";
import * as fc from "fast-check";
import { METRICS } from "../../src/metrics/catalogue.ts";
import { collect } from "../../src/metrics/collection.ts";
import type { Metric, Observation } from "../../src/metrics/metric.ts";
import { VERSION } from "../../src/version.ts";
import {
  anyTracking,
  clocksAt,
  LOCAL,
  reading,
  unansweredReading,
  WALL_AT_START_MS,
} from "../clock/reports.ts";
import { metricsOf, observation, onlyValueOf, pointsOf } from "./observations.ts";

const HOUR_MS = 3_600_000;
const RESOURCE = resourceFromAttributes({ "service.name": "chrony-tracker" });

/** A gauge and a counter that are sometimes observed, and a series whose label changes. */
function catalogue(now: {
  readonly gauge?: number;
  readonly counter?: number;
  readonly label?: string;
}): readonly Metric[] {
  return [
    { name: "some_gauge", kind: "gauge", help: "A gauge.", value: () => now.gauge },
    { name: "some_total", kind: "counter", help: "A counter.", value: () => now.counter },
    {
      name: "some_info",
      kind: "gauge",
      help: "With a label.",
      labels: ["label"],
      values: () => (now.label === undefined ? [] : [{ labels: { label: now.label }, value: 1 }]),
    },
  ];
}

test("a collection has the agent's name and version as its scope", async () => {
  const { scopeMetrics } = await collect(RESOURCE, METRICS, observation());
  assert.deepEqual(
    scopeMetrics.map(({ scope }) => [scope.name, scope.version]),
    [["chrony-tracker", VERSION]],
  );
});

describe("what is not observed is not in a collection:", () => {
  test("a gauge and a counter that were never observed", async () => {
    const collected = await collect(RESOURCE, catalogue({}), observation());
    assert.deepEqual(pointsOf(collected), []);
    assert.deepEqual(metricsOf(collected), [], "not even a metric without points");
  });

  for (const backMs of [0, HOUR_MS]) {
    const clock = backMs === 0 ? "going on" : "gone back an hour";
    test(`a gauge, a counter and a label that were observed before, the wall clock ${clock}`, async (t) => {
      t.mock.timers.enable({ apis: ["Date"], now: WALL_AT_START_MS });
      const before = catalogue({ gauge: 7, counter: 7, label: "before" });
      await collect(RESOURCE, before, observation());
      t.mock.timers.setTime(WALL_AT_START_MS + 1_000 - backMs);
      const collected = await collect(RESOURCE, catalogue({}), observation());
      assert.deepEqual(pointsOf(collected), []);
    });

    test(`an observed value is the current one, the wall clock ${clock}`, async (t) => {
      t.mock.timers.enable({ apis: ["Date"], now: WALL_AT_START_MS });
      const before = catalogue({ gauge: 7, counter: 7, label: "before" });
      await collect(RESOURCE, before, observation());
      t.mock.timers.setTime(WALL_AT_START_MS + 1_000 - backMs);
      const now = catalogue({ gauge: 99, counter: 8, label: "now" });
      const collected = await collect(RESOURCE, now, observation());
      assert.deepEqual(
        pointsOf(collected).map(({ name, attributes, value }) => [name, attributes, value]),
        [
          ["some_gauge", {}, 99],
          ["some_total", {}, 8],
          ["some_info", { label: "now" }, 1],
        ],
      );
    });
  }

  test("chronyd's values when it does not answer", async () => {
    await collect(RESOURCE, METRICS, observation(reading(clocksAt(12_000))));
    const silent = await collect(
      RESOURCE,
      METRICS,
      observation(unansweredReading(clocksAt(13_000))),
    );
    assert.equal(onlyValueOf(silent, "chrony_clock_error_ms"), undefined);
    assert.equal(onlyValueOf(silent, "chrony_tracking_stratum"), undefined);
    assert.equal(onlyValueOf(silent, "chrony_up"), 0);
  });
});

describe("the time of a point", () => {
  const reply = reading(clocksAt(12_000, -HOUR_MS));

  test("is that of its poll, whenever it is collected, for every series", async (t) => {
    t.mock.timers.enable({ apis: ["Date"], now: WALL_AT_START_MS + HOUR_MS });
    const points = pointsOf(
      await collect(RESOURCE, METRICS, observation(reading(clocksAt(12_000)))),
    );
    assert.ok(points.length > 25);
    for (const { endTime } of points) {
      assert.deepEqual(endTime, millisToHrTime(WALL_AT_START_MS + 12_000));
    }
  });

  test("begins at the agent's start, for a counter", async () => {
    const collected = await collect(RESOURCE, METRICS, observation());
    for (const { startTime } of pointsOf(collected)) {
      assert.deepEqual(startTime, millisToHrTime(WALL_AT_START_MS));
    }
  });

  test("does not begin after it ends, when the wall clock was stepped back behind the start", async () => {
    for (const { startTime, endTime } of pointsOf(
      await collect(RESOURCE, METRICS, observation(reply)),
    )) {
      assert.deepEqual(endTime, millisToHrTime(WALL_AT_START_MS + 12_000 - HOUR_MS));
      assert.deepEqual(startTime, endTime);
    }
  });
});

describe("the kind of a metric is kept:", () => {
  test("a gauge is a gauge, a counter a monotonic sum", async () => {
    const kinds = new Map(METRICS.map(({ name, kind }) => [name, kind]));
    for (const metric of metricsOf(await collect(RESOURCE, METRICS, observation()))) {
      const { name } = metric.descriptor;
      if (kinds.get(name) === "counter") {
        assert.equal(metric.dataPointType, DataPointType.SUM, name);
        assert.equal(metric.dataPointType === DataPointType.SUM && metric.isMonotonic, true, name);
      } else {
        assert.equal(metric.dataPointType, DataPointType.GAUGE, name);
      }
    }
  });
});

test("a collection has the resource and the help, and no unit", async () => {
  const collected = await collect(RESOURCE, catalogue({ gauge: 1 }), observation());
  assert.equal(collected.resource, RESOURCE);
  const [metric] = metricsOf(collected);
  assert.equal(metric?.descriptor.description, "A gauge.");
  assert.equal(metric?.descriptor.unit, "");
});

test("a value that cannot be computed is an error, not an incomplete collection", async () => {
  const faulty: Metric = {
    name: "faulty",
    kind: "gauge",
    help: "Throws.",
    value: () => {
      throw new Error("a bug");
    },
  };
  await assert.rejects(collect(RESOURCE, [faulty], observation()), ({ errors }: AggregateError) =>
    String(errors[0]).includes("a bug"),
  );
});

test("no value is ever NaN or infinite, whatever chronyd reports and the clocks do", async () => {
  const anyObservation: fc.Arbitrary<Observation> = fc
    .record({
      tracking: fc.oneof(anyTracking, fc.constant(LOCAL), fc.constant(undefined)),
      monotonicMs: fc.integer({ min: 0, max: 2 ** 40 }),
      steppedMs: fc.integer({ min: -WALL_AT_START_MS, max: WALL_AT_START_MS }),
    })
    .map(({ tracking, monotonicMs, steppedMs }) => {
      const clocks = clocksAt(monotonicMs, steppedMs);
      return observation(
        tracking === undefined ? unansweredReading(clocks) : reading(clocks, tracking),
      );
    });
  await fc.assert(
    fc.asyncProperty(anyObservation, async (anything) => {
      for (const { name, value } of pointsOf(await collect(RESOURCE, METRICS, anything))) {
        assert.ok(Number.isFinite(value), `${name} is ${value}`);
      }
    }),
  );
});
