/**
 * Gone means gone: a backend shows a pushed series for five minutes after its last point. So a series
 * that the far end may still show, and that is not observed now, is pushed once more under another
 * name; the shipped collector turns that into Prometheus' stale marker, and the series disappears.
 */
import { ValueType } from "@opentelemetry/api";
import { millisToHrTime } from "@opentelemetry/core";
import {
  AggregationTemporality,
  DataPointType,
  type GaugeMetricData,
  type ResourceMetrics,
} from "@opentelemetry/sdk-metrics";
import { type Series, seriesOf } from "./collection.ts";
import { isPlain, type Metric } from "./metrics/metric.ts";

/** What the shipped collector takes off the name of a marker (otel-collector/common.yaml). */
export const WITHHELD_PREFIX = "chrony_tracker.withheld.";

/** The series that the far end may show. */
export class FarEndSeries {
  readonly #mayShow: Map<string, Series>;

  /**
   * At the start the far end may show whatever an agent before this one pushed: every series of the
   * catalogue whose labels are known, which is none.
   */
  constructor(catalogue: readonly Metric[]) {
    this.#mayShow = byKey(catalogue.filter(isPlain).map(({ name }) => ({ name, attributes: {} })));
  }

  /** The series that the far end may show and a collection does not observe. */
  missingFrom(collected: ResourceMetrics): Series[] {
    const observed = byKey(seriesOf(collected));
    return [...this.#mayShow].filter(([key]) => !observed.has(key)).map(([, series]) => series);
  }

  /** A collection is being pushed: from now on the far end may show it, whatever becomes of the push. */
  pushing(collected: ResourceMetrics): void {
    for (const [key, series] of byKey(seriesOf(collected))) {
      this.#mayShow.set(key, series);
    }
  }

  /** The push was accepted, with markers for the rest: the far end shows this collection and no more. */
  accepted(collected: ResourceMetrics): void {
    this.#mayShow.clear();
    this.pushing(collected);
  }
}

/** A collection with a marker for each series that is to disappear, at the time of its other points. */
export function withMarkers(
  collected: ResourceMetrics,
  missing: readonly Series[],
  wallMs: number,
): ResourceMetrics {
  const time = millisToHrTime(wallMs);
  const names = [...new Set(missing.map(({ name }) => name))];
  const markers = names.map(
    (name): GaugeMetricData => ({
      descriptor: {
        name: WITHHELD_PREFIX + name,
        description: "Makes a series disappear that is not observed any more.",
        unit: "",
        valueType: ValueType.DOUBLE,
      },
      dataPointType: DataPointType.GAUGE,
      aggregationTemporality: AggregationTemporality.DELTA,
      dataPoints: missing
        .filter((series) => series.name === name)
        .map(({ attributes }) => ({ startTime: time, endTime: time, attributes, value: 0 })),
    }),
  );
  const [first, ...rest] = collected.scopeMetrics;
  return first === undefined
    ? collected
    : {
        resource: collected.resource,
        scopeMetrics: [{ ...first, metrics: [...first.metrics, ...markers] }, ...rest],
      };
}

function byKey(series: readonly Series[]): Map<string, Series> {
  return new Map(series.map((one) => [keyOf(one), one]));
}

function keyOf({ name, attributes }: Series): string {
  const sorted = Object.entries(attributes).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([name, sorted]);
}
