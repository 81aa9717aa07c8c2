/** What waits, as the exporter takes it: many points a series, each at the wall clock's time now. */
import { millisToHrTime } from "@opentelemetry/core";
import type { Resource } from "@opentelemetry/resources";
import {
  AggregationTemporality,
  type DataPoint,
  DataPointType,
  type MetricData,
  type ResourceMetrics,
  type ScopeMetrics,
} from "@opentelemetry/sdk-metrics";
import type { Series } from "./compact-collection.ts";
import type { Part } from "./parts.ts";

/**
 * Parts as one request: a metric each, with the points of all of them in the order of the parts.
 * @param onWallClock the wall clock's time for a collection's
 */
export function requestOf(
  parts: readonly Part[],
  resource: Resource,
  scope: ScopeMetrics["scope"],
  onWallClock: (timeMs: number) => number,
): ResourceMetrics {
  const metrics = new Map<string, { series: Series; dataPoints: DataPoint<number>[] }>();
  for (const { collection, from, to } of parts) {
    const wallMs = onWallClock(collection.timeMs);
    const endTime = millisToHrTime(wallMs);
    const startTime = millisToHrTime(Math.max(0, wallMs - collection.countedMs));
    for (let index = from; index < to; index += 1) {
      const series = collection.series[index];
      const value = collection.values[index];
      if (series !== undefined && value !== undefined) {
        const { name } = series.descriptor;
        const metric = metrics.get(name) ?? { series, dataPoints: [] };
        metrics.set(name, metric);
        metric.dataPoints.push({ startTime, endTime, attributes: series.attributes, value });
      }
    }
  }
  const data = [...metrics.values()].map(({ series, dataPoints }) => metricOf(series, dataPoints));
  return { resource, scopeMetrics: [{ scope, metrics: data }] };
}

function metricOf({ descriptor, kind }: Series, dataPoints: DataPoint<number>[]): MetricData {
  return kind === "counter"
    ? {
        descriptor,
        dataPointType: DataPointType.SUM,
        aggregationTemporality: AggregationTemporality.CUMULATIVE,
        isMonotonic: true,
        dataPoints,
      }
    : {
        descriptor,
        dataPointType: DataPointType.GAUGE,
        aggregationTemporality: AggregationTemporality.CUMULATIVE,
        dataPoints,
      };
}
