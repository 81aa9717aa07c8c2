/** The answer of `/metrics`: one collection in the text format that Prometheus 2 and 3 accept. */
import { PrometheusSerializer } from "@opentelemetry/exporter-prometheus";
import type { Resource } from "@opentelemetry/resources";
import { collect } from "../metrics/collection.ts";
import type { Metric, Observation } from "../metrics/metric.ts";
import { type Answer, NOT_ASKED_YET, plainAnswer } from "./paths.ts";

const CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** Resource attributes that become labels. The scrape configuration sets `instance` and `job`. */
const LABELS_OF_RESOURCE = /^k8s\.(node|namespace)\.name$/;

const serializer = new PrometheusSerializer(undefined, false, LABELS_OF_RESOURCE, true, true);

/**
 * The answer to a scrape.
 * @param observation `undefined` before the first poll of chronyd: answered 503
 */
export async function prometheusText(
  resource: Resource,
  catalogue: readonly Metric[],
  observation: Observation | undefined,
): Promise<Answer> {
  if (observation === undefined) {
    return plainAnswer(503, NOT_ASKED_YET);
  }
  const collected = await collect(resource, catalogue, observation);
  return { status: 200, contentType: CONTENT_TYPE, body: serializer.serialize(collected) };
}
