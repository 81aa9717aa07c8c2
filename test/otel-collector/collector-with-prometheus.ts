import { join } from "node:path";
import { bringCollector, bringPrometheus, progressToStandardError } from "../parts/bring.ts";
import { type Collector, type CollectorDescription, startCollector } from "../parts/collector.ts";
import { type Prometheus, startPrometheus } from "../parts/prometheus.ts";
import { scratchFolder } from "../parts/scratch-folder.ts";

/** The cluster name that the collector of these tests gives to everything. */
export const clusterName = "blue";

/** A real collector with the shipped configuration, and the real Prometheus that it writes to. */
export interface CollectorWithPrometheus {
  readonly collector: Collector;
  readonly prometheus: Prometheus;
  stop(): Promise<void>;
}

/**
 * Starts both.
 *
 * @param outOfOrderTimeWindow a setting of Prometheus; its default when left out.
 * @param ofCollector what the collector is started with beyond that.
 */
export async function startCollectorWithPrometheus(
  outOfOrderTimeWindow = "0s",
  ofCollector: Pick<CollectorDescription, "configurationFiles" | "environment"> = {},
): Promise<CollectorWithPrometheus> {
  const binary = await bringCollector(progressToStandardError);
  const { prometheus: prometheusBinary } = await bringPrometheus(progressToStandardError);
  const folder = await scratchFolder("ct");
  const prometheus = await startPrometheus({
    prometheus: prometheusBinary,
    folder: join(folder.path, "prometheus"),
    outOfOrderTimeWindow,
  });
  const collector = await startCollector({
    collector: binary,
    folder: join(folder.path, "collector"),
    remoteWriteUrl: prometheus.remoteWriteUrl,
    clusterName,
    ...ofCollector,
  });
  return {
    collector,
    prometheus,
    async stop() {
      await collector.stop();
      await prometheus.stop();
      folder.remove();
    },
  };
}
