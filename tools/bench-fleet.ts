/**
 * `npm run bench:fleet`: measures the shipped collector with 1,000, 2,000 and 5,000 agents, each with its own
 * token, connection and phase, and a real Prometheus; then, with the largest number, when one of two
 * replicas stops, and after 19 minutes without a backend. `--agents 1000,5000` and `--seconds 60` change
 * sizes and lengths, `--write` writes the table to docs/fleet.md. It takes a quarter of an hour.
 */
import { readFile, writeFile } from "node:fs/promises";
import { cpus } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { type FakeFleet, startFakeFleet } from "../test/faults/fake-fleet.ts";
import { startFakeTokenIssuer } from "../test/otel-collector/fake-token-issuer.ts";
import { bringPrograms, progressToStandardError } from "../test/parts/bring.ts";
import {
  type Collector,
  KUBERNETES_CONFIGURATION_FILES,
  startCollector,
} from "../test/parts/collector.ts";
import { Scope } from "../test/parts/owner.ts";
import { type Prometheus, startPrometheus } from "../test/parts/prometheus.ts";
import { waitFor } from "../test/parts/wait-for.ts";
import { cpuMs, memory } from "./bench/process-figures.ts";
import { markdownTable } from "./markdown-table.ts";
import { reportMissingPart } from "./report-missing-part.ts";

const PAGE = fileURLToPath(new URL("../docs/fleet.md", import.meta.url));
const INTERVAL_SECONDS = 30;
/** The number of collections that an agent keeps at the defaults. */
const BACKLOG_COLLECTIONS = 38;
const LONGEST_MS = 1_800_000;
/** The limits of the shipped manifests. */
const LIMITS = { GOMEMLIMIT: "320MiB", GOMAXPROCS: "1" };

const { values } = parseArgs({
  options: {
    agents: { type: "string", default: "1000,2000,5000" },
    seconds: { type: "string", default: "60" },
    write: { type: "boolean", default: false },
  },
});
const sizes = values.agents.split(",").map(Number);
const seconds = Number(values.seconds);
if (!(sizes.every((size) => Number.isInteger(size) && size > 0) && seconds >= 1)) {
  process.stderr.write(
    `--agents is ${values.agents} and --seconds is ${values.seconds}: expected whole numbers with commas, and 1 or more.\n`,
  );
  process.exit(2);
}

type Line = {
  readonly load: string;
  readonly pushesPerSecond: number;
  /** The sum over all replicas, each of which has one core. */
  readonly cores: number;
  readonly peakMib: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly otherAnswers: string;
};

type Fleet = {
  readonly scope: Scope;
  readonly fleet: FakeFleet;
  readonly prometheus: Prometheus;
  /** The collectors behind the Service. */
  readonly collectors: Collector[];
};

const lines: (Line & { readonly lost?: number })[] = [];
await reportMissingPart(async () => {
  await bringPrograms(progressToStandardError);
  const largest = Math.max(...sizes);
  for (const size of sizes) {
    await withFleet(size, 1, async (fleet) => {
      await delay(INTERVAL_SECONDS * 1000);
      const line = await measure(`${size} agents`, fleet);
      lines.push({ ...line, lost: await lostBy(fleet) });
    });
  }
  await withFleet(largest, 2, async (fleet) => {
    await delay(INTERVAL_SECONDS * 1000);
    lines.push(await measure(`${largest} agents, two replicas`, fleet));
    await fleet.collectors[0]?.stop();
    // Connections to it are refused until it is removed from the Service.
    fleet.collectors.shift();
    const line = await measure(`${largest} agents, one of two replicas gone`, fleet);
    lines.push({ ...line, lost: await lostBy(fleet) });
  });
  await withFleet(largest, 1, async (fleet) => {
    await delay(INTERVAL_SECONDS * 1000);
    fleet.fleet.addBacklog(BACKLOG_COLLECTIONS);
    const beganMs = performance.now();
    const line = await measure(`${largest} agents, after 19 minutes without a backend`, fleet, () =>
      waitFor("the backlog to be sent", () => fleet.fleet.waiting() < largest, LONGEST_MS),
    );
    const tookSeconds = Math.round((performance.now() - beganMs) / 1000);
    lines.push({
      ...line,
      load: `${line.load}: all sent in ${tookSeconds} s`,
      lost: await lostBy(fleet),
    });
  });
});
process.stdout.write(table());
if (values.write) {
  const page = await readFile(PAGE, "utf8");
  await writeFile(PAGE, page.replace(/^On [\s\S]*?\|\n(?!\|)/m, table()));
}

async function withFleet(
  agents: number,
  replicas: number,
  work: (fleet: Fleet) => Promise<void>,
): Promise<void> {
  process.stderr.write(`${agents} agents, ${replicas} replicas\n`);
  const scope = new Scope();
  try {
    const issuer = await startFakeTokenIssuer(scope);
    const prometheus = await startPrometheus(scope, { outOfOrderTimeWindow: "30m" });
    const collectors = await Promise.all(
      Array.from({ length: replicas }, () =>
        startCollector(scope, {
          remoteWriteUrl: prometheus.remoteWriteUrl,
          configurationFiles: KUBERNETES_CONFIGURATION_FILES,
          environment: { TOKEN_ISSUER_URL: issuer.url, ...LIMITS },
        }),
      ),
    );
    let turn = 0;
    const fleet = await startFakeFleet(scope, {
      otlpUrl: () => {
        turn += 1;
        return collectors[turn % collectors.length]?.otlpUrl ?? "";
      },
      connects: true,
      senders: agents,
      pushesPerSecond: agents / INTERVAL_SECONDS,
      token: (node) => issuer.token({ node }),
    });
    await work({ scope, fleet, prometheus, collectors });
  } finally {
    await scope.end();
  }
}

async function measure(
  load: string,
  { fleet, collectors }: Fleet,
  work: () => Promise<unknown> = () => delay(seconds * 1000),
): Promise<Line> {
  fleet.answers();
  fleet.durationsMs();
  const pids = collectors.map(({ process: { pid } }) => pid);
  const cpuOfAll = async () => {
    const used = await Promise.all(pids.map((pid) => cpuMs(pid).catch(() => 0)));
    return used.reduce((sum, one) => sum + one, 0);
  };
  let peakMib = 0;
  const look = async () => {
    for (const pid of pids) {
      const held = await memory(pid).catch(() => undefined);
      peakMib = Math.max(peakMib, held?.residentMib ?? 0);
    }
  };
  const looking = setInterval(() => void look(), 500);
  const beganMs = performance.now();
  const before = await cpuOfAll();
  await work();
  const tookMs = performance.now() - beganMs;
  const cores = ((await cpuOfAll()) - before) / tookMs;
  clearInterval(looking);
  const sorted = fleet.durationsMs().toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.floor(share * (sorted.length - 1))] ?? Number.NaN;
  const { 200: accepted = 0, ...others } = fleet.answers();
  return {
    load,
    pushesPerSecond: accepted / (tookMs / 1000),
    cores,
    peakMib,
    p50Ms: at(0.5),
    p99Ms: at(0.99),
    otherAnswers: Object.entries(others)
      .map(([status, count]) => `${status === "0" ? "no answer" : status}: ${count}`)
      .join(", "),
  };
}

/** The number of collections that are not in Prometheus. */
async function lostBy({ fleet, prometheus }: Fleet): Promise<number> {
  fleet.makeNoMore();
  await waitFor("what waits to go", () => fleet.waiting() === 0, LONGEST_MS);
  const held = await prometheus.query(
    'sum(count_over_time(chrony_up{instance=~"fleet-.*"}[2h]))',
    Date.now() / 1000 + 60,
  );
  const made = [...fleet.made().values()].reduce((sum, one) => sum + one, 0);
  return made - (held[0]?.value ?? 0);
}

function table(): string {
  const header = [
    "load",
    "pushes/s",
    "cores",
    "peak memory",
    "p50",
    "p99",
    "other answers",
    "lost",
  ];
  const rows = lines.map((line) => [
    line.load,
    line.pushesPerSecond.toFixed(0),
    line.cores.toFixed(2),
    `${line.peakMib.toFixed(0)} MiB`,
    `${line.p50Ms.toFixed(0)} ms`,
    `${line.p99Ms.toFixed(0)} ms`,
    line.otherAnswers || "none",
    line.lost === undefined ? "" : String(line.lost),
  ]);
  return `On ${cpus()[0]?.model ?? "an unknown CPU"}, ${cpus().length} cores, which the senders and Prometheus share.\n\n${markdownTable([header, ...rows])}`;
}
