/** The live view as lines for a terminal of 80 columns and 24 rows. */
import { rowLines, verdictLines } from "../src/status/full-view.ts";
import { type StyledLine, span, type Tone } from "../src/status/styled-line.ts";
import { WIDEST } from "../src/status/terminal.ts";
import type { AgentReport } from "../src/summary/agent-report.ts";
import { chronydRows, errorRows, pushRow, type Row } from "../src/summary/clock-rows.ts";
import { milliseconds } from "../src/summary/quantities.ts";
import { DEFAULT_THRESHOLDS } from "../src/summary/thresholds.ts";
import { judge } from "../src/summary/verdict.ts";
import type { IncidentProgress } from "./incident-progress.ts";
import { duration, seconds } from "./numbers.ts";
import { CLOCK_ERROR, NODE_NAME, WAYS } from "./series.ts";
import type { Snapshot } from "./snapshot.ts";

/** Everything that is shown at one moment. */
export type View = {
  /** Time since all parts run. */
  readonly elapsedSeconds: number;
  readonly snapshot: Snapshot;
  /** `undefined` when no incident is played. */
  readonly incident: IncidentProgress | undefined;
  readonly prometheusUrl: string;
  readonly agentUrl: string;
};

const DETAIL_LABEL_WIDTH = 11;

/** The lines, of at most 80 characters: the clock as in `status`, then what PromQL returns. */
export function viewLines(view: View): StyledLine[] {
  const { elapsedSeconds, snapshot, incident, prometheusUrl, agentUrl } = view;
  const question = `Chrony Tracker: how wrong can the clock of ${NODE_NAME} be, right now?`;
  return [
    ends(question, duration(elapsedSeconds)),
    ...agentLines(snapshot.agent),
    [],
    [span(`What PromQL returns for ${CLOCK_ERROR}`, "strong")],
    ...promqlRows(snapshot).flatMap((row) => rowLines(row)),
    [],
    ...(incident === undefined
      ? [[span(`Prometheus  ${promqlUrl(prometheusUrl)}`)], [span(`Agent       ${agentUrl}`)]]
      : incidentLines(incident)),
    [span("Ctrl-C ends the demo and leaves nothing behind.", "faint")],
  ];
}

/** The address of the metric's graph in Prometheus. */
export function promqlUrl(prometheusUrl: string): string {
  return `${prometheusUrl}/graph?g0.expr=${CLOCK_ERROR}&g0.tab=0`;
}

function agentLines(agent: AgentReport | undefined): StyledLine[] {
  if (agent === undefined) {
    return [[span("The agent does not answer.", "bad")]];
  }
  const { clock, peakWidthSeconds, push } = agent;
  const rows = [...errorRows(clock, peakWidthSeconds), ...chronydRows(clock), pushRow(push)];
  return [
    ...verdictLines(clock, judge(clock, DEFAULT_THRESHOLDS)),
    ...rows.flatMap((row) => rowLines(row)),
  ];
}

function promqlRows({ prometheus }: Snapshot): Row[] {
  if (prometheus === undefined) {
    const note = "Prometheus does not answer";
    return [{ label: "by push, pull", value: undefined, note, tone: "bad" }];
  }
  return WAYS.map((way) => {
    const label = `by ${way}`;
    const stored = prometheus[way];
    return stored === undefined
      ? { label, value: undefined, note: "no such series" }
      : { label, value: milliseconds(stored.value), note: `${seconds(stored.ageSeconds)} old` };
  });
}

function incidentLines(incident: IncidentProgress): StyledLine[] {
  const { number, count, step, elapsedSeconds, seenAfterSeconds, nextInSeconds } = incident;
  return [
    ends(`Incident, step ${number} of ${count}: ${step.title}`, duration(elapsedSeconds)),
    detail("Done", step.done),
    detail("Expected", step.expected),
    seenAfterSeconds === undefined
      ? detail(
          "Waiting",
          `for PromQL to show it; takes about ${duration(step.usualSeconds)}`,
          "warning",
        )
      : detail(
          "Seen",
          `by push and by pull after ${duration(seenAfterSeconds)}; goes on in ${Math.ceil(nextInSeconds)} s`,
          "good",
        ),
  ];
}

function detail(label: string, text: string, tone: Tone = "plain"): StyledLine {
  return [span(`  ${label.padEnd(DETAIL_LABEL_WIDTH)}`, "faint"), span(text, tone)];
}

/** A line with a text at each end. */
function ends(left: string, right: string): StyledLine {
  return [span(left, "strong"), span(right.padStart(WIDEST - left.length), "faint")];
}
