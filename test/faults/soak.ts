/**
 * Hours of operation in minutes: the bundled agent, with the image's flags, polls a real chronyd and pushes 10 times a
 * second instead of twice a minute, to a fake collector that is away, silent or rejecting half of the time. What the
 * agent holds is measured repeatedly, and must stay the same.
 */
import { readdir, readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { startChronyd } from "../parts/chronyd.ts";
import { localReferenceConfiguration } from "../parts/chronyd-configuration.ts";
import { freePort } from "../parts/free-port.ts";
import { IMAGE_FLAGS } from "../parts/image-flags.ts";
import { listen } from "../parts/listen.ts";
import { endWith, type Owner, Scope } from "../parts/owner.ts";
import { fileDescriptors } from "../parts/process-status.ts";
import { runToEnd } from "../parts/run-to-end.ts";
import { startProcess } from "../parts/running-process.ts";
import { type FakeNetwork, type NetworkCondition, startFakeNetwork } from "./fake-network.ts";

/** What the agent holds at one moment. */
export type Holdings = {
  /** Time since the soak began. */
  readonly seconds: number;
  readonly pushes: number;
  readonly residentMib: number;
  /** JavaScript's heap after a garbage collection. */
  readonly heapMib: number;
  readonly fileDescriptors: number;
  /** Sockets among the descriptors. */
  readonly sockets: number;
  /** Files in the directory of chronyd's socket, including chronyd's. */
  readonly socketFiles: number;
  /** Timers, sockets and other resources of Node.js. */
  readonly resources: number;
};

/** The amounts that the agent holds, without the time. */
export type HeldAmounts = Omit<Holdings, "seconds" | "pushes">;

/** The result of a soak. */
export type SoakReport = {
  readonly pushes: number;
  readonly outages: number;
  /** The medians of its second quarter, when the process is warm. */
  readonly early: HeldAmounts;
  /** The medians of its last quarter. */
  readonly late: HeldAmounts;
  /** The growth per hour: the least-squares line through all looks after the first quarter. */
  readonly risePerHour: HeldAmounts;
};

export type SoakOptions = {
  readonly minutes: number;
  /** Gets each measurement. */
  readonly onLook?: (holdings: Holdings) => void;
};

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const DIAGNOSIS = new URL("process-diagnosis.mjs", import.meta.url).href;
const LOOK_MS = 2_000;
const OUTAGE_MS = 3_000;
const ANSWER_MS = 10_000;
const MIB = 1024 * 1024;

/** The faults of the collector, in turn, with healthy periods between them. */
const OUTAGES: readonly (NetworkCondition | number)[] = [
  "refused",
  503,
  "half open",
  500,
  "cut",
  401,
];

/** Runs the agent through one outage after another. */
export async function soak({ minutes, onLook = () => {} }: SoakOptions): Promise<SoakReport> {
  await runToEnd({
    name: "npm run build",
    command: process.execPath,
    args: [join(ROOT, "tools/bundle.ts")],
    timeoutMs: 60_000,
  });
  const scope = new Scope();
  const chronyd = await startChronyd(scope, { configuration: localReferenceConfiguration() });
  const collector = await startFakeCollector(scope);
  const network = await startFakeNetwork(scope, collector.port);
  const { PATH, HOME } = process.env;
  const agent = startProcess({
    name: "the agent",
    command: process.execPath,
    args: [...IMAGE_FLAGS, "--import", DIAGNOSIS, join(ROOT, "dist/chrony-tracker.cjs")],
    env: {
      PATH,
      HOME,
      CHRONY_ADDRESS: chronyd.address,
      SLEEP_INTERVAL: "0.1",
      OTEL_METRIC_EXPORT_INTERVAL: "100",
      OTEL_EXPORTER_OTLP_ENDPOINT: network.url,
      OTEL_EXPORTER_PROMETHEUS_HOST: "127.0.0.1",
      OTEL_EXPORTER_PROMETHEUS_PORT: String(await freePort()),
      // A minute of points is more than the backlog of 19 minutes at the default intervals.
      BACKLOG_MAX_AGE: "60",
      OTEL_LOG_LEVEL: "error",
    },
    ipc: true,
  });
  endWith(scope, () => agent.stop());
  const looks: Holdings[] = [];
  let outages = 0;
  const beganMs = performance.now();
  const isOver = () => performance.now() - beganMs > minutes * 60_000;
  const breaking = (async () => {
    while (!isOver()) {
      await delay(OUTAGE_MS);
      await apply(OUTAGES[outages % OUTAGES.length] ?? "refused", network, collector);
      outages += 1;
      await delay(OUTAGE_MS);
      await apply("open", network, collector);
    }
  })();
  try {
    while (!isOver()) {
      await agent.waitUntil("the time of the next look", () => delay(LOOK_MS, true));
      const told = (await agent.ask("diagnose", ANSWER_MS)) as Diagnosis;
      const descriptors = await fileDescriptors(agent.pid);
      const holdings: Holdings = {
        seconds: Math.round((performance.now() - beganMs) / 1000),
        pushes: collector.pushes(),
        residentMib: await residentMib(agent.pid),
        heapMib: told.heapUsed / MIB,
        fileDescriptors: descriptors.length,
        sockets: descriptors.filter((target) => target.startsWith("socket:")).length,
        socketFiles: (await readdir(dirname(chronyd.socketPath))).length,
        resources: told.resources,
      };
      looks.push(holdings);
      onLook(holdings);
    }
  } finally {
    await breaking;
    await scope.end();
  }
  const quarter = Math.floor(looks.length / 4);
  return {
    pushes: collector.pushes(),
    outages,
    early: ofEach((amount) => median(looks.slice(quarter, 2 * quarter).map(amount))),
    late: ofEach((amount) => median(looks.slice(-quarter).map(amount))),
    risePerHour: ofEach((amount) =>
      risePerHour(looks.slice(quarter).map((look) => [look.seconds, amount(look)])),
    ),
  };
}

type Diagnosis = {
  readonly heapUsed: number;
  readonly resources: number;
};

type FakeCollector = {
  readonly port: number;
  /** The number of accepted pushes. */
  readonly pushes: () => number;
  answer(status: number): void;
};

async function startFakeCollector(owner: Owner): Promise<FakeCollector> {
  let status = 200;
  let pushes = 0;
  const server = createServer((request, response) => {
    request.resume();
    request.once("end", () => {
      pushes += status === 200 ? 1 : 0;
      response.writeHead(status, { "content-type": "application/json" }).end("{}");
    });
  });
  const { port } = await listen(owner, server);
  return {
    port,
    pushes: () => pushes,
    answer(newStatus) {
      status = newStatus;
    },
  };
}

async function apply(
  outage: NetworkCondition | number,
  network: FakeNetwork,
  collector: FakeCollector,
): Promise<void> {
  collector.answer(typeof outage === "number" ? outage : 200);
  await network.become(typeof outage === "number" ? "open" : outage);
}

async function residentMib(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]) / 1024;
}

/** Computes a figure for each amount. */
function ofEach(figure: (amount: (look: Holdings) => number) => number): HeldAmounts {
  return {
    residentMib: figure((look) => look.residentMib),
    heapMib: figure((look) => look.heapMib),
    fileDescriptors: figure((look) => look.fileDescriptors),
    sockets: figure((look) => look.sockets),
    socketFiles: figure((look) => look.socketFiles),
    resources: figure((look) => look.resources),
  };
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

/** @param points seconds and the amount at that time */
function risePerHour(points: readonly (readonly [number, number])[]): number {
  const mean = (of: (point: readonly [number, number]) => number) =>
    points.reduce((sum, point) => sum + of(point), 0) / points.length;
  const meanSeconds = mean(([seconds]) => seconds);
  const covariance = mean(([seconds, amount]) => (seconds - meanSeconds) * amount);
  const variance = mean(([seconds]) => (seconds - meanSeconds) ** 2);
  return (covariance / variance) * 3600;
}
