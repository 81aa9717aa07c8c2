/** The view without a terminal: plain lines, when something changes and every few seconds. */
import { briefFacts } from "../src/status/brief-view.ts";
import type { AgentReport } from "../src/summary/agent-report.ts";
import { pushRow } from "../src/summary/clock-rows.ts";
import { milliseconds } from "../src/summary/quantities.ts";
import { DEFAULT_THRESHOLDS } from "../src/summary/thresholds.ts";
import { judge } from "../src/summary/verdict.ts";
import type { Display } from "./display.ts";
import type { IncidentProgress } from "./incident-progress.ts";
import { duration } from "./numbers.ts";
import { WAYS } from "./series.ts";
import type { Snapshot, StoredValue } from "./snapshot.ts";
import { promqlUrl, type View } from "./view.ts";

const LONGEST_SILENCE_SECONDS = 5;

/** @param write gets one line, without its end */
export function lineDisplay(write: (line: string) => void): Display {
  let before: View | undefined;
  return {
    show(view) {
      const lines = newLines(view, before);
      if (lines.length > 0) {
        before = view;
      }
      for (const line of lines) {
        write(line);
      }
    },
    close() {},
  };
}

/**
 * The lines about a view.
 * @param before the last view that had lines
 */
function newLines(view: View, before: View | undefined): string[] {
  const lines: string[] = [];
  if (before === undefined) {
    lines.push(`Prometheus: ${promqlUrl(view.prometheusUrl)}`, `Agent: ${view.agentUrl}`);
  }
  if (view.incident !== undefined) {
    lines.push(...incidentLines(view.incident, before?.incident));
  }
  const isDue =
    before === undefined || view.elapsedSeconds - before.elapsedSeconds >= LONGEST_SILENCE_SECONDS;
  if (isDue || lines.length > 0 || noteworthy(view.snapshot) !== noteworthy(before.snapshot)) {
    lines.push(snapshotLine(view));
  }
  return lines;
}

/** The parts whose change is worth a line. Numbers are not, because they change all the time. */
function noteworthy({ agent, prometheus }: Snapshot): string {
  return JSON.stringify([
    agent?.clock.state,
    agent?.clock.source?.address,
    agent?.push?.failure === undefined,
    prometheus === undefined || WAYS.map((way) => prometheus[way] !== undefined),
  ]);
}

function incidentLines(
  { number, count, step, seenAfterSeconds }: IncidentProgress,
  before: IncidentProgress | undefined,
): string[] {
  const lines: string[] = [];
  if (number !== before?.number) {
    lines.push(
      `Step ${number} of ${count}: ${step.title}. ${step.done} Expected: ${step.expected} This takes about ${duration(step.usualSeconds)}.`,
    );
  }
  const seenBefore = number === before?.number && before.seenAfterSeconds !== undefined;
  if (seenAfterSeconds !== undefined && !seenBefore) {
    lines.push(
      `Seen by push and by pull after ${duration(seenAfterSeconds)}: ${step.effect.replaceAll("\n", " ")}`,
    );
  }
  return lines;
}

function snapshotLine({ elapsedSeconds, snapshot }: View): string {
  const { agent, prometheus } = snapshot;
  const phrases = [
    ...(agent === undefined ? ["the agent does not answer"] : agentPhrases(agent)),
    prometheus === undefined
      ? "Prometheus does not answer"
      : `PromQL ${WAYS.map((way) => `${promqlValue(prometheus[way])} by ${way}`).join(", ")}`,
  ];
  return `${duration(elapsedSeconds)}  ${phrases.join("; ")}`;
}

function agentPhrases({ clock, push }: AgentReport): string[] {
  const { verdict } = judge(clock, DEFAULT_THRESHOLDS);
  return [
    `${verdict.toUpperCase()}: ${briefFacts(clock)}`,
    `last push ${pushRow(push).value ?? "-"}`,
  ];
}

function promqlValue(stored: StoredValue | undefined): string {
  return stored === undefined ? "-" : milliseconds(stored.value);
}
