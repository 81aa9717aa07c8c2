// Collections in the backlog (src/push/batch.ts): their content and size.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { AggregationTemporality, DataPointType } from "@opentelemetry/sdk-metrics";
import {
  type Batch,
  batchOf,
  memoryOf,
  type SeriesValue,
  seriesKey,
  seriesValuesOf,
} from "../../src/push/batch.ts";
import { exportOnce, requestOf } from "../../src/push/otlp.ts";
import { clocksAt } from "../clock/reports.ts";
import { collectionOf, RESOURCE, seriesNamed } from "./points.ts";

const MOMENT = { clocks: clocksAt(1_000), countedMs: 60_000, sentMs: undefined };

describe("a series", () => {
  test("is the same whatever the order of its attributes", () => {
    const key = seriesKey("a", { x: "1", y: "2", z: "3" });
    assert.equal(seriesKey("a", { z: "3", x: "1", y: "2" }), key);
    assert.notEqual(seriesKey("a", { x: "2", y: "1", z: "3" }), key);
    assert.notEqual(seriesKey("b", { x: "1", y: "2", z: "3" }), key);
  });

  test("is not made again when it is known", () => {
    const [first] = seriesValuesOf(collectionOf({ a: 1 }), new Map());
    assert.ok(first !== undefined);
    const known = new Map([[first.series.key, first]]);
    const [again, other] = seriesValuesOf(collectionOf({ a: 2, b: 3 }), known);
    assert.deepEqual([again?.value, other?.value], [2, 3]);
    assert.equal(again?.series, first.series);
    assert.equal(other?.series.kind, "gauge");
  });

  test("is a counter where the SDK has a sum", () => {
    const { resource, scopeMetrics } = collectionOf({ a: 1 });
    const metrics = scopeMetrics.flatMap((scope) =>
      scope.metrics.map((metric) => ({
        ...metric,
        dataPointType: DataPointType.SUM as const,
        aggregationTemporality: AggregationTemporality.CUMULATIVE,
        isMonotonic: true,
        dataPoints: [],
      })),
    );
    const scope = { name: "a" };
    const sums = metrics.map((metric) => ({ ...metric, dataPoints: pointsOfOne() }));
    const [found] = seriesValuesOf(
      { resource, scopeMetrics: [{ scope, metrics: sums }] },
      new Map(),
    );
    assert.equal(found?.series.kind, "counter");
  });
});

function pointsOfOne() {
  const time: [number, number] = [0, 0];
  return [{ startTime: time, endTime: time, attributes: {}, value: 1 }];
}

test("a batch says what it takes in a request: no less, and 80 bytes a point more at the most", async () => {
  const all = points(300, (index) => index % 7);
  const emptyBytes = await bytesOf([]);
  for (const batch of [batchOf(MOMENT, all), ...all.map((point) => batchOf(MOMENT, [point]))]) {
    const unsaid = (await bytesOf([batch])) - emptyBytes - batch.requestBytes;
    assert.ok(unsaid <= 0, `${unsaid} bytes more`);
    assert.ok(unsaid >= -80 * batch.series.length, `${unsaid} for ${batch.series.length}`);
  }
});

/** What a request takes. */
async function bytesOf(batches: readonly Batch[]): Promise<number> {
  const body = await exportOnce(requestOf(batches, RESOURCE), async (request) => request);
  return body.byteLength;
}

test("what a batch takes in a request is the sum of what its points take", () => {
  const all = points(2, () => 3);
  const [first = 0, second = 0] = all.map((point) => batchOf(MOMENT, [point]).requestBytes);
  assert.equal(batchOf(MOMENT, all).requestBytes, first + second);
});

describe("what waits takes in memory", () => {
  test("nothing where nothing waits", () => assert.equal(memoryOf([]), 0));

  test("16 bytes a point and 400 more for a further collection of the same series", () => {
    const all = points(100, () => 3);
    assert.equal(memory(all, all) - memory(all), 400 + 100 * 16);
  });

  test("its texts, of two bytes a character, and 400 more for a further series", () => {
    const [first, second] = [points(1, () => 3), points(2, () => 3)];
    const { length } = second[1]?.series.key ?? "";
    assert.equal(memory(second) - memory(first), 16 + 400 + 2 * length);
  });
});

function memory(...collections: SeriesValue[][]): number {
  return memoryOf(collections.map((one) => batchOf(MOMENT, one)));
}

/** Points of sums and gauges, with as much as JSON has to escape as is said. */
function points(count: number, lengthOf: (index: number) => number): SeriesValue[] {
  return Array.from({ length: count }, (_, index) => {
    const name = `series_${String(index).padStart(3, "0")}`;
    const attributes = { "a\n": '\u0001ünïcödé "quoted"'.repeat(lengthOf(index)), b: "1" };
    const { descriptor } = seriesNamed(name);
    const kind = index % 2 === 0 ? "gauge" : "counter";
    const series = {
      ...seriesNamed(name),
      kind,
      attributes,
      key: seriesKey(name, attributes),
      descriptor: { ...descriptor, description: `It is "${name}".` },
    } as const;
    return { series, value: -1.2345678901234567e-200 };
  });
}
