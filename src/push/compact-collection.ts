/**
 * A collection as it waits to be pushed: its series, which successive collections share, and a number
 * for each. 16 bytes a point, where the SDK's objects take hundreds.
 */
import type { Attributes } from "@opentelemetry/api";
import {
  type DataPoint,
  DataPointType,
  type MetricDescriptor,
  type ResourceMetrics,
} from "@opentelemetry/sdk-metrics";

/** One series: a metric with one set of attributes. */
export type Series = {
  /** The same for every object that stands for this series. */
  readonly key: string;
  readonly descriptor: MetricDescriptor;
  readonly kind: "gauge" | "counter";
  readonly attributes: Attributes;
  /** The key of the series that this one's points end; only a marker has it (withheld.ts). */
  readonly ends?: string;
};

/** What was collected at one moment. */
export type CompactCollection = {
  /** Counts the collections, from 1. */
  readonly number: number;
  /** The monotonic clock at that moment, in milliseconds. */
  readonly monotonicMs: number;
  /** The moment itself by {@link UnsteppedClock}, in milliseconds. */
  readonly timeMs: number;
  /** How long before it the agent's counters began, in milliseconds. */
  readonly countedMs: number;
  readonly series: readonly Series[];
  /** A value for each series, in their order. */
  readonly values: Float64Array;
};

/** One series and its value. */
export type SeriesValue = { readonly series: Series; readonly value: number };

/** What a collection takes beside its points: three objects and the head of an array of numbers. */
const COLLECTION_BYTES = 400;
/** A number, and where its series is. */
const POINT_BYTES = 16;
/** What a series takes beside its texts. */
const SERIES_BYTES = 400;

/** The series and values of a collection. A series that is already known is not made again. */
export function seriesValuesOf(
  collected: ResourceMetrics,
  known: ReadonlyMap<string, Series>,
): SeriesValue[] {
  return collected.scopeMetrics.flatMap(({ metrics }) =>
    metrics.flatMap((metric) => {
      const kind = metric.dataPointType === DataPointType.SUM ? "counter" : "gauge";
      return (metric.dataPoints as DataPoint<number>[]).map(({ attributes, value }) => {
        const key = seriesKey(metric.descriptor.name, attributes);
        const series = known.get(key) ?? { key, descriptor: metric.descriptor, kind, attributes };
        return { series, value };
      });
    }),
  );
}

/** Tells series apart by their name and attributes, whatever the order of these. */
export function seriesKey(name: string, attributes: Attributes): string {
  const sorted = Object.entries(attributes).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([name, sorted]);
}

/** What collections take in memory, in bytes; a series that they share counts once. */
export function bytesOf(collections: Iterable<CompactCollection>): number {
  const counted = new Set<Series>();
  let bytes = 0;
  for (const { series } of collections) {
    bytes += COLLECTION_BYTES + POINT_BYTES * series.length;
    for (const one of series) {
      if (!counted.has(one)) {
        counted.add(one);
        bytes += SERIES_BYTES + 2 * one.key.length;
      }
    }
  }
  return bytes;
}
