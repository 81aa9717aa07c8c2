import { setTimeout as sleep } from "node:timers/promises";
import type { Display } from "./display.ts";
import type { IncidentProgress } from "./incident-progress.ts";
import { orAborted } from "./interruption.ts";
import type { Parts } from "./parts.ts";
import { takeSnapshot } from "./snapshot.ts";

const REDRAW_INTERVAL_MS = 500;

/**
 * Shows the parts, twice a second, until the signal ends it; its reason becomes the error.
 * @param incidentProgress the progress of the incident, if one is played
 */
export async function watch(
  parts: Parts,
  display: Display,
  incidentProgress: () => IncidentProgress | undefined,
  signal: AbortSignal,
): Promise<never> {
  const beganMs = performance.now();
  for (;;) {
    const snapshot = await orAborted(takeSnapshot(parts), signal);
    signal.throwIfAborted();
    display.show({
      elapsedSeconds: (performance.now() - beganMs) / 1_000,
      snapshot,
      incident: incidentProgress(),
      prometheusUrl: parts.prometheus.url,
      agentUrl: `${parts.agent.pullUrl}/`,
    });
    await orAborted(sleep(REDRAW_INTERVAL_MS), signal);
  }
}
