/**
 * A clock as rows of text, which the page, `status` and the demo draw. Every row is present in every
 * state; a row without a known value has a note that says why.
 */
import type { SyncState } from "../clock/sync-state.ts";
import type { PushFacts } from "./agent-report.ts";
import { type ClockFacts, followedSource, type SourceFacts } from "./clock-facts.ts";
import {
  duration,
  interval,
  milliseconds,
  partsPerMillion,
  signedMilliseconds,
} from "./quantities.ts";
import { MODE_WORDS } from "./source-words.ts";
import { STATE_WORDS } from "./state-words.ts";
import type { UtcServerFacts } from "./utc-check-facts.ts";

/** A number or a name, with a note. */
export type Row = {
  readonly label: string;
  readonly value: string | undefined;
  readonly note: string;
  /** Set when the value needs attention. */
  readonly tone?: "warning" | "bad";
};

/**
 * How wrong the clock can be.
 * @param peakWidthSeconds how long an error counts for the peak; `undefined` without an agent
 */
export function errorRows(clock: ClockFacts, peakWidthSeconds: number | undefined): Row[] {
  const { withheldBecause } = STATE_WORDS[clock.state];
  const row = (label: string, valueMs: number | undefined, note: string, missing: string): Row =>
    valueMs === undefined
      ? {
          label,
          value: undefined,
          note: withheldBecause === undefined ? missing : `not known: ${withheldBecause}`,
        }
      : { label, value: milliseconds(valueMs), note };
  return [
    row("Error", clock.errorMs, "with the offset of chronyd's last update", "not known"),
    row(
      "Bound",
      clock.boundMs,
      "with the offset still to be slewed: rely on this one",
      "not known",
    ),
    peakWidthSeconds === undefined
      ? row("Peak", undefined, "", "only an agent has it, and none answered")
      : row(
          "Peak",
          clock.peakMs,
          `the largest of both in the last ${duration(peakWidthSeconds)}: alerts use it`,
          "the agent does not know it yet",
        ),
  ];
}

/** What chronyd follows, and since when. */
export function chronydRows(clock: ClockFacts): Row[] {
  return [sourceRow(clock), referenceAgeRow(clock), slewRow(clock), frequencyRow(clock)];
}

function sourceRow(clock: ClockFacts): Row {
  const { source, state, upstreamIsLocal } = clock;
  if (source === undefined) {
    return { label: "Source", value: undefined, note: NO_SOURCE[state] };
  }
  const details = followedSource(clock);
  const notes =
    details === undefined
      ? ["chronyd reports no details of it"]
      : [
          MODE_WORDS[details.mode],
          `stratum ${details.stratum}`,
          `answered ${details.answeredOfLastEight} of 8 polls`,
        ];
  const note = [...notes, ...(upstreamIsLocal === true ? ["follows its own clock"] : [])].join(
    ", ",
  );
  return { label: "Source", value: source.name, note };
}

const NO_SOURCE: Readonly<Record<SyncState, string>> = {
  synchronised: "not known",
  stale: "not known",
  stepped: "not known",
  local: "none: chronyd follows its own clock",
  unsynchronised: "none",
  unreachable: "not known",
};

function referenceAgeRow({
  referenceAgeSeconds,
  referenceTimeIsAhead,
  staleAfterSeconds,
}: ClockFacts): Row {
  const label = "Reference age";
  if (referenceAgeSeconds === undefined) {
    const note = referenceTimeIsAhead ? "not known: see above" : "not known";
    return { label, value: undefined, note };
  }
  const limit =
    staleAfterSeconds === undefined ? "" : `; stale beyond ${duration(staleAfterSeconds)}`;
  const note = `since chronyd's last update${limit}`;
  return { label, value: duration(referenceAgeSeconds), note };
}

function slewRow({ state, tracking }: ClockFacts): Row {
  const label = "To be slewed";
  const { withheldBecause } = STATE_WORDS[state];
  if (tracking === undefined || withheldBecause !== undefined) {
    const note = withheldBecause === undefined ? "not known" : `not known: ${withheldBecause}`;
    return { label, value: undefined, note };
  }
  const { systemTimeOffsetSeconds: seconds } = tracking;
  const note = seconds === 0 ? "" : `the clock is ${seconds > 0 ? "behind" : "ahead"}`;
  return { label, value: milliseconds(1000 * Math.abs(seconds)), note };
}

function frequencyRow({ tracking }: ClockFacts): Row {
  const label = "Frequency";
  if (tracking === undefined) {
    return { label, value: undefined, note: "not known" };
  }
  const { frequencyPpm } = tracking;
  const note =
    frequencyPpm === 0
      ? "chronyd corrects nothing"
      : `too ${frequencyPpm > 0 ? "fast" : "slow"} without chronyd's correction`;
  return { label, value: partsPerMillion(Math.abs(frequencyPpm)), note };
}

/** What NTP servers say, apart from chronyd; no row where none are asked. */
export function utcCheckRows({ utcCheck }: Pick<ClockFacts, "utcCheck">): Row[] {
  if (utcCheck === undefined) {
    return [];
  }
  const { ageSeconds, contradiction, servers } = utcCheck;
  const label = "UTC check";
  if (ageSeconds === undefined) {
    const note =
      "none yet, or the clock was stepped since: the next one is within UTC_CHECK_INTERVAL";
    return [{ label, value: undefined, note }];
  }
  const answered = servers.filter(({ offsetSeconds }) => offsetSeconds !== undefined).length;
  const note = `${answered} of ${servers.length} NTP servers gave the time, ${duration(ageSeconds)} ago`;
  const rows = servers.map(utcServerRow);
  if (contradiction === undefined) {
    return [{ label, value: undefined, note }, ...rows];
  }
  return contradiction
    ? [
        { label, value: "contradicted", note: `${note}: none is within the bound`, tone: "bad" },
        ...rows,
      ]
    : [{ label, value: "agrees", note }, ...rows];
}

function utcServerRow({
  server,
  offsetSeconds,
  marginSeconds = 0,
  problem = "",
}: UtcServerFacts): Row {
  const label = "UTC server";
  return offsetSeconds === undefined
    ? { label, value: undefined, note: problem, tone: "warning" }
    : {
        label,
        value: signedMilliseconds(1000 * offsetSeconds),
        note: `+/- ${milliseconds(1000 * marginSeconds)}, ${server} (+: the clock is behind)`,
      };
}

/** @param push `undefined` when the agent does not push */
export function pushRow(push: PushFacts | undefined): Row {
  const label = "Last push";
  if (push === undefined) {
    return { label, value: "off", note: "OTEL_METRICS_EXPORTER does not contain otlp" };
  }
  const { accepted, failed, acceptedSecondsAgo, failure } = push;
  const counts = `(${accepted} accepted, ${failed} failed)`;
  const ago = acceptedSecondsAgo === undefined ? undefined : `${duration(acceptedSecondsAgo)} ago`;
  if (failure !== undefined) {
    const note = `${failure} Last accepted: ${ago ?? "never"} ${counts}.`;
    return { label, value: "failed", note, tone: "bad" };
  }
  return ago === undefined
    ? { label, value: undefined, note: "none yet" }
    : { label, value: ago, note: `accepted ${counts}` };
}

/** A column of numbers in the table of sources. */
export type SourceColumn = {
  readonly title: string;
  /** The longest text, in characters. */
  readonly width: number;
  /** If there is no room for all columns, those with the lowest ranks are shown. */
  readonly rank: number;
  readonly text: (source: SourceFacts) => string;
};

export const SOURCE_COLUMNS: readonly SourceColumn[] = [
  { title: "Strat", width: 5, rank: 6, text: ({ stratum }) => String(stratum) },
  { title: "Poll", width: 7, rank: 5, text: ({ pollSeconds }) => interval(pollSeconds) },
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
    text: ({ lastSampleAgeSeconds: seconds }) =>
      seconds === undefined ? "never" : duration(seconds),
  },
  {
    title: "Offset/ms",
    width: 9,
    rank: 2,
    text: ({ offsetSeconds: seconds }) =>
      seconds === undefined
        ? "-"
        : `${seconds > 0 ? "+" : seconds < 0 ? "-" : ""}${bareMilliseconds(seconds)}`,
  },
  {
    title: "+/-",
    width: 9,
    rank: 3,
    text: ({ offsetErrorSeconds: seconds }) =>
      seconds === undefined ? "-" : bareMilliseconds(seconds),
  },
];

export const SOURCE_COLUMNS_NOTE =
  "Offset: + the clock is ahead of the source, - behind; as of the last sample.";

/** The size in milliseconds, at most eight characters; the unit is in the column title. */
function bareMilliseconds(seconds: number): string {
  const size = Math.abs(seconds) * 1000;
  return size < 999.999_95 ? size.toFixed(4) : size < 1e7 ? size.toFixed(0) : size.toExponential(1);
}
