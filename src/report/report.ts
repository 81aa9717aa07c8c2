/** A report as data: everything that its files show. */

import type { AskedMetric } from "./collect.ts";
import type { Exceedance } from "./errors.ts";
import type { FleetFigures } from "./fleet-figures.ts";
import type { NodeFigures } from "./node-figures.ts";
import type { Question } from "./question.ts";
import { METRICS_WITHOUT_PEAK, type UsedMetric } from "./raw-series.ts";

export type Report = {
  /** The version of the program that made it. */
  readonly version: string;
  /** When it was made, by the clock of the machine that made it: milliseconds since 1970. */
  readonly madeMs: number;
  readonly question: Question;
  /** The backend's address, without secrets. */
  readonly prometheus: string;
  /** `undefined`: all clusters. */
  readonly cluster: string | undefined;
  /** The nodes of `--expect`. */
  readonly expected: readonly string[];
  readonly data: {
    /** That of the samples as OpenMetrics text. */
    readonly sha256: string;
    readonly samples: number;
    readonly asked: readonly AskedMetric[];
    /** The backend's warnings. */
    readonly warnings: readonly string[];
    /** See {@link lacksOf}. */
    readonly lacks: readonly string[];
  };
  readonly fleet: FleetFigures;
  /** By cluster and name. */
  readonly nodes: readonly NodeFigures[];
  /** By beginning, then by node. */
  readonly exceedances: readonly Exceedance[];
};

/** What the backend does not have, as sentences. */
export function lacksOf(
  nodes: readonly NodeFigures[],
  asked: readonly AskedMetric[],
  { fromMs, toMs, peakWindowMs }: Question,
): string[] {
  const seen = nodes.filter((node) => isSeen(node));
  if (seen.length === 0) {
    return [
      "The backend has no sample of any of these metrics in this range.",
      ...nodes.map(expectedAndMissing),
    ];
  }
  const firstMs = Math.min(...seen.map(({ firstSampleMs = toMs }) => firstSampleMs));
  const lastMs = Math.max(...seen.map(({ lastSampleMs = toMs }) => lastSampleMs));
  return [
    ...(firstMs - fromMs > peakWindowMs
      ? [`The backend has no sample of any node before ${timeText(firstMs)}.`]
      : []),
    ...(toMs - lastMs > peakWindowMs
      ? [`The backend has no sample of any node after ${timeText(lastMs)}.`]
      : []),
    ...asked
      .filter(({ metric, samples }) => samples === 0 && !METRICS_WITHOUT_PEAK.includes(metric))
      .map(({ metric }) => `The backend has no sample of ${metric}. ${WITHOUT[metric] ?? ""}`),
    ...asked.filter(({ samples }) => samples > 0).flatMap(({ metric }) => missingAt(seen, metric)),
    ...nodes.filter((node) => !isSeen(node)).map(expectedAndMissing),
  ];
}

/** How many nodes a sentence names at most. */
const NAMED_NODES = 20;

/** A sentence about a metric that some of the nodes do not have. */
function missingAt(nodes: readonly NodeFigures[], metric: UsedMetric): string[] {
  const names = nodes.filter(({ lacks }) => lacks.includes(metric)).map(({ node }) => node.name);
  if (names.length === 0) {
    return [];
  }
  const others = names.length - NAMED_NODES;
  const more = others > 0 ? ` and ${others} more` : "";
  return [
    `The backend has no sample of ${metric} for ${names.slice(0, NAMED_NODES).join(", ")}${more}. ${WITHOUT[metric] ?? ""}`.trim(),
  ];
}

function isSeen({ firstSampleMs, largest }: NodeFigures): boolean {
  return firstSampleMs !== undefined || largest !== undefined;
}

function expectedAndMissing({ node }: NodeFigures): string {
  return `The backend has no sample of node ${node.name}, which was expected.`;
}

/** What the report cannot show without a metric. */
const WITHOUT: Readonly<Partial<Record<UsedMetric, string>>> = {
  chrony_clock_error_peak_ms:
    "Error and bound are used instead, which do not cover the time between two samples.",
  chrony_sync_state: "States are not known there.",
  chrony_clock_steps_total: "Steps are not known there.",
  chrony_tracker_readings_total:
    "Restarts of the agent are not known: the time before its first sample after one may count as known.",
  chrony_tracking_info: "Sources are not known there.",
};

/** In UTC, with milliseconds: `2026-10-01T00:00:00.000Z`. */
export function timeText(timeMs: number): string {
  return new Date(timeMs).toISOString();
}

/** An error with at most nine decimals, because sums of binary fractions have meaningless digits. */
export function errorNumber(errorMs: number): number {
  return Number(errorMs.toFixed(9));
}
