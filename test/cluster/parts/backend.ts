import type { Owner } from "../../parts/owner.ts";
import { type InstantSample, type Prometheus, startPrometheus } from "../../parts/prometheus.ts";
import { waitFor } from "../../parts/wait-for.ts";
import { CONTROL_PLANE, inUrl, preferredAddress } from "./addresses.ts";
import type { TestSetup } from "./test-setup.ts";

const ARRIVAL_MS = 90_000;

/** A real Prometheus outside of the cluster, which pods can reach. */
export type Backend = Prometheus & {
  /** Waits until a query has a result, and returns it. */
  waitForQuery(promql: string): Promise<InstantSample[]>;
};

/** @param scrapeConfigs entries of `scrape_configs`, whose targets can be pods */
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
