/** What is sent, by OpenTelemetry's own exporter, through the extension points that it has. */
import { millisToHrTime } from "@opentelemetry/core";
import { OTLPMetricExporterBase } from "@opentelemetry/exporter-metrics-otlp-http";
import {
  createOtlpNetworkExportDelegate,
  ExporterMetrics,
  getSharedConfigurationDefaults,
} from "@opentelemetry/otlp-exporter-base";
import {
  type IExportMetricsServiceResponse,
  type ISerializer,
  JsonMetricsSerializer,
  MetricsExporterMetricsHelper,
} from "@opentelemetry/otlp-transformer";
import type { Resource } from "@opentelemetry/resources";
import {
  AggregationTemporality,
  type DataPoint,
  DataPointType,
  type MetricData,
  type ResourceMetrics,
} from "@opentelemetry/sdk-metrics";
import { SCOPE } from "../metrics/collection.ts";
import { type Batch, pointsOf, type Series } from "./batch.ts";

/** Batches as one request: a metric each, with the points of all of them in the order of the batches. */
export function requestOf(batches: readonly Batch[], resource: Resource): ResourceMetrics {
  const metrics = new Map<string, { series: Series; dataPoints: DataPoint<number>[] }>();
  for (const batch of batches) {
    const { clocks, sentMs = clocks.wallMs, countedMs } = batch.moment;
    const endTime = millisToHrTime(sentMs);
    const startTime = millisToHrTime(Math.max(0, sentMs - countedMs));
    for (const { series, value } of pointsOf(batch)) {
      const { name } = series.descriptor;
      const metric = metrics.get(name) ?? { series, dataPoints: [] };
      metrics.set(name, metric);
      metric.dataPoints.push({ startTime, endTime, attributes: series.attributes, value });
    }
  }
  const data = [...metrics.values()].map(({ series, dataPoints }) => metricOf(series, dataPoints));
  return { resource, scopeMetrics: [{ scope: SCOPE, metrics: data }] };
}

/**
 * OTLP in JSON, where a point of value NaN, which ends its series, has no value and the flag "no
 * recorded value" (bit 0 of its flags in opentelemetry/proto/metrics/v1/metrics.proto): a collector
 * makes Prometheus' stale marker of it. The package writes `null`, which a collector rejects.
 */
export const SERIALIZER: ISerializer<ResourceMetrics, IExportMetricsServiceResponse> = {
  serializeRequest(metrics) {
    const json = JsonMetricsSerializer.serializeRequest(metrics);
    // Within a text of JSON a quotation mark has a backslash, so this is always a point's value.
    return (
      json && Buffer.from(Buffer.from(json).toString().replaceAll('"asDouble":null', '"flags":1'))
    );
  },
  deserializeResponse: (response) => JsonMetricsSerializer.deserializeResponse(response),
};

/**
 * Gives metrics to the exporter, once.
 * @param send gets the request; what becomes of it is judged there
 * @returns what it returned
 */
export async function exportOnce<T>(
  metrics: ResourceMetrics,
  send: (body: Uint8Array) => Promise<T>,
): Promise<T> {
  const { promise, resolve } = Promise.withResolvers<T>();
  const transport = {
    async send(body: Uint8Array) {
      resolve(await send(body));
      return { status: "success" } as const;
    },
    shutdown() {},
  };
  const delegate = createOtlpNetworkExportDelegate(
    getSharedConfigurationDefaults(),
    SERIALIZER,
    NO_METRICS_OF_ITS_OWN,
    transport,
  );
  new OTLPMetricExporterBase(delegate).export(metrics, () => {});
  return promise;
}

const NO_METRICS_OF_ITS_OWN = new ExporterMetrics<ResourceMetrics>({
  componentType: "otlp_http_json_metric_exporter",
  metricsHelper: MetricsExporterMetricsHelper,
  url: undefined,
  meterProvider: undefined,
  responseAttributesFromError: () => ({}),
});

function metricOf({ descriptor, kind }: Series, dataPoints: DataPoint<number>[]): MetricData {
  const common = {
    descriptor,
    aggregationTemporality: AggregationTemporality.CUMULATIVE,
    dataPoints,
  };
  return kind === "counter"
    ? { ...common, dataPointType: DataPointType.SUM, isMonotonic: true }
    : { ...common, dataPointType: DataPointType.GAUGE };
}
