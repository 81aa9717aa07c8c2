/** The live view: what is known in, lines for a terminal of 80 columns and 24 rows out. */
import type { SyncState } from "../src/clock/sync-state.ts";
import { DEFAULT_THRESHOLDS } from "../src/summary/thresholds.ts";
import { type Judgement, judge, type Verdict } from "../src/summary/verdict.ts";
import type { IncidentProgress } from "./incident-progress.ts";
import { duration, milliseconds, seconds } from "./numbers.ts";
import { CLOCK_ERROR, NODE_NAME, WAYS } from "./series.ts";
import type { AgentReport, PushReport, Snapshot } from "./snapshot.ts";
import { STALE_AFTER_SECONDS, STATE_WORDS } from "./state-words.ts";
import { type StyledLine, span, type Tone } from "./styled-line.ts";

/** All that is shown at one moment. */
export type View = {
  /** Since all parts run. */
  readonly elapsedSeconds: number;
  readonly snapshot: Snapshot;
  /** `undefined` when no incident is played. */
  readonly incident: IncidentProgress | undefined;
  readonly prometheusUrl: string;
  readonly agentUrl: string;
};

const WIDTH = 80;
const LABEL_WIDTH = 15;
const VALUE_WIDTH = 14;
const DETAIL_LABEL_WIDTH = 11;

/** The lines, none longer than 80 characters. */
export function viewLines(view: View): StyledLine[] {
  const { elapsedSeconds, snapshot, incident, prometheusUrl, agentUrl } = view;
  const question = `Chrony Tracker: how wrong can the clock of ${NODE_NAME} be, right now?`;
  return [
    ends(question, duration(elapsedSeconds)),
    [],
    ...agentRows(snapshot.agent),
    [],
    [span(`What PromQL returns for ${CLOCK_ERROR}`, "strong")],
    ...promqlRows(snapshot),
    [],
    ...(incident === undefined ? [] : [...incidentRows(incident), []]),
    [span(`Prometheus  ${promqlUrl(prometheusUrl)}`)],
    [span(`Agent       ${agentUrl}`)],
    [span("Ctrl-C ends the demo and leaves nothing behind.", "faint")],
  ];
}

/** The address at which Prometheus shows the metric as a graph. */
export function promqlUrl(prometheusUrl: string): string {
  return `${prometheusUrl}/graph?g0.expr=${CLOCK_ERROR}&g0.tab=0`;
}

function agentRows(agent: AgentReport | undefined): StyledLine[] {
  if (agent?.state === undefined) {
    return [row("State", "-", "the agent does not answer", "bad")];
  }
  const { meaning, withheldBecause } = STATE_WORDS[agent.state];
  const { verdict, reason } = verdictOn(agent, agent.state);
  const number = (label: string, valueMs: number | undefined, note: string) =>
    valueMs === undefined
      ? row(label, "-", `withheld: ${withheldBecause ?? "not known"}`, "faint")
      : row(label, milliseconds(valueMs), note);
  const { source, stratum, referenceAgeSeconds: ageSeconds } = agent;
  return [
    row("State", agent.state, reason ?? meaning, TONES[verdict]),
    number("Clock error", agent.clockErrorMs, "|last offset| + dispersion + 1/2 delay"),
    number("Bound", agent.clockErrorBoundMs, "|current offset| + dispersion + 1/2 delay"),
    number("Peak", agent.clockErrorPeakMs, "the largest of both in the last 60 s"),
    source === undefined
      ? row("Source", "-", "not known", "faint")
      : row("Source", source, `stratum ${stratum ?? "-"}`),
    ageSeconds === undefined
      ? row("Reference age", "-", "not known", "faint")
      : row("Reference age", seconds(ageSeconds), `stale beyond ${STALE_AFTER_SECONDS} s`),
    pushRow(agent.push),
  ];
}

/** How a verdict looks. */
const TONES: Readonly<Record<Verdict, Tone>> = {
  ok: "good",
  warning: "warning",
  critical: "bad",
  unknown: "bad",
};

/** The verdict that `status` gives, on what the agent reports. */
function verdictOn(agent: AgentReport, state: SyncState): Judgement {
  return judge(
    {
      state,
      errorMs: agent.clockErrorMs,
      boundMs: agent.clockErrorBoundMs,
      peakMs: agent.clockErrorPeakMs,
      referenceTimeIsAhead: false,
      upstreamIsLocal: undefined,
    },
    DEFAULT_THRESHOLDS,
  );
}

function pushRow({ accepted, failed, newest, acceptedSecondsAgo }: PushReport): StyledLine {
  const value = acceptedSecondsAgo === undefined ? "-" : `${seconds(acceptedSecondsAgo)} ago`;
  const counts = `${accepted} accepted, ${failed} failed`;
  switch (newest) {
    case "none":
      return row("Last push", value, "none yet", "faint");
    case "accepted":
      return row("Last push", value, `accepted (${counts})`);
    case "failed":
      return row("Last push", value, `but a newer one failed (${counts})`, "bad");
  }
}

function promqlRows({ prometheus }: Snapshot): StyledLine[] {
  if (prometheus === undefined) {
    return [row("by push, pull", "-", "Prometheus does not answer", "bad")];
  }
  return WAYS.map((way) => {
    const stored = prometheus[way];
    return stored === undefined
      ? row(`by ${way}`, "-", "no such series", "faint")
      : row(`by ${way}`, milliseconds(stored.value), `${seconds(stored.ageSeconds)} old`);
  });
}

function incidentRows(incident: IncidentProgress): StyledLine[] {
  const { number, count, step, elapsedSeconds, seenAfterSeconds, nextInSeconds } = incident;
  return [
    ends(`Incident, step ${number} of ${count}: ${step.title}`, duration(elapsedSeconds)),
    detail("Done", step.done),
    detail("To be seen", step.expected),
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

function row(label: string, value: string, note: string, tone: Tone = "plain"): StyledLine {
  return [
    span(`  ${label.padEnd(LABEL_WIDTH)}`),
    span(value.padStart(VALUE_WIDTH), tone),
    span(`  ${note}`, tone === "plain" ? "faint" : tone),
  ];
}

/** A line with something at either end. */
function ends(left: string, right: string): StyledLine {
  return [span(left, "strong"), span(right.padStart(WIDTH - left.length), "faint")];
}
