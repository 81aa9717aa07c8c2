/** What is measured, each figure beside its reference. */
import { createServer } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { bringChronyd } from "../../test/parts/bring-chronyd.ts";
import { startChronyd } from "../../test/parts/chronyd.ts";
import { followerConfiguration } from "../../test/parts/chronyd-configuration.ts";
import { startFollower } from "../../test/parts/follower.ts";
import { freePort } from "../../test/parts/free-port.ts";
import { listen } from "../../test/parts/listen.ts";
import { endWith, type Owner, Scope } from "../../test/parts/owner.ts";
import { runToEnd } from "../../test/parts/run-to-end.ts";
import type { RunningProcess } from "../../test/parts/running-process.ts";
import { startTimeServer } from "../../test/parts/time-server.ts";
import { waitFor } from "../../test/parts/wait-for.ts";
import { startSender, startServer, startTimer } from "./bare-node.ts";
import { type BundledAgent, counterOf, startBundledAgent } from "./bundled-agent.ts";
import { cpuMs, median, memory } from "./process-figures.ts";
import type { Row } from "./row.ts";

export type Bench = {
  readonly bundle: string;
  /** How long a window of measurement is, in milliseconds. */
  readonly windowMs: number;
  readonly tell: (line: string) => void;
};

const RUNS = 3;
const SCRAPES = 10_000;
const FORKS = 50;
const STARTS = 7;
const DEFAULT_BACKLOG_COLLECTIONS = 38;
const PULL_ONLY = { OTEL_METRICS_EXPORTER: "prometheus" };
/** The shortest intervals that the settings allow: ten polls and pushes a second. */
const FAST = { SLEEP_INTERVAL: "0.1", OTEL_METRIC_EXPORT_INTERVAL: "100" };

/** Measures everything, one figure after another. */
export async function measureAll(bench: Bench): Promise<readonly Row[]> {
  const rows: Row[] = [];
  for (const measure of [atDefaults, polls, onDemand, starts, backlogs]) {
    const scope = new Scope();
    try {
      rows.push(...(await measure(bench, scope)));
    } finally {
      await scope.end();
    }
  }
  return rows;
}

/** With the default settings, a push and a scrape every 30 s; then after many scrapes. */
async function atDefaults(bench: Bench, scope: Scope): Promise<Row[]> {
  const { bundle, windowMs, tell } = bench;
  tell("at the defaults");
  const chronyd = await startFollower(scope);
  const sink = await startSink(scope);
  const agent = await startBundledAgent(scope, bundle, {
    CHRONY_ADDRESS: chronyd.address,
    OTEL_EXPORTER_OTLP_ENDPOINT: sink.url,
  });
  const page = await (await fetch(`${agent.url}/metrics`)).text();
  const port = await freePort();
  const timer = owned(scope, startTimer());
  const server = owned(scope, startServer(port, page));
  const serverUrl = `http://127.0.0.1:${port}/`;
  await server.waitUntil("the bare server", () => fetch(serverUrl).catch(() => undefined));
  // Whole intervals of 30 s, so that each window has as many pushes and scrapes as any other.
  const longMs = Math.max(1, Math.round((2 * windowMs) / 30_000)) * 30_000;
  await delay(windowMs);
  const shares = await windows(longMs, [agent.pid, timer.pid], () => scrape(agent, 1));
  const idle = await Promise.all([memory(agent.pid), memory(server.pid)]);
  tell(`${SCRAPES} scrapes`);
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
      value: shares[0] ?? Number.NaN,
      unit: "ms/s",
      reference: { name: "bare Node.js with a timer a second", value: shares[1] ?? Number.NaN },
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

function bareServer(value = Number.NaN): { readonly name: string; readonly value: number } {
  return { name: "bare Node.js server", value };
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

/** Ten polls a second, of a chronyd with one source, ten, and many. */
async function polls({ bundle, windowMs, tell }: Bench, scope: Scope): Promise<Row[]> {
  const server = await startTimeServer(scope);
  const rows: Row[] = [];
  for (const sources of [1, 10, 300]) {
    tell(`polls, ${sources} sources`);
    const own = new Scope();
    try {
      const chronyd = await startChronyd(own, {
        configuration: configurationOf(server.ntpPort, sources),
      });
      await chronyd.waitUntilSynchronised();
      const agent = await startBundledAgent(own, bundle, {
        CHRONY_ADDRESS: chronyd.address,
        SLEEP_INTERVAL: "0.1",
        ...PULL_ONLY,
      });
      const perPoll: number[] = [];
      await delay(windowMs / 4);
      for (let run = 0; run < RUNS; run += 1) {
        const before = await pollsOf(agent);
        const used = await cpuFor(agent.pid, () => delay(windowMs / 2));
        perPoll.push(used / ((await pollsOf(agent)) - before));
      }
      rows.push({
        figure: `CPU of a poll, ${sources} source${sources === 1 ? "" : "s"}`,
        value: median(perPoll),
        unit: "ms",
        budget: { value: 0.3 },
        ...(sources === 1 && {
          reference: { name: "chronyc -c tracking", value: await chronycMs(chronyd.socketPath) },
        }),
      });
    } finally {
      await own.end();
    }
  }
  return rows;
}

/** One source that answers, and others that do not. */
function configurationOf(ntpPort: number, sources: number): string[] {
  const others = Array.from(
    { length: sources - 1 },
    (_, index) => `server 127.1.${Math.floor(index / 250)}.${(index % 250) + 1} port 9`,
  );
  return [...followerConfiguration(ntpPort), ...others];
}

/** The CPU time of a process of chronyc, from its start to its end. */
async function chronycMs(socketPath: string): Promise<number> {
  const { chronyc } = await bringChronyd(() => {});
  const output = await runToEnd({
    name: "chronyc",
    command: "bash",
    args: [
      "-c",
      `for ((i = 0; i < ${FORKS}; i++)); do "$0" -h "$1" -c tracking >/dev/null || exit; done; times`,
      chronyc,
      socketPath,
    ],
    timeoutMs: 60_000,
  });
  const [user = 0, system = 0] = [
    ...(output.split("\n").at(1) ?? "").matchAll(/(\d+)m([\d.]+)s/g),
  ].map(([, minutes, seconds]) => 60 * Number(minutes) + Number(seconds));
  return ((user + system) * 1000) / FORKS;
}

/** What somebody asks for: a page, a scrape, a push, each made anew for each poll. */
async function onDemand({ bundle, windowMs, tell }: Bench, scope: Scope): Promise<Row[]> {
  tell("a scrape, the page, a push");
  const chronyd = await startFollower(scope);
  const sink = await startSink(scope);
  const settings = { CHRONY_ADDRESS: chronyd.address, SLEEP_INTERVAL: "0.1" };
  const pulled = await startBundledAgent(scope, bundle, { ...settings, ...PULL_ONLY });
  const pushing = await startBundledAgent(scope, bundle, {
    ...settings,
    ...FAST,
    OTEL_EXPORTER_OTLP_ENDPOINT: sink.url,
    OTEL_METRICS_EXPORTER: "otlp",
  });
  await delay(windowMs / 4);
  const costs: Record<"scrape" | "page" | "push", number[]> = { scrape: [], page: [], push: [] };
  for (let run = 0; run < RUNS; run += 1) {
    const lengthMs = windowMs / 2;
    const [quiet = Number.NaN] = await shareOf(lengthMs, [pulled.pid]);
    for (const [name, path] of [
      ["scrape", "/metrics"],
      ["page", "/"],
    ] as const) {
      let asked = 0;
      const asking = setInterval(() => {
        asked += 1;
        void fetch(`${pulled.url}${path}`).then((answer) => answer.arrayBuffer());
      }, 100);
      const [busy = Number.NaN] = await shareOf(lengthMs, [pulled.pid]);
      clearInterval(asking);
      costs[name].push(((busy - quiet) * (lengthMs / 1000)) / asked);
    }
    const before = sink.requests();
    const [pushes = Number.NaN] = await shareOf(lengthMs, [pushing.pid]);
    costs.push.push(((pushes - quiet) * (lengthMs / 1000)) / (sink.requests() - before));
  }
  return [
    { figure: "CPU of a scrape, made anew", value: median(costs.scrape), unit: "ms" },
    { figure: "CPU of the page, made anew", value: median(costs.page), unit: "ms" },
    { figure: "CPU of a push", value: median(costs.push), unit: "ms" },
  ];
}

/** From the start of the process to its first push. */
async function starts({ bundle, tell }: Bench, scope: Scope): Promise<Row[]> {
  tell("starts");
  const chronyd = await startFollower(scope);
  const sink = await startSink(scope);
  const seconds: Record<"agent" | "bare", number[]> = { agent: [], bare: [] };
  const firstRequest = async (
    name: "agent" | "bare",
    start: () => Promise<{ stop(): unknown }>,
  ) => {
    const arrived = sink.next();
    const beganMs = performance.now();
    const starting = start();
    seconds[name].push(((await arrived) - beganMs) / 1000);
    await (await starting).stop();
  };
  for (let run = 0; run < STARTS; run += 1) {
    await firstRequest("agent", () =>
      startBundledAgent(scope, bundle, {
        CHRONY_ADDRESS: chronyd.address,
        OTEL_EXPORTER_OTLP_ENDPOINT: sink.url,
      }),
    );
    await firstRequest("bare", async () => owned(scope, startSender(`${sink.url}/v1/metrics`)));
  }
  return [
    {
      figure: "from the start of the process to the first push",
      value: median(seconds.agent),
      unit: "s",
      reference: { name: "bare Node.js to its first request", value: median(seconds.bare) },
      budget: { value: 0.4 },
    },
  ];
}

/** What waits after 19 minutes without a backend, and what it costs to send it. */
async function backlogs({ bundle, tell }: Bench, scope: Scope): Promise<Row[]> {
  const rows: Row[] = [];
  tell("a full backlog");
  const chronyd = await startFollower(scope);
  const port = await freePort();
  const agent = await startBundledAgent(scope, bundle, {
    CHRONY_ADDRESS: chronyd.address,
    ...FAST,
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
  tell(`${full} points waited`);
  rows.push(
    {
      figure: `memory of a full backlog (${full} points)`,
      value: then.residentMib - before.residentMib,
      unit: "MiB",
    },
    { figure: "CPU to send it", value: used, unit: "ms" },
    { figure: "time to send it", value: drainedMs / 1000, unit: "s" },
  );
  return rows;
}

async function startSink(owner: Owner, port?: number) {
  let count = 0;
  let waiting = Promise.withResolvers<number>();
  const server = createServer((request, response) => {
    const nowMs = performance.now();
    request.resume().once("end", () => {
      count += 1;
      response.writeHead(200, { "content-type": "application/json" }).end("{}");
      waiting.resolve(nowMs);
      waiting = Promise.withResolvers();
    });
  });
  const listening = await listen(owner, server, port === undefined ? {} : { port });
  return {
    url: `http://127.0.0.1:${listening.port}`,
    requests: () => count,
    /** When the next request came, by performance.now(). */
    next: () => waiting.promise,
  };
}

function owned(owner: Owner, running: RunningProcess): RunningProcess {
  endWith(owner, () => running.stop());
  return running;
}

/** The CPU time that processes use, in milliseconds a second: the median of several windows. */
async function windows(
  lengthMs: number,
  pids: readonly number[],
  each: () => Promise<unknown>,
): Promise<number[]> {
  const shares: number[][] = [];
  for (let run = 0; run < RUNS; run += 1) {
    const [share] = await Promise.all([shareOf(lengthMs, pids), each()]);
    shares.push(share);
  }
  return pids.map((_, index) => median(shares.map((share) => share[index] ?? Number.NaN)));
}

async function shareOf(lengthMs: number, pids: readonly number[]): Promise<number[]> {
  const beganMs = performance.now();
  const before = await Promise.all(pids.map(cpuMs));
  await delay(lengthMs);
  const after = await Promise.all(pids.map(cpuMs));
  const seconds = (performance.now() - beganMs) / 1000;
  return after.map((value, index) => (value - (before[index] ?? Number.NaN)) / seconds);
}

async function cpuFor(pid: number, work: () => Promise<unknown>): Promise<number> {
  const before = await cpuMs(pid);
  await work();
  return (await cpuMs(pid)) - before;
}

async function scrape(agent: BundledAgent, times: number): Promise<void> {
  await requests(`${agent.url}/metrics`, times);
}

async function requests(url: string, times: number): Promise<void> {
  for (let number = 0; number < times; number += 1) {
    await (await fetch(url)).arrayBuffer();
  }
}

async function pollsOf(agent: BundledAgent): Promise<number> {
  return counterOf(agent, "chrony_tracker_readings_total", 'result="success"');
}
