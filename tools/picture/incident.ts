/** The incident of the picture: eight simulated nodes with real chronyds, and four minutes of faults. */
import { setTimeout as delay } from "node:timers/promises";
import { SYNC_STATES, type SyncState } from "../../src/clock/sync-state.ts";
import { startFleet } from "../../test/grafana/fleet.ts";
import { followerConfiguration } from "../../test/parts/chronyd-configuration.ts";
import { type Owner, Scope } from "../../test/parts/owner.ts";
import type { Sample } from "../../test/parts/prometheus.ts";
import { startReferenceClock } from "../../test/parts/reference-clock.ts";
import { startTimeServer } from "../../test/parts/time-server.ts";

export type Incident = {
  /** Since 1970. */
  readonly startSeconds: number;
  readonly endSeconds: number;
  readonly events: readonly { readonly seconds: number; readonly text: string }[];
  readonly nodes: readonly PlayedNode[];
};

export type PlayedNode = {
  readonly name: string;
  /** chrony_clock_error_peak_ms. */
  readonly errorsMs: readonly Sample[];
  readonly states: readonly { readonly seconds: number; readonly state: SyncState }[];
};

const NAMES = Array.from({ length: 8 }, (_, index) => `aks-pool-${index + 1}`);
const BETWEEN_EVENTS_MS = 30_000;

/** Plays the incident, and reads from Prometheus what the agents reported. */
export async function playIncident(): Promise<Incident> {
  const scope = new Scope();
  try {
    return await playIn(scope);
  } finally {
    await scope.end();
  }
}

async function playIn(scope: Owner): Promise<Incident> {
  const otherServer = await startTimeServer(scope);
  const referenceClock = await startReferenceClock(scope, { poll: 0, filter: 4 });
  const configurations: Readonly<Record<string, readonly string[]>> = {
    "aks-pool-4": followerConfiguration(otherServer.ntpPort, { polling: "normal" }),
    "aks-pool-7": [referenceClock.configuration],
  };
  const fleet = await startFleet(
    scope,
    NAMES.map((name) => {
      const configuration = configurations[name];
      const ways = "push and pull" as const;
      return configuration === undefined ? { name, ways } : { name, ways, configuration };
    }),
  );
  const second = fleet.node("aks-pool-2").agent;
  const fifth = fleet.node("aks-pool-5").chronyd;
  const story: readonly (readonly [string, () => unknown])[] = [
    ["aks-pool-2: its clock is set 30 s ahead", () => second.shiftWallClock(30_000)],
    ["aks-pool-5: chronyd ends", () => fifth.stop()],
    ["aks-pool-7: its time source goes silent", () => referenceClock.stop()],
    ["aks-pool-4: its time source moves by 90 ms", () => otherServer.clock.setOffset(-0.09)],
    ["aks-pool-5: chronyd is back", () => fifth.restart()],
    ["aks-pool-2: its clock is set right", () => second.shiftWallClock(0)],
  ];
  const events: { seconds: number; text: string }[] = [];
  const startSeconds = Date.now() / 1000;
  for (const [text, happen] of story) {
    await delay(BETWEEN_EVENTS_MS);
    events.push({ seconds: Date.now() / 1000, text });
    await happen();
  }
  await delay(BETWEEN_EVENTS_MS);
  const endSeconds = Date.now() / 1000;
  const ask = (name: string, node: string) =>
    fleet.prometheus.series(
      `${name}{job="chrony-tracker",k8s_node_name="${node}"}`,
      startSeconds,
      endSeconds,
    );
  const nodes = await Promise.all(
    NAMES.map(async (name): Promise<PlayedNode> => {
      const [errors] = await ask("chrony_clock_error_peak_ms", name);
      const states = (await ask("chrony_sync_state", name)).flatMap(({ labels, samples }) => {
        const state = SYNC_STATES.find((one) => one === labels["state"]);
        return samples.flatMap(({ value, timestampSeconds }) =>
          value === 1 && state !== undefined ? [{ seconds: timestampSeconds, state }] : [],
        );
      });
      return {
        name,
        errorsMs: errors?.samples.filter(({ value }) => !Number.isNaN(value)) ?? [],
        states: states.toSorted((one, other) => one.seconds - other.seconds),
      };
    }),
  );
  return { startSeconds, endSeconds, events, nodes };
}
