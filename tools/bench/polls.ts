/** The CPU of a poll, beside chronyc. */
import { setTimeout as delay } from "node:timers/promises";
import { bringChronyd } from "../../test/parts/bring-chronyd.ts";
import { startChronyd } from "../../test/parts/chronyd.ts";
import { followerConfiguration } from "../../test/parts/chronyd-configuration.ts";
import { Scope } from "../../test/parts/owner.ts";
import { runToEnd } from "../../test/parts/run-to-end.ts";
import { startTimeServer } from "../../test/parts/time-server.ts";
import type { Bench } from "./bench.ts";
import { type BundledAgent, counterOf, startBundledAgent } from "./bundled-agent.ts";
import { cpuFor, RUNS } from "./cpu-use.ts";
import { median } from "./process-figures.ts";
import type { Row } from "./row.ts";

const FORKS = 50;

/** Measures ten polls a second of a chronyd with one source, ten, and 300. */
export async function measurePolls(
  { bundle, windowMs, report }: Bench,
  scope: Scope,
): Promise<Row[]> {
  const server = await startTimeServer(scope);
  const rows: Row[] = [];
  for (const sources of [1, 10, 300]) {
    report(`polls, ${sources} sources`);
    const own = new Scope();
    try {
      const chronyd = await startChronyd(own, {
        configuration: configurationOf(server.ntpPort, sources),
      });
      await chronyd.waitUntilSynchronised();
      const agent = await startBundledAgent(own, bundle, {
        CHRONY_ADDRESS: chronyd.address,
        SLEEP_INTERVAL: "0.1",
        OTEL_METRICS_EXPORTER: "prometheus",
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

/** One source that answers; the others do not. */
function configurationOf(ntpPort: number, sources: number): string[] {
  const others = Array.from(
    { length: sources - 1 },
    (_, index) => `server 127.1.${Math.floor(index / 250)}.${(index % 250) + 1} port 9`,
  );
  return [...followerConfiguration(ntpPort), ...others];
}

/** The CPU time of one chronyc process, in milliseconds. */
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

async function pollsOf(agent: BundledAgent): Promise<number> {
  return counterOf(agent, "chrony_tracker_readings_total", 'result="success"');
}
