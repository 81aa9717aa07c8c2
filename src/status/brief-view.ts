/**
 * The report as one line, in the format of monitoring plugins: `CLOCK`, the verdict, a text, and after
 * the bar the performance data: LABEL=VALUE;WARNING;CRITICAL;MINIMUM.
 */
import { printable } from "../printable.ts";
import type { ClockFacts } from "../summary/clock-facts.ts";
import { duration, milliseconds } from "../summary/quantities.ts";
import type { Thresholds } from "../summary/thresholds.ts";
import type { StatusReport } from "./report.ts";

export function briefView(report: StatusReport): string {
  const { clock, judgement, problems, saidBy, thresholds } = report;
  const facts = [briefFacts(clock), ...(saidBy === "agent" ? ["as the agent reports"] : [])];
  const sentences = [
    judgement.reason,
    // Problems on the way do not matter if an agent reported the state.
    ...(saidBy === "agent" ? [] : problems),
  ];
  const text = [`${facts.join(", ")}.`, ...sentences.filter(isKnown)].join(" ");
  const data = performanceData(clock, thresholds).join(" ");
  const line = `CLOCK ${judgement.verdict.toUpperCase()} - ${printable(text).replaceAll("|", "/")}`;
  return data === "" ? line : `${line} | ${data}`;
}

/** The state, numbers and source of a clock, separated by commas. */
export function briefFacts(clock: ClockFacts): string {
  const { errorMs, boundMs, peakMs, source, referenceAgeSeconds } = clock;
  return [
    clock.state,
    errorMs === undefined ? undefined : `error ${milliseconds(errorMs)}`,
    boundMs === undefined ? undefined : `bound ${milliseconds(boundMs)}`,
    peakMs === undefined ? undefined : `peak ${milliseconds(peakMs)}`,
    source === undefined ? undefined : `source ${source.name}`,
    referenceAgeSeconds === undefined
      ? undefined
      : `reference age ${duration(referenceAgeSeconds)}`,
  ]
    .filter(isKnown)
    .join(", ");
}

function performanceData(clock: ClockFacts, { warningMs, criticalMs }: Thresholds): string[] {
  const limits = `${warningMs};${criticalMs};0`;
  return [
    datum("error_ms", clock.errorMs, limits),
    datum("bound_ms", clock.boundMs, limits),
    datum("peak_ms", clock.peakMs, limits),
    datum("reference_age_seconds", clock.referenceAgeSeconds, ";;0"),
  ].filter(isKnown);
}

/** Rounded to a nanosecond, because chronyd's floats are not more precise than that at a millisecond. */
function datum(label: string, value: number | undefined, limits: string): string | undefined {
  return value === undefined ? undefined : `${label}=${Number(value.toFixed(6))};${limits}`;
}

function isKnown(text: string | undefined): text is string {
  return text !== undefined;
}
