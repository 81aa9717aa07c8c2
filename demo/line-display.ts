/** The view for what is no terminal: plain lines, when something changes and every few seconds. */
import type { Display } from "./display.ts";
import type { IncidentProgress } from "./incident-progress.ts";
import { duration, milliseconds, seconds } from "./numbers.ts";
import { WAYS } from "./series.ts";
import type { AgentReport, Snapshot } from "./snapshot.ts";
import { STATE_WORDS } from "./state-words.ts";
import { promqlUrl, type View } from "./view.ts";

const LONGEST_SILENCE_SECONDS = 5;

/** @param write gets a line at a time, without its end */
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
 * What is to be said of a view.
 * @param before the view of which something was said last
 */
export function newLines(view: View, before: View | undefined): string[] {
  const lines: string[] = [];
  if (before === undefined) {
    lines.push(`Prometheus: ${promqlUrl(view.prometheusUrl)}`, `Agent: ${view.agentUrl}`);
  }
  if (view.incident !== undefined) {
    lines.push(...incidentLines(view.incident, before?.incident));
  }
  const isDue =
    before === undefined || view.elapsedSeconds - before.elapsedSeconds >= LONGEST_SILENCE_SECONDS;
  if (isDue || lines.length > 0 || gist(view.snapshot) !== gist(before.snapshot)) {
    lines.push(snapshotLine(view));
  }
  return lines;
}

/** What has to change for a line of its own; numbers change all the time. */
function gist({ agent, prometheus }: Snapshot): string {
  return JSON.stringify([
    agent?.state,
    agent?.source,
    agent?.push.newest,
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
      `Step ${number} of ${count}: ${step.title}. ${step.done} To be seen: ${step.expected} This takes about ${duration(step.usualSeconds)}.`,
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
  const stored =
    prometheus === undefined
      ? "Prometheus does not answer"
      : `PromQL ${WAYS.map((way) => `${optional(prometheus[way]?.value, milliseconds)} by ${way}`).join(", ")}`;
  return `${duration(elapsedSeconds)}  ${[...agentPhrases(agent), stored].join("; ")}`;
}

function agentPhrases(agent: AgentReport | undefined): string[] {
  if (agent?.state === undefined) {
    return ["the agent does not answer"];
  }
  const { state, push } = agent;
  const { withheldBecause } = STATE_WORDS[state];
  const numbers = `error ${optional(agent.clockErrorMs, milliseconds)}, bound ${optional(agent.clockErrorBoundMs, milliseconds)}, peak ${optional(agent.clockErrorPeakMs, milliseconds)}`;
  return [
    state,
    withheldBecause === undefined ? numbers : `${numbers} (withheld: ${withheldBecause})`,
    `source ${agent.source ?? "-"}, reference ${optional(agent.referenceAgeSeconds, seconds)} old`,
    `pushed ${optional(push.acceptedSecondsAgo, seconds)} ago${push.newest === "failed" ? ", a newer push failed" : ""}`,
  ];
}

function optional(value: number | undefined, text: (value: number) => string): string {
  return value === undefined ? "-" : text(value);
}
