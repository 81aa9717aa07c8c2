/**
 * One metric of the catalogue: its name, its help and its value. Names are the final Prometheus names. No
 * instrument declares a unit, so that no collector appends one.
 *
 * A value of `undefined` is not observed: the series is then absent, not outdated or NaN.
 */
import type { OptionalReports } from "../chrony/optional-reports.ts";
import type { Assessment } from "../clock/assessment.ts";
import type { PtpClock } from "../ptp-clocks.ts";
import type { ReadingCounts } from "../sampler.ts";
import type { UtcCheck } from "../utc-check/check.ts";

/** The input of one collection. */
export type Observation = {
  readonly assessment: Assessment;
  /** The optional reports; `undefined` when the state is `unreachable`. */
  readonly optional: OptionalReports | undefined;
  /** The last check against NTP servers that is still valid; `undefined` when there is none. */
  readonly utcCheck: UtcCheck | undefined;
  /** The PTP clocks in the kernel. */
  readonly ptpClocks: readonly PtpClock[];
  /** The wall clock when the agent and its counters started, in milliseconds since 1970. */
  readonly startedWallMs: number;
  /** The duration of the newest poll. */
  readonly readingDurationSeconds: number;
  readonly readings: ReadingCounts;
  /** The results of the pushes; `undefined` when the agent does not push. */
  readonly exports: ExportCounts | undefined;
  /** The points in the queue and the dropped points; `undefined` when the agent does not push. */
  readonly backlog: BacklogCounts | undefined;
};

/** The results of the pushes since the agent started. */
export type ExportCounts = {
  readonly success: number;
  readonly failure: number;
  /** The wall clock at the last accepted push, in milliseconds since 1970. */
  readonly lastSuccessWallMs: number | undefined;
};

/** Why a point was dropped from the queue. */
export const DROP_REASONS = ["age", "bytes", "rejected"] as const;
export type DropReason = (typeof DROP_REASONS)[number];

/** The points in the queue, and those dropped since the agent started. */
export type BacklogCounts = {
  readonly points: number;
  readonly dropped: Readonly<Record<DropReason, number>>;
};

/** One value of a metric with labels. */
export type LabelledValue = {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
};

type MetricDescription = {
  readonly name: string;
  /** A counter never decreases while the agent runs. */
  readonly kind: "gauge" | "counter";
  /** The meaning and the unit. */
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
