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
import type { ClockPair } from "../clock/clock-pair.ts";

/** One series: a metric with one set of attributes. */
export type Series = {
  /** The same for every object that stands for this series. */
  readonly key: string;
  readonly descriptor: MetricDescriptor;
  readonly kind: "gauge" | "counter";
  readonly attributes: Attributes;
};

/** When a collection was made, and the time that its points have. */
export type Moment = {
  /** The node's clocks then. */
  readonly clocks: ClockPair;
  /** How long before it the agent's counters began, in milliseconds. */
  readonly countedMs: number;
  /** The points' time, in milliseconds since 1970; `undefined` until they are first sent. */
  sentMs: number | undefined;
};

/** What is sent in one piece: a collection, or a part of one. */
export type Batch = {
  readonly moment: Moment;
  readonly series: readonly Series[];
  /** A value for each series, in their order. NaN is the end of the series, as in Prometheus. */
  readonly values: Float64Array;
  /** What it takes in a request, in bytes of JSON, at the most. */
  readonly requestBytes: number;
  /** When it was last tried alone, after the newest was accepted; 0 when never. Monotonic, in milliseconds. */
  triedMs: number;
  /** When it was rejected then. */
  readonly rejectedMs: number[];
};

/** One series and its value. */
export type SeriesValue = { readonly series: Series; readonly value: number };

/** A number, and where its series is. */
const POINT_BYTES = 16;
/** What a batch takes in memory beside its points, and a series beside its texts. */
const OBJECT_BYTES = 400;

/** OTLP/JSON around the texts of a metric with one point, and around those of an attribute. */
const POINT_JSON_BYTES = 240;
const ATTRIBUTE_JSON_BYTES = 30;

/** The series and values of a collection. A series that is already known is not made again. */
export function seriesValuesOf(
  collected: ResourceMetrics,
  known: ReadonlyMap<string, { readonly series: Series }>,
): SeriesValue[] {
  return collected.scopeMetrics.flatMap(({ metrics }) =>
    metrics.flatMap(({ descriptor, dataPointType, dataPoints }) => {
      const kind = dataPointType === DataPointType.SUM ? "counter" : "gauge";
      return (dataPoints as DataPoint<number>[]).map(({ attributes, value }) => {
        const key = seriesKey(descriptor.name, attributes);
        const series = known.get(key)?.series ?? { key, descriptor, kind, attributes };
        return { series, value };
      });
    }),
  );
}

/** Tells series apart by their name and attributes, whatever the order of these. */
export function seriesKey(name: string, attributes: Attributes): string {
  const names = Object.keys(attributes).toSorted();
  return JSON.stringify([name, names.map((one) => [one, attributes[one]])]);
}

/** Points of a moment as a batch. */
export function batchOf(moment: Moment, points: readonly SeriesValue[]): Batch {
  return {
    moment,
    series: points.map(({ series }) => series),
    values: Float64Array.from(points, ({ value }) => value),
    requestBytes: points.reduce((sum, { series }) => sum + jsonBytesOf(series), 0),
    triedMs: 0,
    rejectedMs: [],
  };
}

/** The points of a batch. */
export function pointsOf({ series, values }: Batch): SeriesValue[] {
  return series.map((one, index) => ({ series: one, value: values[index] ?? Number.NaN }));
}

/** What batches take in memory, in bytes; a series that they share counts once. */
export function memoryOf(batches: readonly Batch[]): number {
  const series = new Set(batches.flatMap((batch) => batch.series));
  const ofBatches = batches.map(({ values }) => OBJECT_BYTES + POINT_BYTES * values.length);
  const ofSeries = [...series].map(({ key }) => OBJECT_BYTES + 2 * key.length);
  return [...ofBatches, ...ofSeries].reduce((sum, bytes) => sum + bytes, 0);
}

/** What a point takes in a request at the most, in bytes, as if its metric had no other. */
function jsonBytesOf({ descriptor: { description }, key, attributes }: Series): number {
  const texts = Buffer.byteLength(key) + Buffer.byteLength(JSON.stringify(description));
  return POINT_JSON_BYTES + texts + ATTRIBUTE_JSON_BYTES * Object.keys(attributes).length;
}
