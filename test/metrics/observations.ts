// The observations of the tests in test/metrics/, and how they read collections.

import type { Attributes, HrTime } from "@opentelemetry/api";
import type { DataPoint, MetricData, ResourceMetrics } from "@opentelemetry/sdk-metrics";
import { assess, withReading } from "../../src/clock/assessment.ts";
import type { Observation } from "../../src/metrics/metric.ts";
import { clocksAt, reading, WALL_AT_START_MS } from "../clock/reports.ts";

const INTERVAL_MS = 1_000;
const WIDTH_MS = 60_000;

/** The agent's knowledge 12 s after its start, right after a poll and before the first push. */
export function observation(
  newest = reading(clocksAt(12_000)),
  overrides: Partial<Observation> = {},
): Observation {
  const history = withReading(undefined, newest, WIDTH_MS);
  return {
    assessment: assess(history, newest.clocks, INTERVAL_MS),
    optional: undefined,
    utcCheck: undefined,
    ptpClocks: [],
    startedWallMs: WALL_AT_START_MS,
    readingDurationSeconds: newest.durationSeconds,
    readings: { success: 12, failure: 3 },
    exports: { success: 0, failure: 0, lastSuccessWallMs: undefined },
    backlog: { points: 0, dropped: { age: 0, bytes: 0, rejected: 0 } },
    ...overrides,
  };
}

/** One point of a collection, with its metric. */
export type Point = {
  readonly name: string;
  readonly attributes: Attributes;
  readonly value: number;
  readonly startTime: HrTime;
  readonly endTime: HrTime;
};

/** The metrics of a collection. */
export function metricsOf(collected: ResourceMetrics): MetricData[] {
  return collected.scopeMetrics.flatMap(({ metrics }) => metrics);
}

/** All points of a collection. */
export function pointsOf(collected: ResourceMetrics): Point[] {
  return metricsOf(collected).flatMap((metric) =>
    (metric.dataPoints as DataPoint<number>[]).map((point) => ({
      name: metric.descriptor.name,
      attributes: point.attributes,
      value: point.value,
      startTime: point.startTime,
      endTime: point.endTime,
    })),
  );
}

/** The series of a collection as Prometheus would write them: `name{label="value"}`. */
export function seriesNamesOf(collected: ResourceMetrics): string[] {
  return pointsOf(collected).map(({ name, attributes }) => {
    const labels = Object.entries(attributes).map(
      ([label, value]) => `${label}="${String(value)}"`,
    );
    return labels.length === 0 ? name : `${name}{${labels.join(",")}}`;
  });
}

/** The value of the only series of a name; `undefined` when there is none. */
export function onlyValueOf(collected: ResourceMetrics, name: string): number | undefined {
  const found = pointsOf(collected).filter((point) => point.name === name);
  if (found.length > 1) {
    throw new Error(`${name} has ${found.length} series.`);
  }
  return found[0]?.value;
}
