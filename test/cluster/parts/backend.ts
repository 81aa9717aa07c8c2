import { join } from "node:path";
import { type InstantSample, type Prometheus, startPrometheus } from "../../parts/prometheus.ts";
import { waitFor } from "../../parts/wait-for.ts";
import { CONTROL_PLANE, inUrl, preferredAddress } from "./addresses.ts";
import type { TestSetup } from "./test-setup.ts";

const arrivalMilliseconds = 90_000;

/** A real Prometheus outside the cluster, where pods can reach it. */
export interface Backend extends Prometheus {
  /** What a query gives once it gives something. */
  waitForQuery(promql: string): Promise<InstantSample[]>;
}

/** @param scrapeConfigs entries of `scrape_configs`; it reaches the pods. */
export async function startBackend(
  setup: TestSetup,
  folder: string,
  scrapeConfigs: readonly object[] = [],
): Promise<Backend> {
  const prometheus = await startPrometheus({
    prometheus: setup.programs.prometheus,
    folder: join(folder, "prometheus"),
    host: inUrl(preferredAddress(setup.cluster.families, CONTROL_PLANE)),
    outOfOrderTimeWindow: "30m",
    scrapeConfigs,
  });
  return {
    ...prometheus,
    waitForQuery: (promql) =>
      waitFor(
        `${promql} to give something`,
        async () => {
          const samples = await prometheus.query(promql);
          return samples.length > 0 && samples;
        },
        arrivalMilliseconds,
      ),
  };
}
