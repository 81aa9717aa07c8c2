import type { IncidentProgress } from "../../demo/incident-progress.ts";
import type { AgentReport, Snapshot } from "../../demo/snapshot.ts";
import type { View } from "../../demo/view.ts";

/** What the agent says of a healthy clock. */
export const HEALTHY: AgentReport = {
  state: "synchronised",
  clockErrorMs: 0.0042,
  clockErrorBoundMs: 0.0061,
  clockErrorPeakMs: 0.1277,
  source: "127.0.0.1",
  stratum: 9,
  referenceAgeSeconds: 1.36,
  push: { accepted: 12, failed: 0, newest: "accepted", acceptedSecondsAgo: 0.44 },
};

/** What it says of a chronyd that does not answer. */
export const UNREACHABLE: AgentReport = {
  ...HEALTHY,
  state: "unreachable",
  clockErrorMs: undefined,
  clockErrorBoundMs: undefined,
  clockErrorPeakMs: undefined,
  source: undefined,
  stratum: undefined,
  referenceAgeSeconds: undefined,
};

/** A snapshot with the agent's report, and with what Prometheus has of its error. */
export function snapshotOf(agent: AgentReport | undefined): Snapshot {
  const value = agent?.clockErrorMs;
  const stored = value === undefined ? undefined : { value, ageSeconds: 0.91 };
  return { agent, prometheus: { push: stored, pull: stored } };
}

/** A view; what a test is not about is healthy. */
export function viewOf(parts: Partial<View>): View {
  return {
    elapsedSeconds: 65.2,
    snapshot: snapshotOf(HEALTHY),
    incident: undefined,
    prometheusUrl: "http://127.0.0.1:32767",
    agentUrl: "http://127.0.0.1:32766/metrics",
    ...parts,
  };
}

/** An incident in its first step, whose effect has not shown yet. */
export const WAITING: IncidentProgress = {
  number: 1,
  count: 2,
  step: {
    title: "the power fails",
    done: "The plug was pulled.",
    expected: "It is dark.",
    effect: "sum(lamps)\n== 0",
    act: async () => {},
    usualSeconds: 150,
    longestSeconds: 180,
  },
  elapsedSeconds: 43.9,
  seenAfterSeconds: undefined,
  nextInSeconds: 8,
};
