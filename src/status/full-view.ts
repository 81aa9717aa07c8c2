/** The report as lines for a person, none longer than 80 characters. */
import type { SyncState } from "../clock/sync-state.ts";
import type { ClockFacts, SourceFacts } from "../summary/clock-facts.ts";
import { duration, interval, milliseconds, partsPerMillion } from "../summary/quantities.ts";
import { MODE_WORDS, USE_WORDS } from "../summary/source-words.ts";
import { STATE_WORDS } from "../summary/state-words.ts";
import type { Verdict } from "../summary/verdict.ts";
import type { StatusReport } from "./report.ts";
import { cropped, type StyledLine, span, type Tone, wrapped } from "./styled-line.ts";

const WIDTH = 80;
const LABEL_WIDTH = 15;
const VALUE_WIDTH = 12;
const LONGEST_VALUE = 30;

export function fullView(report: StatusReport): StyledLine[] {
  const { clock, agent } = report;
  return [
    heading(report),
    [],
    ...conclusion(report),
    [],
    ...clockErrorRows(clock, agent.facts !== undefined),
    sourceRow(clock),
    referenceAgeRow(clock),
    frequencyRow(clock),
    ...agentRows(report),
    ...(clock.sources === undefined ? [] : [[], ...sourceTable(clock.sources)]),
  ];
}

/** How a verdict looks. */
const TONES: Readonly<Record<Verdict, Tone>> = {
  ok: "good",
  warning: "warning",
  critical: "bad",
  unknown: "bad",
};

function heading({ node, wallMs }: StatusReport): StyledLine {
  const time = `${dateText(wallMs)} UTC`;
  const title = `Chrony Tracker on ${node}`;
  const left = cropped(title, WIDTH - time.length - 2);
  return [span(left.padEnd(WIDTH - time.length), "strong"), span(time, "faint")];
}

function dateText(wallMs: number): string {
  return new Date(wallMs).toISOString().slice(0, 19).replace("T", " ");
}

function conclusion({ clock, judgement, problems }: StatusReport): StyledLine[] {
  const { verdict, reason } = judgement;
  const sentences = [reason, STATE_WORDS[clock.state].conclusion, ...problems];
  return [
    [span(`${verdict.toUpperCase()}: ${clock.state}`, TONES[verdict])],
    ...sentences.flatMap((sentence) =>
      sentence === undefined ? [] : wrapped(sentence, WIDTH).map((line) => [span(line)]),
    ),
  ];
}

function clockErrorRows(clock: ClockFacts, agentIsThere: boolean): StyledLine[] {
  const { withheldBecause } = STATE_WORDS[clock.state];
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
      "the same with the offset that is still to be slewed",
      "not known",
    ),
    numberRow(
      "Peak",
      clock.peakMs,
      "the largest error of the last minute or more",
      agentIsThere ? "not known to the agent" : "only an agent knows it, and none was found",
    ),
  ];
}

function sourceRow({ source, state }: ClockFacts): StyledLine {
  if (source === undefined) {
    return row("Source", "-", NO_SOURCE[state]);
  }
  const { name, details } = source;
  if (details === undefined) {
    return row("Source", name, "what chronyd knows of it was not said");
  }
  const notes = [
    MODE_WORDS[details.mode],
    details.stratum === undefined ? undefined : `stratum ${details.stratum}`,
    details.answeredOfLastEight === undefined
      ? undefined
      : `answered ${details.answeredOfLastEight} of 8 polls`,
  ];
  return row("Source", name, notes.filter((note) => note !== undefined).join(", "));
}

const NO_SOURCE: Readonly<Record<SyncState, string>> = {
  synchronised: "not known",
  stale: "not known",
  local: "none: chronyd follows its own clock",
  unsynchronised: "none",
  unreachable: "not known",
};

function referenceAgeRow(clock: ClockFacts): StyledLine {
  const { referenceAgeSeconds, referenceTimeIsAhead, staleAfterSeconds } = clock;
  if (referenceAgeSeconds === undefined) {
    return row("Reference age", "-", referenceTimeIsAhead ? "not known: see above" : "not known");
  }
  const limit =
    staleAfterSeconds === undefined ? "" : `; stale beyond ${duration(staleAfterSeconds)}`;
  return row("Reference age", duration(referenceAgeSeconds), `since chronyd's last update${limit}`);
}

function frequencyRow({ frequencyPpm }: ClockFacts): StyledLine {
  if (frequencyPpm === undefined) {
    return row("Frequency", "-", "not known");
  }
  const note =
    frequencyPpm === 0
      ? "chronyd corrects nothing"
      : `too ${frequencyPpm > 0 ? "fast" : "slow"} without chronyd's correction`;
  return row("Frequency", partsPerMillion(Math.abs(frequencyPpm)), note);
}

function agentRows({ agent, clock }: StatusReport): StyledLine[] {
  const { url, facts } = agent;
  if (url === undefined) {
    return [];
  }
  if (facts === undefined) {
    return [row("Agent", "-", `none answers at ${url}metrics`)];
  }
  const disagrees = facts.clock.state !== clock.state;
  const note = `${url} says ${facts.clock.state}`;
  return [row("Agent", facts.version, note, disagrees ? "warning" : "faint")];
}

function row(label: string, value: string, note: string, tone: Tone = "faint"): StyledLine {
  const shown = cropped(value, LONGEST_VALUE);
  const padded = shown.length < VALUE_WIDTH ? shown.padEnd(VALUE_WIDTH) : `${shown}  `;
  return [
    span(label.padEnd(LABEL_WIDTH)),
    span(padded, "strong"),
    span(cropped(note, WIDTH - LABEL_WIDTH - padded.length), tone),
  ];
}

/** The cells of a line of the table. */
type TableRow = readonly [string, string, string, string, string, string, string, string];

function sourceTable(sources: readonly SourceFacts[]): StyledLine[] {
  if (sources.length === 0) {
    return [[span("chronyd has no source, or none whose name has an address yet.", "warning")]];
  }
  const head = ["Source", "Use", "Strat", "Poll", "Reach", "Heard", "Offset/ms", "+/-"] as const;
  return [
    tableLine(head, "strong", "strong"),
    ...sources.map((source) => {
      const { text, tone } = USE_WORDS[source.state];
      return tableLine(
        [
          source.name,
          text,
          textOr("-", source.stratum, String),
          textOr("-", source.pollSeconds, interval),
          textOr("-", source.answeredOfLastEight, (answered) => `${answered}/8`),
          textOr("never", source.lastSampleAgeSeconds, duration),
          textOr("-", source.offsetSeconds, (seconds) => tableMilliseconds(seconds, true)),
          textOr("-", source.offsetErrorSeconds, (seconds) => tableMilliseconds(seconds, false)),
        ],
        "plain",
        tone,
      );
    }),
    [span("Offset: + the clock is ahead of the source, - behind; as of the last sample.", "faint")],
  ];
}

const NAME_WIDTH = 19;
const USE_WIDTH = 12;
/** Of the columns behind these two, in characters, a blank between any two columns not counted. */
const NUMBER_WIDTHS = [5, 7, 5, 7, 9, 9];

function tableLine([name, use, ...numbers]: TableRow, tone: Tone, useTone: Tone): StyledLine {
  const columns = NUMBER_WIDTHS.map((width, index) =>
    cropped(numbers[index] ?? "", width).padStart(width),
  );
  return [
    span(`${cropped(name, NAME_WIDTH).padEnd(NAME_WIDTH)} `, tone),
    span(`${use.padEnd(USE_WIDTH)} `, useTone),
    span(columns.join(" "), tone),
  ];
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
