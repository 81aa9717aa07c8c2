// Constructed collections of a few series, and a model of a backend.

import assert from "node:assert/strict";
import { ValueType } from "@opentelemetry/api";
import { millisToHrTime } from "@opentelemetry/core";
import { resourceFromAttributes } from "@opentelemetry/resources";
import {
  AggregationTemporality,
  type DataPoint,
  DataPointType,
  type ResourceMetrics,
} from "@opentelemetry/sdk-metrics";
import { SCOPE } from "../../src/metrics/collection.ts";
import { type Batch, type Series, seriesKey } from "../../src/push/batch.ts";
import { requestOf } from "../../src/push/otlp.ts";

export const RESOURCE = resourceFromAttributes({ "service.name": "chrony-tracker" });

/** A collection with a gauge for each name. */
export function collectionOf(values: Readonly<Record<string, number>>): ResourceMetrics {
  // The times of points are not used, because the clocks of a collection have its time.
  const time = millisToHrTime(0);
  return {
    resource: RESOURCE,
    scopeMetrics: [
      {
        scope: SCOPE,
        metrics: Object.entries(values).map(([name, value]) => ({
          descriptor: descriptorOf(name),
          dataPointType: DataPointType.GAUGE,
          aggregationTemporality: AggregationTemporality.CUMULATIVE,
          dataPoints: [{ startTime: time, endTime: time, attributes: {}, value }],
        })),
      },
    ],
  };
}

/** A series without attributes. */
export function seriesNamed(name: string): Series {
  return {
    key: seriesKey(name, {}),
    descriptor: descriptorOf(name),
    kind: "gauge",
    attributes: {},
  };
}

function descriptorOf(name: string) {
  return { name, description: "", unit: "", valueType: ValueType.DOUBLE };
}

/** One point of a request. */
export type Sent = {
  readonly name: string;
  readonly timeMs: number;
  readonly value: number | "ends";
};

/** The points of a request: series after series, in the request's order. */
export function sentIn(batches: readonly Batch[]): Sent[] {
  const { scopeMetrics } = requestOf(batches, RESOURCE);
  return scopeMetrics.flatMap(({ metrics }) =>
    metrics.flatMap(({ descriptor, dataPoints }) =>
      (dataPoints as DataPoint<number>[]).map(({ endTime: [seconds, nanoseconds], value }) => ({
        name: descriptor.name,
        timeMs: seconds * 1000 + nanoseconds / 1e6,
        value: Number.isNaN(value) ? ("ends" as const) : value,
      })),
    ),
  );
}

/** Holds samples as Prometheus with an out-of-order window does: any order, one value at a time. */
export class ModelBackend {
  readonly #samples = new Map<string, Map<number, Sent["value"]>>();

  /** Writes a request's points. No backend accepts a second value at the same time. */
  write(points: readonly Sent[]): void {
    for (const { name, timeMs, value } of points) {
      const series = this.#samples.get(name) ?? new Map<number, Sent["value"]>();
      this.#samples.set(name, series);
      assert.ok(
        !series.has(timeMs) || series.get(timeMs) === value,
        `${name} has ${series.get(timeMs)} and ${value} at ${timeMs}`,
      );
      series.set(timeMs, value);
    }
  }

  /** A series' samples in the order of their times. */
  samplesOf(name: string): (readonly [timeMs: number, value: Sent["value"]])[] {
    return [...(this.#samples.get(name) ?? [])].toSorted(([a], [b]) => a - b);
  }

  /** Whether it has a newer sample of a series, as a Prometheus without that window rejects. */
  isOutOfOrder({ name, timeMs, value }: Sent): boolean {
    const newest = this.samplesOf(name).at(-1);
    return (
      newest !== undefined && (newest[0] > timeMs || (newest[0] === timeMs && newest[1] !== value))
    );
  }
}
