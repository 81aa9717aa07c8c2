/**
 * Writes test/alerts/recorded.test.yaml: what agents with real chronyds report in half an hour, as histories
 * for promtool, and the alerts that must fire. The output is committed. Run it when what an agent reports
 * has changed:
 *
 *     node tools/record-alert-histories.ts [--minutes 26]
 */
import { writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { stringify } from "yaml";
import { type Agent, startAgentBeside } from "../test/parts/agent.ts";
import { type Chronyd, startChronyd } from "../test/parts/chronyd.ts";
import {
  followerConfiguration,
  timeServerConfiguration,
} from "../test/parts/chronyd-configuration.ts";
import { parseExposition, type Sample } from "../test/parts/exposition.ts";
import { freeUdpPort } from "../test/parts/free-port.ts";
import { Scope } from "../test/parts/owner.ts";
import { startTimeServer } from "../test/parts/time-server.ts";

const OUTPUT = new URL("../test/alerts/recorded.test.yaml", import.meta.url);

const MINUTE_MS = 60_000;

/** When the faults begin, in minutes from the start. */
const BREAKS_AT_MINUTE = 2;

/** The series that alerts query. The others are left out to keep the file small. */
const RECORDED =
  /^chrony_(up|clock_.*|sync_state|reference_age_seconds|upstream_local|ptp_clock_info|tracking_(info|stratum)|sources_(state_info|polling_interval_seconds|reachability_ratio))$/;

/** A node. Its name is that of its cluster and a number. */
type Node = {
  readonly cluster: string;
  readonly name: string;
  readonly chronyd: Chronyd;
  readonly agent: Agent;
  /** The samples of each minute. */
  readonly minutes: Sample[][];
};

/** The only alerts that must fire at the end, by cluster. */
const EXPECTED: Readonly<Record<string, readonly string[]>> = {
  "restarted-together": [],
  slewing: ["ClockErrorCritical"],
  "dead-source": ["TimeSourceStale"],
  "free-source": ["TimeSourceRunsFree"],
  "dead-chronyd": ["ChronydUnreachable"],
};

const { values } = parseArgs({ options: { minutes: { type: "string", default: "26" } } });
const minutes = Number(values.minutes);

const scope = new Scope();
const nodes: Node[] = [];
try {
  await record();
} finally {
  await scope.end();
}
await writeFile(OUTPUT, historyText());

async function record(): Promise<void> {
  const server = await startTimeServer(scope);
  const mortal = await startTimeServer(scope);
  const freePort = await freeUdpPort();
  await startChronyd(scope, { configuration: timeServerConfiguration(freePort) });
  await server.waitUntilSynchronised();
  await mortal.waitUntilSynchronised();

  await Promise.all([
    // Five nodes that are restarted together: a burst, then a poll every 17 minutes.
    ...[1, 2, 3, 4, 5].map((number) =>
      add("restarted-together", number, [
        `server 127.0.0.1 port ${server.ntpPort} iburst minpoll 10 maxpoll 10`,
      ]),
    ),
    add(
      "slewing",
      1,
      followerConfiguration(server.ntpPort, { offsetSeconds: 0.3, polling: "normal" }),
    ),
    add("dead-source", 1, followerConfiguration(mortal.ntpPort, { polling: "normal" })),
    add("free-source", 1, followerConfiguration(freePort, { polling: "normal" })),
    add("dead-chronyd", 1, followerConfiguration(server.ntpPort, { polling: "normal" })),
  ]);

  const beganMs = performance.now();
  for (let minute = 0; minute <= minutes; minute += 1) {
    if (minute === BREAKS_AT_MINUTE) {
      await mortal.stop();
      await nodes.find(({ cluster }) => cluster === "dead-chronyd")?.chronyd.stop();
    }
    await sleep(Math.max(beganMs + minute * MINUTE_MS - performance.now(), 0));
    for (const node of nodes) {
      const response = await fetch(`${node.agent.pullUrl}/metrics`);
      node.minutes.push(parseExposition(await response.text()).filter(isRecorded));
    }
    process.stdout.write(`minute ${minute} of ${minutes}\n`);
  }
}

async function add(cluster: string, number: number, configuration: string[]): Promise<void> {
  const chronyd = await startChronyd(scope, { configuration });
  const agent = await startAgentBeside(scope, chronyd, { SLEEP_INTERVAL: "1" });
  await agent.process.waitUntil("it to serve metrics", async () => {
    const response = await fetch(`${agent.pullUrl}/metrics`);
    return response.ok && (await response.text()).includes("chrony_up");
  });
  nodes.push({ cluster, name: `${cluster}-${number}`, chronyd, agent, minutes: [] });
}

function isRecorded({ name }: Sample): boolean {
  return RECORDED.test(name);
}

function historyText(): string {
  const firing = `sum by (alertname, cluster, k8s_node_name) (ALERTS{alertstate="firing"})`;
  // Not pending alerts, because a chronyd that was just restarted is not synchronised.
  const healthy = `sum by (alertname, cluster) (ALERTS{alertstate="firing",cluster="restarted-together"})`;
  const tests = [
    {
      name: `what agents beside real chronyds reported for ${minutes} minutes`,
      interval: "1m",
      input_series: nodes.flatMap(seriesOf),
      promql_expr_test: [
        ...Array.from({ length: minutes }, (_, index) => ({
          expr: healthy,
          eval_time: `${index + 1}m`,
          exp_samples: [],
        })),
        {
          expr: firing,
          eval_time: `${minutes}m`,
          exp_samples: Object.entries(EXPECTED).flatMap(([cluster, alerts]) =>
            alerts.map((alertname) => ({
              labels: `{alertname="${alertname}",cluster="${cluster}",k8s_node_name="${cluster}-1"}`,
              value: 1,
            })),
          ),
        },
      ],
    },
  ];
  const content = {
    rule_files: ["../../alerts/chrony-tracker.rules.yaml"],
    evaluation_interval: "1m",
    tests,
  };
  return `# Recorded by tools/record-alert-histories.ts: change that, and record again.\n${stringify(content, { lineWidth: 0, aliasDuplicateObjects: false })}`;
}

/** The series of a node in promtool's notation: one value per minute, `stale` where there is none. */
function seriesOf({ cluster, name, minutes: recorded }: Node): object[] {
  const all = new Map<string, (number | undefined)[]>();
  for (const [minute, samples] of recorded.entries()) {
    for (const sample of samples) {
      const labels = {
        ...sample.labels,
        cluster,
        k8s_node_name: name,
        job: "chrony-tracker-pull",
      };
      const text = Object.entries(labels)
        .map(([label, value]) => `${label}="${value}"`)
        .join(",");
      const key = `${sample.name}{${text}}`;
      const before = all.get(key) ?? [];
      all.set(key, before);
      before[minute] = sample.value;
    }
  }
  return [...all].map(([series, known]) => ({
    series,
    values: Array.from({ length: recorded.length }, (_, minute) => {
      const value = known[minute];
      // For Prometheus, a series that is missing in a scrape has ended.
      return value === undefined ? "stale" : Number(value.toPrecision(6)).toString();
    }).join(" "),
  }));
}
