import { type Collector, type CollectorDescription, startCollector } from "../parts/collector.ts";
import type { Owner } from "../parts/owner.ts";
import { type Prometheus, startPrometheus } from "../parts/prometheus.ts";

/** A real collector with the shipped configuration, and its real Prometheus. */
export type CollectorWithPrometheus = {
  readonly collector: Collector;
  readonly prometheus: Prometheus;
};

/**
 * Starts both.
 *
 * @param description.outOfOrderTimeWindow a setting of Prometheus. Default: Prometheus' own
 */
export async function startCollectorWithPrometheus(
  owner: Owner,
  description: Pick<CollectorDescription, "configurationFiles" | "environment"> & {
    readonly outOfOrderTimeWindow?: string;
  } = {},
): Promise<CollectorWithPrometheus> {
  const { outOfOrderTimeWindow = "0s", ...ofCollector } = description;
  const prometheus = await startPrometheus(owner, { outOfOrderTimeWindow });
  const { remoteWriteUrl } = prometheus;
  const collector = await startCollector(owner, { remoteWriteUrl, ...ofCollector });
  return { collector, prometheus };
}
