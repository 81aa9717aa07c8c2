/** CPU and memory at the default settings, beside bare Node.js. */
import { setTimeout as delay } from "node:timers/promises";
import { startFollower } from "../../test/parts/follower.ts";
import { freePort } from "../../test/parts/free-port.ts";
import type { Scope } from "../../test/parts/owner.ts";
import { startServer, startTimer } from "./bare-node.ts";
import type { Bench } from "./bench.ts";
import { startBundledAgent } from "./bundled-agent.ts";
import { cpuFor, medianCpuUse, RUNS } from "./cpu-use.ts";
import { median, memory } from "./process-figures.ts";
import type { Row } from "./row.ts";
import { startSink } from "./sink.ts";

const SCRAPES = 10_000;

/** The default settings, with a push and a scrape every 30 s; then after many scrapes. */
export async function measureDefaults(bench: Bench, scope: Scope): Promise<Row[]> {
  const { bundle, windowMs, report } = bench;
  report("at the defaults");
  const chronyd = await startFollower(scope);
  const sink = await startSink(scope);
  const agent = await startBundledAgent(scope, bundle, {
    CHRONY_ADDRESS: chronyd.address,
    OTEL_EXPORTER_OTLP_ENDPOINT: sink.url,
  });
  const page = await (await fetch(`${agent.url}/metrics`)).text();
  const port = await freePort();
  const timer = startTimer(scope);
  const server = startServer(scope, port, page);
  const serverUrl = `http://127.0.0.1:${port}/`;
  await server.waitUntil("the bare server", () => fetch(serverUrl).catch(() => undefined));
  // Whole intervals of 30 s, so that each window has the same number of pushes and scrapes.
  const longMs = Math.max(1, Math.round((2 * windowMs) / 30_000)) * 30_000;
  await delay(windowMs);
  const cpu = await medianCpuUse(longMs, [agent.pid, timer.pid], () =>
    requests(`${agent.url}/metrics`, 1),
  );
  const idle = await Promise.all([memory(agent.pid), memory(server.pid)]);
  report(`${SCRAPES} scrapes`);
  const costs: number[][] = [];
  for (let run = 0; run < RUNS; run += 1) {
    costs.push([
      await cpuFor(agent.pid, () => requests(`${agent.url}/metrics`, SCRAPES / RUNS)),
      await cpuFor(server.pid, () => requests(serverUrl, SCRAPES / RUNS)),
    ]);
  }
  const then = await Promise.all([memory(agent.pid), memory(server.pid)]);
  const [ofAgent, ofServer] = [0, 1].map((side) =>
    median(costs.map((cost) => ((cost[side] ?? Number.NaN) * RUNS) / SCRAPES)),
  ) as [number, number];
  return [
    {
      figure: "CPU at the defaults",
      value: cpu[0] ?? Number.NaN,
      unit: "ms/s",
      reference: { name: "bare Node.js with a timer a second", value: cpu[1] ?? Number.NaN },
      budget: { value: 0.5 },
    },
    ...memoryRows("idle", idle, 1.3, 1.7),
    ...memoryRows("after 10,000 scrapes", then, 1.2, 1.4),
    {
      figure: "CPU of a scrape, on one connection",
      value: ofAgent,
      unit: "ms",
      reference: { name: "bare Node.js server, the same bytes", value: ofServer },
    },
  ];
}

function memoryRows(
  when: string,
  [agent, server]: readonly { residentMib: number; privateDirtyMib: number }[],
  residentRatio: number,
  dirtyRatio: number,
): Row[] {
  return [
    {
      figure: `resident memory, ${when}`,
      value: agent?.residentMib ?? Number.NaN,
      unit: "MiB",
      reference: bareServer(server?.residentMib),
      budget: { ratio: residentRatio },
    },
    {
      figure: `private dirty memory, ${when}`,
      value: agent?.privateDirtyMib ?? Number.NaN,
      unit: "MiB",
      reference: bareServer(server?.privateDirtyMib),
      budget: { ratio: dirtyRatio },
    },
  ];
}

function bareServer(value = Number.NaN): { readonly name: string; readonly value: number } {
  return { name: "bare Node.js server", value };
}

async function requests(url: string, times: number): Promise<void> {
  for (let number = 0; number < times; number += 1) {
    await (await fetch(url)).arrayBuffer();
  }
}
