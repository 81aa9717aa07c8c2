/**
 * Hours of operation in minutes: the bundled agent, with the image's flags, reads a real chronyd and
 * pushes 10 times a second instead of twice a minute, to a fake collector that is away, silent or
 * refuses half of the time. What it holds is looked at again and again: it has to stay the same.
 */
import { readdir, readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { startChronyd } from "../parts/chronyd.ts";
import { localReferenceConfiguration } from "../parts/chronyd-configuration.ts";
import { freePort } from "../parts/free-port.ts";
import { listen } from "../parts/listen.ts";
import { endWith, type Owner, Scope } from "../parts/owner.ts";
import { runToEnd } from "../parts/run-to-end.ts";
import { startProcess } from "../parts/running-process.ts";
import { type FakeNetwork, type NetworkCondition, startFakeNetwork } from "./fake-network.ts";

/** What the agent holds at one moment. */
export type Holdings = {
  /** Since the soak began. */
  readonly seconds: number;
  readonly pushes: number;
  readonly residentMib: number;
  /** JavaScript's heap after a collection of garbage. */
  readonly heapMib: number;
  readonly fileDescriptors: number;
  /** Files in the directory of chronyd's socket, chronyd's own among them. */
  readonly socketFiles: number;
  /** Timers, sockets and other things that Node.js keeps for the program. */
  readonly resources: number;
};

/** Several looks at what the agent holds, taken together: the median of each. */
export type TypicalHoldings = Omit<Holdings, "seconds" | "pushes">;

/** How a soak went. */
export type SoakReport = {
  readonly pushes: number;
  readonly outages: number;
  /** In its second quarter, when all is warm. */
  readonly early: TypicalHoldings;
  /** In its last quarter. */
  readonly late: TypicalHoldings;
};

export type SoakOptions = {
  readonly minutes: number;
  /** Gets each look at what the agent holds. */
  readonly onLook?: (holdings: Holdings) => void;
};

/** Those of the image. */
export const V8_FLAGS: readonly string[] = [
  "--max-semi-space-size=1",
  "--max-old-space-size=32",
  "--optimize-for-size",
];

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const DIAGNOSIS = new URL("process-diagnosis.mjs", import.meta.url).href;
const LOOK_MS = 2_000;
const OUTAGE_MS = 3_000;
const ANSWER_MS = 10_000;
const MIB = 1024 * 1024;

/** What befalls the way to the collector, in turn; between two of them all is well. */
const OUTAGES: readonly (NetworkCondition | number)[] = [
  "refused",
  503,
  "half open",
  500,
  "cut",
  401,
];

/** Lets the agent run for a while, through one outage after another. */
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
    args: [
      ...V8_FLAGS,
      "--expose-gc",
      "--import",
      DIAGNOSIS,
      join(ROOT, "dist/chrony-tracker.cjs"),
    ],
    env: {
      PATH,
      HOME,
      CHRONY_ADDRESS: chronyd.address,
      SLEEP_INTERVAL: "0.1",
      OTEL_METRIC_EXPORT_INTERVAL: "100",
      OTEL_EXPORTER_OTLP_ENDPOINT: network.url,
      OTEL_EXPORTER_PROMETHEUS_HOST: "127.0.0.1",
      OTEL_EXPORTER_PROMETHEUS_PORT: String(await freePort()),
      // A minute's points are more than what waits in production for the 19 minutes allowed there.
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
      const holdings: Holdings = {
        seconds: Math.round((performance.now() - beganMs) / 1000),
        pushes: collector.pushes(),
        residentMib: await residentMib(agent.pid),
        heapMib: told.heapUsed / MIB,
        fileDescriptors: (await readdir(`/proc/${agent.pid}/fd`)).length,
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
    early: typical(looks.slice(quarter, 2 * quarter)),
    late: typical(looks.slice(-quarter)),
  };
}

type Diagnosis = {
  readonly heapUsed: number;
  readonly resources: number;
};

type FakeCollector = {
  readonly port: number;
  /** How many pushes it accepted. */
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

function typical(looks: readonly Holdings[]): TypicalHoldings {
  const median = (of: (look: Holdings) => number) => {
    const sorted = looks.map(of).toSorted((a, b) => a - b);
    return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
  };
  return {
    residentMib: median((look) => look.residentMib),
    heapMib: median((look) => look.heapMib),
    fileDescriptors: median((look) => look.fileDescriptors),
    socketFiles: median((look) => look.socketFiles),
    resources: median((look) => look.resources),
  };
}
