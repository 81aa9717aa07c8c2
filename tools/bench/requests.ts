/** The CPU of a scrape, the page and a push. */
import { setTimeout as delay } from "node:timers/promises";
import { startFollower } from "../../test/parts/follower.ts";
import type { Scope } from "../../test/parts/owner.ts";
import { type Bench, FASTEST } from "./bench.ts";
import { startBundledAgent } from "./bundled-agent.ts";
import { cpuUse, RUNS } from "./cpu-use.ts";
import { median } from "./process-figures.ts";
import type { Row } from "./row.ts";
import { startSink } from "./sink.ts";

/** Measures a scrape, the page and a push, each computed from a new poll. */
export async function measureRequests(
  { bundle, windowMs, report }: Bench,
  scope: Scope,
): Promise<Row[]> {
  report("a scrape, the page, a push");
  const chronyd = await startFollower(scope);
  const sink = await startSink(scope);
  const settings = { CHRONY_ADDRESS: chronyd.address, SLEEP_INTERVAL: "0.1" };
  const pulled = await startBundledAgent(scope, bundle, {
    ...settings,
    OTEL_METRICS_EXPORTER: "prometheus",
  });
  const pushing = await startBundledAgent(scope, bundle, {
    ...settings,
    ...FASTEST,
    OTEL_EXPORTER_OTLP_ENDPOINT: sink.url,
    OTEL_METRICS_EXPORTER: "otlp",
  });
  await delay(windowMs / 4);
  const costs: Record<"scrape" | "page" | "push", number[]> = { scrape: [], page: [], push: [] };
  for (let run = 0; run < RUNS; run += 1) {
    const lengthMs = windowMs / 2;
    const [quiet = Number.NaN] = await cpuUse(lengthMs, [pulled.pid]);
    for (const [name, path] of [
      ["scrape", "/metrics"],
      ["page", "/"],
    ] as const) {
      let asked = 0;
      const asking = setInterval(() => {
        asked += 1;
        void fetch(`${pulled.url}${path}`).then((answer) => answer.arrayBuffer());
      }, 100);
      const [busy = Number.NaN] = await cpuUse(lengthMs, [pulled.pid]);
      clearInterval(asking);
      costs[name].push(((busy - quiet) * (lengthMs / 1000)) / asked);
    }
    const before = sink.requests();
    const [pushes = Number.NaN] = await cpuUse(lengthMs, [pushing.pid]);
    costs.push.push(((pushes - quiet) * (lengthMs / 1000)) / (sink.requests() - before));
  }
  return [
    { figure: "CPU of a scrape, of a new poll", value: median(costs.scrape), unit: "ms" },
    { figure: "CPU of the page, of a new poll", value: median(costs.page), unit: "ms" },
    { figure: "CPU of a push", value: median(costs.push), unit: "ms" },
  ];
}
