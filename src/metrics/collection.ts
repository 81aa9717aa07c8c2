/**
 * One collection: the values observed at one moment, in the form that OpenTelemetry's SDK passes to
 * exporters.
 *
 * Each collection uses a new MeterProvider. One that is kept would also keep exporting a gauge that is no
 * longer observed and, after a backward step of the wall clock, could export an old value again. Counters
 * are not affected, because the agent keeps their totals.
 */
import type { HrTime, Meter, ObservableResult } from "@opentelemetry/api";
import { millisToHrTime } from "@opentelemetry/core";
import type { Resource } from "@opentelemetry/resources";
import {
  DataPointType,
  MeterProvider,
  type MetricData,
  MetricReader,
  type ResourceMetrics,
} from "@opentelemetry/sdk-metrics";
import { VERSION } from "../version.ts";
import { isPlain, type Metric, type Observation } from "./metric.ts";

/** The instrumentation scope of every metric. */
export const SCOPE = { name: "chrony-tracker", version: VERSION };

class OnDemandReader extends MetricReader {
  protected override onForceFlush(): Promise<void> {
    return Promise.resolve();
  }

  protected override onShutdown(): Promise<void> {
    return Promise.resolve();
  }
}

/**
 * Observes a catalogue once.
 * @returns the points with a finite value, each with the time of its poll
 */
export async function collect(
  resource: Resource,
  catalogue: readonly Metric[],
  observation: Observation,
): Promise<ResourceMetrics> {
  const reader = new OnDemandReader();
  const provider = new MeterProvider({ resource, readers: [reader] });
  const meter = provider.getMeter(SCOPE.name, SCOPE.version);
  for (const metric of catalogue) {
    observe(meter, metric, observation);
  }
  const { resourceMetrics, errors } = await reader.collect();
  if (errors.length > 0) {
    throw new AggregateError(errors, "A metric's value could not be observed.");
  }
  return atTime(resourceMetrics, observation.startedWallMs, observation.assessment.clocks.wallMs);
}

function observe(meter: Meter, metric: Metric, observation: Observation): void {
  const options = { description: metric.help };
  const instrument =
    metric.kind === "counter"
      ? meter.createObservableCounter(metric.name, options)
      : meter.createObservableGauge(metric.name, options);
  instrument.addCallback((result: ObservableResult) => {
    if (isPlain(metric)) {
      const value = metric.value(observation);
      if (value !== undefined && Number.isFinite(value)) {
        result.observe(value);
      }
    } else {
      for (const { labels, value } of metric.values(observation)) {
        if (Number.isFinite(value)) {
          result.observe(value, labels);
        }
      }
    }
  });
}

/** Sets the time of all points, because the SDK uses the time of the collection. */
function atTime(
  resourceMetrics: ResourceMetrics,
  startedWallMs: number,
  wallMs: number,
): ResourceMetrics {
  const endTime = millisToHrTime(wallMs);
  // After a backward step the agent's start can be in the future.
  const startTime = millisToHrTime(Math.min(startedWallMs, wallMs));
  return {
    resource: resourceMetrics.resource,
    scopeMetrics: resourceMetrics.scopeMetrics.map(({ scope, metrics }) => ({
      scope,
      metrics: metrics.map((metric) => withTimes(metric, startTime, endTime)),
    })),
  };
}

function withTimes(metric: MetricData, startTime: HrTime, endTime: HrTime): MetricData {
  switch (metric.dataPointType) {
    case DataPointType.SUM:
    case DataPointType.GAUGE:
      return {
        ...metric,
        dataPoints: metric.dataPoints.map((point) => ({ ...point, startTime, endTime })),
      };
    case DataPointType.HISTOGRAM:
    case DataPointType.EXPONENTIAL_HISTOGRAM:
      throw new Error(`${metric.descriptor.name} is a histogram, which the catalogue has none of.`);
  }
}
