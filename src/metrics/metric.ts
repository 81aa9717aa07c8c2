/**
 * One metric of the catalogue: its name, its help, and where its value comes from. Names are final
 * Prometheus names, and no instrument declares a unit, so that no collector appends one.
 *
 * A value that is `undefined` is not observed: the series is then absent, never old, never NaN.
 */
import type { OptionalReports } from "../chrony/optional-reports.ts";
import type { Assessment } from "../clock/assessment.ts";
import type { PtpClock } from "../ptp-clocks.ts";
import type { ReadingCounts } from "../sampler.ts";
import type { UtcCheck } from "../utc-check/check.ts";

/** Everything that one collection is made from. */
export type Observation = {
  readonly assessment: Assessment;
  /** What chronyd said beside TRACKING; `undefined` when the state is `unreachable`. */
  readonly optional: OptionalReports | undefined;
  /** The last check against NTP servers that still counts; `undefined` when there is none. */
  readonly utcCheck: UtcCheck | undefined;
  /** The PTP clocks that the kernel shows. */
  readonly ptpClocks: readonly PtpClock[];
  /** When the agent started and its counters began, by the wall clock of that moment, in milliseconds since 1970. */
  readonly startedWallMs: number;
  /** How long the newest reading took. */
  readonly readingDurationSeconds: number;
  readonly readings: ReadingCounts;
  /** What became of the pushes; `undefined` when the agent does not push. */
  readonly exports: ExportCounts | undefined;
  /** What waits to be pushed, and what was dropped; `undefined` when the agent does not push. */
  readonly backlog: BacklogCounts | undefined;
};

/** What became of the pushes since the agent started. */
export type ExportCounts = {
  readonly success: number;
  readonly failure: number;
  /** The wall clock at the last push that was accepted, in milliseconds since 1970. */
  readonly lastSuccessWallMs: number | undefined;
};

/** Why a point was dropped that waited to be pushed. */
export const DROP_REASONS = ["age", "bytes", "rejected"] as const;
export type DropReason = (typeof DROP_REASONS)[number];

/** What waits to be pushed, and what was dropped since the agent started. */
export type BacklogCounts = {
  readonly points: number;
  readonly dropped: Readonly<Record<DropReason, number>>;
};

/** One value of a metric that has labels. */
export type LabelledValue = {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
};

type MetricDescription = {
  readonly name: string;
  /** A counter never falls while the agent lives. */
  readonly kind: "gauge" | "counter";
  /** What it means, and its unit. */
  readonly help: string;
};

/** A metric of one series. */
export type PlainMetric = MetricDescription & {
  readonly value: (observation: Observation) => number | undefined;
};

/** A metric with a series for each set of labels. */
export type LabelledMetric = MetricDescription & {
  readonly labels: readonly string[];
  readonly values: (observation: Observation) => readonly LabelledValue[];
};

export type Metric = PlainMetric | LabelledMetric;

/** Whether a metric has one series only. */
export function isPlain(metric: Metric): metric is PlainMetric {
  return "value" in metric;
}
