/** The report as lines for the terminal, none wider than it. */
import type { ClockFacts, SourceFacts } from "../summary/clock-facts.ts";
import {
  chronydRows,
  errorRows,
  pushRow,
  type Row,
  SOURCE_COLUMNS,
  SOURCE_COLUMNS_NOTE,
  type SourceColumn,
  utcCheckRows,
} from "../summary/clock-rows.ts";
import { USE_WORDS } from "../summary/source-words.ts";
import { conclusion } from "../summary/state-words.ts";
import type { Judgement, Verdict } from "../summary/verdict.ts";
import { describeAgentError } from "./agent-client.ts";
import type { AskedAgent, StatusReport } from "./report.ts";
import { cropped, type StyledLine, span, type Tone, wrapped } from "./styled-line.ts";
import { WIDEST } from "./terminal.ts";

const LABEL_WIDTH = 15;
const VALUE_WIDTH = 12;
const LONGEST_VALUE = 30;

/** @param width in characters, at least 40 */
export function fullView(report: StatusReport, width: number = WIDEST): StyledLine[] {
  const { clock, agent, judgement, problems } = report;
  const agentReport = agent?.report.ok ? agent.report.value : undefined;
  const rows = [
    ...errorRows(clock, agentReport?.peakWidthSeconds),
    ...chronydRows(clock),
    ...utcCheckRows(clock),
    ...(agentReport === undefined ? [] : [pushRow(agentReport.push)]),
    ...(agent === undefined ? [] : [agentRow(agent, clock)]),
  ];
  return [
    ...heading(report, width),
    [],
    ...verdictLines(clock, judgement, problems, width),
    [],
    ...rows.flatMap((row) => rowLines(row, width)),
    ...(clock.sources === undefined ? [] : [[], ...sourceTable(clock.sources, width)]),
  ];
}

/** The tone of each verdict. */
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

/** The verdict and the state, then the sentences. */
export function verdictLines(
  clock: ClockFacts,
  { verdict, reason }: Judgement,
  problems: readonly string[] = [],
  width: number = WIDEST,
): StyledLine[] {
  const sentences = [reason, conclusion(clock), ...problems];
  return [
    [span(`${verdict.toUpperCase()}: ${clock.state}`, TONES[verdict])],
    ...sentences.flatMap((sentence) =>
      sentence === undefined ? [] : wrapped(sentence, width).map((line) => [span(line)]),
    ),
  ];
}

function agentRow({ url, report }: AskedAgent, clock: ClockFacts): Row {
  const label = "Agent";
  if (!report.ok) {
    return { label, value: undefined, note: describeAgentError(report.error) };
  }
  const { version, clock: reported } = report.value;
  const row: Row = { label, value: version, note: `${url} reports ${reported.state}` };
  return reported.state === clock.state ? row : { ...row, tone: "warning" };
}

/** One line, and more lines if the note does not fit into the width. */
export function rowLines(
  { label, value = "-", note, tone: rowTone }: Row,
  width: number = WIDEST,
): StyledLine[] {
  const tone = rowTone ?? "faint";
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

const NAME_WIDTH = 19;
const SHORT_NAME_WIDTH = 11;
const USE_WIDTH = 12;

function sourceTable(sources: readonly SourceFacts[], width: number): StyledLine[] {
  if (sources.length === 0) {
    return wrapped("chronyd has no source, or their names are not resolved yet.", width).map(
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
    ...wrapped(SOURCE_COLUMNS_NOTE, width).map((text) => [span(text, "faint")]),
  ];
}

/** The columns that fit, in order, each preceded by a blank. */
function columnsWithin(room: number): SourceColumn[] {
  let left = room;
  const chosen = new Set<SourceColumn>();
  for (const column of SOURCE_COLUMNS.toSorted((one, other) => one.rank - other.rank)) {
    left -= 1 + column.width;
    if (left >= 0) {
      chosen.add(column);
    }
  }
  return SOURCE_COLUMNS.filter((column) => chosen.has(column));
}
