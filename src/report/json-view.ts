/** A report as JSON. Every key is always present; `null` is not known. Times are in UTC, lengths in seconds. */
import type { ErrorAt } from "./errors.ts";
import type { FleetFigures } from "./fleet-figures.ts";
import type { SourceTime } from "./followed-sources.ts";
import type { NodeFigures, Times } from "./node-figures.ts";
import type { NodeName } from "./raw-series.ts";
import { errorNumber, type Report, timeText } from "./report.ts";

export function jsonView(report: Report): string {
  const { question, data, fleet } = report;
  const rangeMs = question.toMs - question.fromMs;
  const json = {
    format: 1,
    program: "chrony-tracker-report",
    version: report.version,
    made: timeText(report.madeMs),
    asked: {
      prometheus: report.prometheus,
      cluster: report.cluster ?? null,
      from: timeText(question.fromMs),
      to: timeText(question.toMs),
      within_ms: question.limitMs,
      reference_error_ms: question.referenceErrorMs,
      peak_window_seconds: question.peakWindowMs / 1000,
      expected_nodes: report.expected,
    },
    data: {
      sha256: data.sha256,
      samples: data.samples,
      queries: data.asked.map(({ selector, requests, series, samples }) => ({
        query: `${selector}[…]`,
        requests,
        series,
        samples,
      })),
      warnings: data.warnings,
      lacks: data.lacks,
    },
    fleet: fleetJson(fleet),
    nodes: report.nodes.map((node) => nodeJson(node, rangeMs)),
    exceedances: report.exceedances.map(({ node, fromMs, toMs, largest }) => ({
      ...nodeNameJson(node),
      from: timeText(fromMs),
      to: timeText(toMs),
      seconds: (toMs - fromMs) / 1000,
      ...largestJson(largest),
    })),
  };
  return `${JSON.stringify(json, null, 2)}\n`;
}

function fleetJson(fleet: FleetFigures) {
  return {
    nodes: fleet.nodes,
    ...largestJson(fleet.largest),
    largest_error_node: fleet.largest === undefined ? null : nodeNameJson(fleet.largest.node),
    ...timesJson(fleet, fleet.totalMs),
    steps: fleet.steps ?? null,
    agent_restarts: fleet.restarts ?? null,
    sources: fleet.sources.map(sourceJson),
  };
}

function nodeJson(figures: NodeFigures, rangeMs: number) {
  return {
    ...nodeNameJson(figures.node),
    judged_by: figures.judgedBy ?? null,
    first_sample: timeJson(figures.firstSampleMs),
    last_sample: timeJson(figures.lastSampleMs),
    ...largestJson(figures.largest),
    ...timesJson(figures, rangeMs),
    exceedances: figures.exceedances.length,
    steps: figures.steps ?? null,
    agent_restarts: figures.restarts ?? null,
    sources: figures.sources.map(sourceJson),
    lacks: figures.lacks,
  };
}

function nodeNameJson({ cluster, name }: NodeName) {
  return { cluster, node: name };
}

function largestJson(largest: ErrorAt | undefined) {
  return {
    largest_error_ms: largest === undefined ? null : errorNumber(largest.errorMs),
    largest_error_at: timeJson(largest?.atMs),
  };
}

function timesJson(times: Times, totalMs: number) {
  const { withinMs, aboveMs, notKnownMs, states, stateNotKnownMs } = times;
  const inStates = Object.entries(states).map(([state, timeMs]) => [state, timeMs / 1000] as const);
  return {
    seconds: totalMs / 1000,
    within_seconds: withinMs / 1000,
    above_seconds: aboveMs / 1000,
    not_known_seconds: notKnownMs / 1000,
    within_share: totalMs === 0 ? null : withinMs / totalMs,
    state_seconds: {
      ...Object.fromEntries(inStates),
      not_known: stateNotKnownMs / 1000,
    },
  };
}

function sourceJson({ name, address, timeMs }: SourceTime) {
  return { name, address, seconds: timeMs / 1000 };
}

function timeJson(timeMs: number | undefined): string | null {
  return timeMs === undefined ? null : timeText(timeMs);
}
