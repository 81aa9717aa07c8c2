/** What the picture shows: eight simulated nodes over real chronyds, and six minutes in which things go wrong. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Dashboard } from "@grafana/grafana-foundation-sdk/dashboard";
import { recordingGroup } from "../../alerts/prometheus.ts";
import { panelsOf, queriesOf, type Result, run } from "../../test/grafana/dashboard-queries.ts";
import { type Fleet, PUSHING_CLUSTER, startFleet } from "../../test/grafana/fleet.ts";
import { followerConfiguration } from "../../test/parts/chronyd-configuration.ts";
import { Scope } from "../../test/parts/owner.ts";
import { type ReferenceClock, startReferenceClock } from "../../test/parts/reference-clock.ts";
import { folderOf } from "../../test/parts/scratch-folder.ts";
import { startTimeServer } from "../../test/parts/time-server.ts";

/** What the queries of a dashboard's panels gave, by panel and query. */
export type Answers = {
  readonly startSeconds: number;
  readonly endSeconds: number;
  readonly results: Readonly<Record<number, Readonly<Record<string, readonly Result[]>>>>;
};

const NODES = Array.from({ length: 8 }, (_, index) => `aks-pool-${index + 1}`);
const HEALTHY_SECONDS = 45;

/** The shipped recordings, once a second, and alerts that need seconds where the shipped ones need minutes, as the incident has only six. */
const RULES = {
  groups: [
    recordingGroup("1s"),
    {
      name: "alerts of the picture",
      interval: "1s",
      rules: [
        alert("ChronydUnreachable", 'chrony_sync_state{state="unreachable"} == 1', "critical"),
        alert("TimeSourceStale", 'chrony_sync_state{state="stale"} == 1', "warning"),
        alert("ClockErrorHigh", "chrony_clock_error_peak_ms > 50", "warning"),
      ],
    },
  ],
};

/** Plays the incident and asks what the dashboard asks, as it is at the end. */
export async function playIncident(dashboard: Dashboard): Promise<Answers> {
  const scope = new Scope();
  try {
    return await playIncidentIn(scope, dashboard);
  } finally {
    await scope.end();
  }
}

async function playIncidentIn(scope: Scope, dashboard: Dashboard): Promise<Answers> {
  const rules = join(await folderOf(scope), "rules.yaml");
  await writeFile(rules, JSON.stringify(RULES));
  const otherServer = await startTimeServer(scope);
  const referenceClock = await startReferenceClock(scope, { poll: 0, filter: 4 });
  const configurations: Readonly<Record<string, readonly string[]>> = {
    // Slow enough for the agent to see each update.
    "aks-pool-4": followerConfiguration(otherServer.ntpPort, { polling: "normal" }),
    "aks-pool-7": [referenceClock.configuration],
  };
  const fleet = await startFleet(
    scope,
    NODES.map((name) => {
      const configuration = configurations[name];
      return {
        name,
        ways: "push and pull" as const,
        ...(configuration === undefined ? {} : { configuration }),
      };
    }),
    [rules],
  );
  const startSeconds = Date.now() / 1000;
  await delay(HEALTHY_SECONDS * 1000);
  await goWrong(fleet, referenceClock, otherServer.clock);
  return await ask(dashboard, fleet, startSeconds);
}

/**
 * @param stopping the clock that one node follows
 * @param deviating the clock of the server that another node follows
 */
async function goWrong(
  fleet: Fleet,
  stopping: ReferenceClock,
  deviating: ReferenceClock,
): Promise<void> {
  const stepped = fleet.node("aks-pool-2").agent;
  const restarted = fleet.node("aks-pool-5").chronyd;
  await stepped.shiftWallClock(30_000);
  await delay(30_000);
  await restarted.stop();
  await delay(30_000);
  stopping.stop();
  await delay(30_000);
  deviating.setOffset(-0.03);
  await delay(40_000);
  await restarted.restart();
  await delay(40_000);
  await stepped.shiftWallClock(0);
  await delay(40_000);
  await fleet.node("aks-pool-8").chronyd.stop();
  await delay(40_000);
  deviating.setOffset(-0.09);
  await delay(25_000);
}

async function ask(dashboard: Dashboard, fleet: Fleet, startSeconds: number): Promise<Answers> {
  const endSeconds = Date.now() / 1000;
  const chosen = { cluster: PUSHING_CLUSTER, node: "", startSeconds, endSeconds };
  const results: Record<number, Record<string, readonly Result[]>> = {};
  for (const panel of panelsOf(dashboard)) {
    const answers: Record<string, readonly Result[]> = {};
    for (const query of queriesOf(panel)) {
      answers[query.refId ?? ""] = await run(fleet.prometheus.url, query, chosen);
    }
    results[panel.id ?? 0] = answers;
  }
  return { startSeconds, endSeconds, results };
}

function alert(name: string, condition: string, severity: string): object {
  return {
    alert: name,
    expr: `max by (cluster, k8s_node_name) (${condition})`,
    for: "10s",
    labels: { severity },
  };
}
