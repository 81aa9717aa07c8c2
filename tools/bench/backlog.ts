/** The memory of a full backlog, and what it costs to send it. */

import { startFollower } from "../../test/parts/follower.ts";
import { freePort } from "../../test/parts/free-port.ts";
import type { Scope } from "../../test/parts/owner.ts";
import { waitFor } from "../../test/parts/wait-for.ts";
import { type Bench, FASTEST } from "./bench.ts";
import { counterOf, startBundledAgent } from "./bundled-agent.ts";
import { cpuFor } from "./cpu-use.ts";
import { memory } from "./process-figures.ts";
import type { Row } from "./row.ts";
import { startSink } from "./sink.ts";

/** The number of collections that an agent keeps at the defaults. */
const DEFAULT_BACKLOG_COLLECTIONS = 38;

/** Measures a full backlog (19 minutes at the defaults), and what it costs to send it. */
export async function measureBacklog({ bundle, report }: Bench, scope: Scope): Promise<Row[]> {
  report("a full backlog");
  const chronyd = await startFollower(scope);
  const port = await freePort();
  const agent = await startBundledAgent(scope, bundle, {
    CHRONY_ADDRESS: chronyd.address,
    ...FASTEST,
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`,
  });
  const before = await memory(agent.pid);
  const points = () => counterOf(agent, "chrony_tracker_backlog_points");
  const ofOne = (await (await fetch(`${agent.url}/metrics`)).text())
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#")).length;
  const full = await waitFor("a full backlog", async () => {
    const waiting = await points();
    return waiting >= DEFAULT_BACKLOG_COLLECTIONS * (ofOne - 5) && waiting;
  });
  const then = await memory(agent.pid);
  let drainedMs = Number.NaN;
  const used = await cpuFor(agent.pid, async () => {
    const sink = await startSink(scope, port);
    const firstMs = await sink.next();
    await waitFor("the backlog to be sent", async () => (await points()) <= 3 * ofOne);
    drainedMs = performance.now() - firstMs;
  });
  report(`${full} points in the backlog`);
  return [
    {
      figure: `memory of a full backlog (${full} points)`,
      value: then.residentMib - before.residentMib,
      unit: "MiB",
    },
    { figure: "CPU to send it", value: used, unit: "ms" },
    { figure: "time to send it", value: drainedMs / 1000, unit: "s" },
  ];
}
