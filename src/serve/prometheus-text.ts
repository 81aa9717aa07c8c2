/** What `/metrics` answers: one collection in the text format that Prometheus 2 and 3 both take. */
import { PrometheusSerializer } from "@opentelemetry/exporter-prometheus";
import type { Resource } from "@opentelemetry/resources";
import { collect } from "../metrics/collection.ts";
import type { Metric, Observation } from "../metrics/metric.ts";
import { type Answer, NOT_ASKED_YET, plainAnswer } from "./paths.ts";

const CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** The resource's attributes that are labels; `instance` and `job` come from the scrape's configuration. */
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
