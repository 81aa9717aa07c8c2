import type { IncidentProgress } from "../../demo/incident-progress.ts";
import type { Snapshot } from "../../demo/snapshot.ts";
import type { View } from "../../demo/view.ts";
import type { AgentReport } from "../../src/summary/agent-report.ts";
import { type ClockFacts, UNREACHABLE } from "../../src/summary/clock-facts.ts";
import { agentReportOf, factsOf } from "../summary/facts.ts";

/** The agent's report of a healthy clock, with changes. */
export function agentOf(clock: Partial<ClockFacts> = {}): AgentReport {
  return agentReportOf({ clock: factsOf(clock), node: "demo-node" });
}

/** The agent's report when chronyd does not answer. */
export const AGENT_OF_DEAD: AgentReport = agentReportOf({ clock: UNREACHABLE });

/** A snapshot with the agent's report, and with its error in Prometheus. */
export function snapshotOf(agent: AgentReport | undefined): Snapshot {
  const value = agent?.clock.errorMs;
  const stored = value === undefined ? undefined : { value, ageSeconds: 0.91 };
  return { agent, prometheus: { push: stored, pull: stored } };
}

/** A view. Everything that a test does not set is healthy. */
export function viewOf(parts: Partial<View>): View {
  return {
    elapsedSeconds: 65.2,
    snapshot: snapshotOf(agentOf()),
    incident: undefined,
    prometheusUrl: "http://127.0.0.1:32767",
    agentUrl: "http://127.0.0.1:32766/",
    ...parts,
  };
}

/** An incident in its first step, whose effect is not seen yet. */
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
