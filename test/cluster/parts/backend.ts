import type { Owner } from "../../parts/owner.ts";
import { type InstantSample, type Prometheus, startPrometheus } from "../../parts/prometheus.ts";
import { waitFor } from "../../parts/wait-for.ts";
import { CONTROL_PLANE, inUrl, preferredAddress } from "./addresses.ts";
import type { TestSetup } from "./test-setup.ts";

const ARRIVAL_MS = 90_000;

/** A real Prometheus outside the cluster, where pods can reach it. */
export type Backend = Prometheus & {
  /** What a query gives once it gives something. */
  waitForQuery(promql: string): Promise<InstantSample[]>;
};

/** @param scrapeConfigs entries of `scrape_configs`; it reaches the pods. */
export async function startBackend(
  owner: Owner,
  setup: TestSetup,
  scrapeConfigs: readonly object[] = [],
): Promise<Backend> {
  const prometheus = await startPrometheus(owner, {
    host: inUrl(preferredAddress(setup.cluster.families, CONTROL_PLANE)),
    outOfOrderTimeWindow: "30m",
    scrapeConfigs,
  });
  return Object.assign(prometheus, {
    waitForQuery: (promql: string) =>
      waitFor(
        `${promql} to give something`,
        async () => {
          const samples = await prometheus.query(promql);
          return samples.length > 0 && samples;
        },
        ARRIVAL_MS,
      ),
  });
}
