/**
 * A collection that waits to be pushed: its series, which successive collections share, and one number
 * for each. A point takes 16 bytes; the SDK's objects take hundreds.
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
  /** Identifies the series; equal in every object of the same series. */
  readonly key: string;
  readonly descriptor: MetricDescriptor;
  readonly kind: "gauge" | "counter";
  readonly attributes: Attributes;
};

/** When a collection was made, and the timestamp of its points. */
export type Moment = {
  /** The number of the collection, from 1. */
  readonly number: number;
  /** When it was made: monotonic, including sleep, in milliseconds. */
  readonly takenMs: number;
  /** The time on the clock without steps (clock/unstepped-clock.ts), in milliseconds. */
  readonly timeMs: number;
  /** How long the agent's counters had been running, in milliseconds. */
  readonly countedMs: number;
  /** The timestamp of the points, in milliseconds since 1970; `undefined` until they are first sent. */
  sentMs: number | undefined;
};

/** The unit of sending: a collection, or a part of one. */
export type Batch = {
  readonly moment: Moment;
  readonly series: readonly Series[];
  /** One value per series, in the same order. NaN is a staleness marker, as in Prometheus. */
  readonly values: Float64Array;
  /** Its maximum size in a request, in bytes of JSON. */
  readonly requestBytes: number;
  /** The last round in which it was sent in one-by-one mode. */
  triedInRound: number;
  /** When it was rejected alone although the newest was accepted: monotonic, in milliseconds. */
  readonly rejectedMs: number[];
};

/** One series and its value. */
export type SeriesValue = { readonly series: Series; readonly value: number };

/** A number and a reference to its series. */
const POINT_BYTES = 16;
/** Memory of a batch without its points, or of a series without its texts. */
const OBJECT_BYTES = 400;

/** Size of the OTLP/JSON around the texts of a metric with one point, and around those of an attribute. */
const POINT_JSON_BYTES = 240;
const ATTRIBUTE_JSON_BYTES = 30;

/** The series and values of a collection. Known series are reused. */
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

/** The identity of a series: its name and attributes, in any order. */
export function seriesKey(name: string, attributes: Attributes): string {
  const names = Object.keys(attributes).toSorted();
  return JSON.stringify([name, names.map((one) => [one, attributes[one]])]);
}

/** Splits the points of a moment into batches of limited size in JSON. A larger point gets its own batch. */
export function batchesOf(
  moment: Moment,
  points: readonly SeriesValue[],
  mostBytes: number,
): Batch[] {
  const parts: { readonly points: SeriesValue[]; bytes: number }[] = [];
  for (const point of points) {
    const bytes = jsonBytesOf(point.series);
    const part = parts.at(-1);
    if (part === undefined || part.bytes + bytes > mostBytes) {
      parts.push({ points: [point], bytes });
    } else {
      part.points.push(point);
      part.bytes += bytes;
    }
  }
  return parts.map((part) => ({
    moment,
    series: part.points.map(({ series }) => series),
    values: Float64Array.from(part.points, ({ value }) => value),
    requestBytes: part.bytes,
    triedInRound: 0,
    rejectedMs: [],
  }));
}

/** The points of a batch. */
export function pointsOf({ series, values }: Batch): SeriesValue[] {
  return series.map((one, index) => ({ series: one, value: values[index] ?? Number.NaN }));
}

/** The memory of batches, in bytes. Shared series count once. */
export function memoryOf(batches: readonly Batch[]): number {
  const series = new Set(batches.flatMap((batch) => batch.series));
  const ofBatches = batches.map(({ values }) => OBJECT_BYTES + POINT_BYTES * values.length);
  const ofSeries = [...series].map(({ key }) => OBJECT_BYTES + 2 * key.length);
  return [...ofBatches, ...ofSeries].reduce((sum, bytes) => sum + bytes, 0);
}

/** The maximum size of a point in a request, in bytes, as if its metric had no other point. */
function jsonBytesOf({ descriptor: { description }, key, attributes }: Series): number {
  const texts = Buffer.byteLength(key) + Buffer.byteLength(JSON.stringify(description));
  return POINT_JSON_BYTES + texts + ATTRIBUTE_JSON_BYTES * Object.keys(attributes).length;
}
