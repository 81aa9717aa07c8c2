/** The report as lines for a person, none longer than the terminal is wide. */
import type { SyncState } from "../clock/sync-state.ts";
import { type ClockFacts, followedSource, type SourceFacts } from "../summary/clock-facts.ts";
import { duration, interval, milliseconds, partsPerMillion } from "../summary/quantities.ts";
import { MODE_WORDS, USE_WORDS } from "../summary/source-words.ts";
import { conclusion, STATE_WORDS } from "../summary/state-words.ts";
import type { Verdict } from "../summary/verdict.ts";
import { describeAgentError } from "./agent-client.ts";
import type { StatusReport } from "./report.ts";
import { cropped, type StyledLine, span, type Tone, wrapped } from "./styled-line.ts";
import { WIDEST } from "./terminal.ts";

const LABEL_WIDTH = 15;
const VALUE_WIDTH = 12;
const LONGEST_VALUE = 30;

/** @param width in characters, 40 at the least */
export function fullView(report: StatusReport, width: number = WIDEST): StyledLine[] {
  const { clock, agent } = report;
  const rows = [
    ...clockErrorRows(clock, agent),
    sourceRow(clock),
    referenceAgeRow(clock),
    frequencyRow(clock),
    ...agentRows(report),
  ];
  return [
    ...heading(report, width),
    [],
    ...verdictLines(report, width),
    [],
    ...rows.flatMap((row) => rowLines(row, width)),
    ...(clock.sources === undefined ? [] : [[], ...sourceTable(clock.sources, width)]),
  ];
}

/** How a verdict looks. */
const TONES: Readonly<Record<Verdict, Tone>> = {
  ok: "good",
  warning: "warning",
  critical: "bad",
  unknown: "bad",
};

function heading({ node, wallMs }: StatusReport, width: number): StyledLine[] {
  const time = `${dateText(wallMs)} UTC`;
  const title = `Chrony Tracker on ${node}`;
  if (width < WIDEST) {
    return [[span(cropped(title, width), "strong")], [span(time, "faint")]];
  }
  const left = cropped(title, width - time.length - 2);
  return [[span(left.padEnd(width - time.length), "strong"), span(time, "faint")]];
}

function dateText(wallMs: number): string {
  return new Date(wallMs).toISOString().slice(0, 19).replace("T", " ");
}

function verdictLines({ clock, judgement, problems }: StatusReport, width: number): StyledLine[] {
  const { verdict, reason } = judgement;
  const sentences = [reason, conclusion(clock), ...problems];
  return [
    [span(`${verdict.toUpperCase()}: ${clock.state}`, TONES[verdict])],
    ...sentences.flatMap((sentence) =>
      sentence === undefined ? [] : wrapped(sentence, width).map((line) => [span(line)]),
    ),
  ];
}

function clockErrorRows(clock: ClockFacts, agent: StatusReport["agent"]): Row[] {
  const { withheldBecause } = STATE_WORDS[clock.state];
  const width = agent?.report.ok
    ? `the last ${duration(agent.report.value.peakWidthSeconds)}`
    : "its window";
  const numberRow = (label: string, valueMs: number | undefined, note: string, missing: string) =>
    valueMs === undefined
      ? row(label, "-", withheldBecause === undefined ? missing : `withheld: ${withheldBecause}`)
      : row(label, milliseconds(valueMs), note);
  return [
    numberRow(
      "Error",
      clock.errorMs,
      "|last offset| + root dispersion + 1/2 root delay",
      "not known",
    ),
    numberRow(
      "Bound",
      clock.boundMs,
      "with the offset still to be slewed: rely on this one",
      "not known",
    ),
    numberRow(
      "Peak",
      clock.peakMs,
      `the largest of both in ${width}: it is judged`,
      agent?.report.ok ? "not known to the agent" : "only an agent knows it, and none was found",
    ),
  ];
}

function sourceRow(clock: ClockFacts): Row {
  const { source, state, upstreamIsLocal } = clock;
  if (source === undefined) {
    return row("Source", "-", NO_SOURCE[state]);
  }
  const { name } = source;
  const details = followedSource(clock);
  if (details === undefined) {
    return row("Source", name, "what chronyd knows of it was not said");
  }
  const notes = [
    MODE_WORDS[details.mode],
    `stratum ${details.stratum}`,
    `answered ${details.answeredOfLastEight} of 8 polls`,
    upstreamIsLocal === true ? "follows its own clock" : undefined,
  ];
  return row("Source", name, notes.filter((note) => note !== undefined).join(", "));
}

const NO_SOURCE: Readonly<Record<SyncState, string>> = {
  synchronised: "not known",
  stale: "not known",
  stepped: "not known",
  local: "none: chronyd follows its own clock",
  unsynchronised: "none",
  unreachable: "not known",
};

function referenceAgeRow(clock: ClockFacts): Row {
  const { referenceAgeSeconds, referenceTimeIsAhead, staleAfterSeconds } = clock;
  if (referenceAgeSeconds === undefined) {
    return row("Reference age", "-", referenceTimeIsAhead ? "not known: see above" : "not known");
  }
  const limit =
    staleAfterSeconds === undefined ? "" : `; stale beyond ${duration(staleAfterSeconds)}`;
  return row("Reference age", duration(referenceAgeSeconds), `since chronyd's last update${limit}`);
}

function frequencyRow({ tracking }: ClockFacts): Row {
  if (tracking === undefined) {
    return row("Frequency", "-", "not known");
  }
  const { frequencyPpm } = tracking;
  const note =
    frequencyPpm === 0
      ? "chronyd corrects nothing"
      : `too ${frequencyPpm > 0 ? "fast" : "slow"} without chronyd's correction`;
  return row("Frequency", partsPerMillion(Math.abs(frequencyPpm)), note);
}

function agentRows({ agent, clock }: StatusReport): Row[] {
  if (agent === undefined) {
    return [];
  }
  const { url, report } = agent;
  if (!report.ok) {
    return [row("Agent", "-", describeAgentError(report.error))];
  }
  const { state } = report.value.clock;
  const note = `${url} reports ${state}`;
  return [row("Agent", report.value.version, note, state === clock.state ? "faint" : "warning")];
}

/** A number or a name of the report, and what is to be said of it. */
type Row = {
  readonly label: string;
  readonly value: string;
  readonly note: string;
  readonly tone: Tone;
};

function row(label: string, value: string, note: string, tone: Tone = "faint"): Row {
  return { label, value, note, tone };
}

/** One line, and more below it where the note is longer than what is left of the width. */
function rowLines({ label, value, note, tone }: Row, width: number): StyledLine[] {
  const shown = cropped(value, Math.min(LONGEST_VALUE, width - LABEL_WIDTH));
  const padded = shown.length < VALUE_WIDTH ? shown.padEnd(VALUE_WIDTH) : `${shown}  `;
  const start = [span(label.padEnd(LABEL_WIDTH)), span(padded, "strong")];
  return note.length <= width - LABEL_WIDTH - padded.length
    ? [[...start, span(note, tone)]]
    : [
        [span(label.padEnd(LABEL_WIDTH)), span(shown, "strong")],
        ...wrapped(note, width - NOTE_INDENT.length).map((line) => [
          span(NOTE_INDENT),
          span(line, tone),
        ]),
      ];
}

const NOTE_INDENT = "  ";

/** A column of numbers in the table of sources; which ones there is room for depends on the width. */
type Column = {
  readonly title: string;
  readonly width: number;
  /** The columns of the lowest ranks are shown where there is no room for all. */
  readonly rank: number;
  readonly text: (source: SourceFacts) => string;
};

const COLUMNS: readonly Column[] = [
  { title: "Strat", width: 5, rank: 6, text: ({ stratum }) => String(stratum) },
  {
    title: "Poll",
    width: 7,
    rank: 5,
    text: ({ pollSeconds }) => interval(pollSeconds),
  },
  {
    title: "Reach",
    width: 5,
    rank: 1,
    text: ({ answeredOfLastEight }) => `${answeredOfLastEight}/8`,
  },
  {
    title: "Heard",
    width: 7,
    rank: 4,
    text: ({ lastSampleAgeSeconds }) => textOr("never", lastSampleAgeSeconds, duration),
  },
  {
    title: "Offset/ms",
    width: 9,
    rank: 2,
    text: ({ offsetSeconds }) =>
      textOr("-", offsetSeconds, (seconds) => tableMilliseconds(seconds, true)),
  },
  {
    title: "+/-",
    width: 9,
    rank: 3,
    text: ({ offsetErrorSeconds }) =>
      textOr("-", offsetErrorSeconds, (seconds) => tableMilliseconds(seconds, false)),
  },
];

const NAME_WIDTH = 19;
const SHORT_NAME_WIDTH = 11;
const USE_WIDTH = 12;

function sourceTable(sources: readonly SourceFacts[], width: number): StyledLine[] {
  if (sources.length === 0) {
    return wrapped("chronyd has no source, or none whose name has an address yet.", width).map(
      (line) => [span(line, "warning")],
    );
  }
  const nameWidth = width < WIDEST ? SHORT_NAME_WIDTH : NAME_WIDTH;
  const columns = columnsWithin(width - nameWidth - 1 - USE_WIDTH);
  const line = (name: string, use: string, texts: readonly string[], tone: Tone, useTone: Tone) => [
    span(`${cropped(name, nameWidth).padEnd(nameWidth)} `, tone),
    span(use.padEnd(USE_WIDTH), useTone),
    span(
      columns
        .map(
          (column, index) => ` ${cropped(texts[index] ?? "", column.width).padStart(column.width)}`,
        )
        .join(""),
      tone,
    ),
  ];
  const head = columns.map(({ title }) => title);
  return [
    line("Source", "Use", head, "strong", "strong"),
    ...sources.map((source) => {
      const { text, tone } = USE_WORDS[source.state];
      const texts = columns.map((column) => column.text(source));
      return line(source.name, text, texts, "plain", tone);
    }),
    ...wrapped(
      "Offset: + the clock is ahead of the source, - behind; as of the last sample.",
      width,
    ).map((text) => [span(text, "faint")]),
  ];
}

/** As many columns as there is room for, a blank before each, in their order. */
function columnsWithin(room: number): Column[] {
  let left = room;
  const chosen = new Set<Column>();
  for (const column of COLUMNS.toSorted((one, other) => one.rank - other.rank)) {
    left -= 1 + column.width;
    if (left >= 0) {
      chosen.add(column);
    }
  }
  return COLUMNS.filter((column) => chosen.has(column));
}

/** A number of milliseconds in nine characters at most, its unit being in the table's head. */
function tableMilliseconds(seconds: number, isSigned: boolean): string {
  const size = Math.abs(seconds) * 1000;
  const text =
    size < 999.999_95 ? size.toFixed(4) : size < 1e7 ? size.toFixed(0) : size.toExponential(1);
  const sign = seconds > 0 ? "+" : seconds < 0 ? "-" : "";
  return isSigned ? sign + text : text;
}

function textOr(
  missing: string,
  value: number | undefined,
  text: (value: number) => string,
): string {
  return value === undefined ? missing : text(value);
}
