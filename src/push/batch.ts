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
};

/** When a collection was made, and the time that its points have. */
export type Moment = {
  /** Counts the collections, from 1. */
  readonly number: number;
  /** When it was taken: monotonic, the machine's sleep included, in milliseconds. */
  readonly takenMs: number;
  /** The time by a clock without steps (clock/unstepped-clock.ts), in milliseconds. */
  readonly timeMs: number;
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
  /** The last round of requests in which it was tried one by one. */
  triedInRound: number;
  /** How often it was rejected alone while others were taken, and when first (monotonic). */
  rejections: number;
  rejectedSinceMs: number;
};

/** One series and its value. */
export type SeriesValue = { readonly series: Series; readonly value: number };

/** A number, and where its series is. */
const POINT_BYTES = 16;
/** What a batch takes in memory beside its points, and a series beside its texts. */
const OBJECT_BYTES = 400;

/** OTLP/JSON around the texts of a metric, of a point with its times and value, of an attribute. */
const METRIC_JSON_BYTES = 150;
const POINT_JSON_BYTES = 160;
const ATTRIBUTE_JSON_BYTES = 40;

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
  const sorted = Object.entries(attributes).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([name, sorted]);
}

/** Points of a moment as batches of at most so many bytes of JSON; a point that is larger is alone. */
export function batchesOf(
  moment: Moment,
  points: readonly SeriesValue[],
  mostBytes: number,
): Batch[] {
  const batches: Batch[] = [];
  let begin = 0;
  let bytes = 0;
  let names = new Set<string>();
  points.forEach(({ series }, index) => {
    const { name } = series.descriptor;
    let pointBytes = pointJsonBytes(series) + (names.has(name) ? 0 : metricJsonBytes(series));
    if (index > begin && bytes + pointBytes > mostBytes) {
      batches.push(batchOf(moment, points.slice(begin, index), bytes));
      [begin, bytes, names] = [index, 0, new Set()];
      pointBytes = pointJsonBytes(series) + metricJsonBytes(series);
    }
    bytes += pointBytes;
    names.add(name);
  });
  return points.length === 0 ? [] : [...batches, batchOf(moment, points.slice(begin), bytes)];
}

/** The points of a batch. */
export function pointsOf({ series, values }: Batch): SeriesValue[] {
  return series.map((one, index) => ({ series: one, value: values[index] ?? Number.NaN }));
}

/** What batches take in memory, in bytes; a series that they share counts once. */
export function memoryOf(batches: readonly Batch[]): number {
  const series = new Set(batches.flatMap((batch) => batch.series));
  const points = batches.reduce((sum, batch) => sum + batch.series.length, 0);
  const texts = [...series].reduce((sum, { key }) => sum + 2 * key.length, 0);
  return OBJECT_BYTES * (batches.length + series.size) + POINT_BYTES * points + texts;
}

function batchOf(moment: Moment, points: readonly SeriesValue[], requestBytes: number): Batch {
  return {
    moment,
    series: points.map(({ series }) => series),
    values: Float64Array.from(points, ({ value }) => value),
    requestBytes,
    triedInRound: 0,
    rejections: 0,
    rejectedSinceMs: 0,
  };
}

function metricJsonBytes({ descriptor: { name, description } }: Series): number {
  return METRIC_JSON_BYTES + Buffer.byteLength(JSON.stringify(name + description));
}

function pointJsonBytes({ attributes }: Series): number {
  return Object.entries(attributes).reduce(
    (sum, pair) => sum + ATTRIBUTE_JSON_BYTES + Buffer.byteLength(JSON.stringify(pair)),
    POINT_JSON_BYTES,
  );
}
