/**
 * The catalogue: every series the agent can give, its help, and where its value comes from. Names
 * are final Prometheus names, and no instrument declares a unit, so that no collector appends one.
 *
 * A value that is `undefined` is not observed: the series is then absent, never old, never NaN.
 */
import { type Address, referenceIdText } from "../chrony/fields.ts";
import type { Tracking } from "../chrony/tracking.ts";
import type { Assessment } from "../clock/assessment.ts";
import { LOCAL_REFERENCE_ID, SYNC_STATES } from "../clock/sync-state.ts";
import type { ReadingCounts } from "../sampler.ts";
import { VERSION } from "../version.ts";

/** Everything that one collection is made from. */
export type Observation = {
  readonly assessment: Assessment;
  /** When the agent started and its counters began, by the wall clock of that moment, in milliseconds since 1970. */
  readonly startedWallMs: number;
  /** The number of the newest reading, and how long it took. */
  readonly readingNumber: number;
  readonly readingDurationSeconds: number;
  readonly readings: ReadingCounts;
  /** What became of the pushes; `undefined` when the agent does not push. */
  readonly exports: ExportCounts | undefined;
};

/** What became of the pushes since the agent started. */
export type ExportCounts = {
  readonly success: number;
  readonly failure: number;
  /** The wall clock at the last push that was accepted, in milliseconds since 1970. */
  readonly lastSuccessWallMs: number | undefined;
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

/** What both ways out give. */
export const METRICS: readonly Metric[] = [
  {
    name: "chrony_clock_error_ms",
    kind: "gauge",
    help: "How wrong the clock can be: |last offset| + root dispersion + half the root delay, in milliseconds.",
    value: ({ assessment }) => assessment.clockErrorMs,
  },
  {
    name: "chrony_clock_error_bound_ms",
    kind: "gauge",
    help: "The bound that chrony's manual gives: |system time offset| + root dispersion + half the root delay, in milliseconds.",
    value: ({ assessment }) => assessment.clockErrorBoundMs,
  },
  {
    name: "chrony_clock_error_peak_ms",
    kind: "gauge",
    help: "The largest chrony_clock_error_ms of the last 60 s, or of two export intervals where that is longer, in milliseconds.",
    value: ({ assessment }) => assessment.clockErrorPeakMs,
  },
  {
    name: "chrony_sync_state",
    kind: "gauge",
    help: "1 for the state the clock is in, 0 for the others.",
    labels: ["state"],
    values: ({ assessment }) =>
      SYNC_STATES.map((state) => ({
        labels: { state },
        value: assessment.state === state ? 1 : 0,
      })),
  },
  {
    name: "chrony_up",
    kind: "gauge",
    help: "1 when chronyd answered the last reading, else 0.",
    value: ({ assessment }) => (assessment.tracking === undefined ? 0 : 1),
  },
  {
    name: "chrony_reference_age_seconds",
    kind: "gauge",
    help: "Time since chronyd last took its source's time, in seconds.",
    value: ({ assessment }) => assessment.referenceAgeSeconds,
  },
  {
    name: "chrony_clock_steps_total",
    kind: "counter",
    help: "Steps of the wall clock by 10 ms or more since the agent started.",
    value: ({ assessment }) => assessment.steps,
  },
  {
    name: "chrony_clock_last_step_seconds",
    kind: "gauge",
    help: "Size of the last step of the wall clock in seconds; positive is forward.",
    value: ({ assessment }) => assessment.lastStepSeconds,
  },
  {
    name: "chrony_tracking_info",
    kind: "gauge",
    help: "1 for the source that the clock follows.",
    labels: ["tracking_refid", "tracking_address", "tracking_name"],
    values: ({ assessment: { tracking } }) =>
      tracking === undefined ? [] : [{ labels: trackingLabels(tracking), value: 1 }],
  },
  {
    name: "chrony_tracking_stratum",
    kind: "gauge",
    help: "Hops from a reference clock; 0 is not synchronised.",
    value: ({ assessment }) => assessment.tracking?.stratum,
  },
  {
    name: "chrony_tracking_remote_reference",
    kind: "gauge",
    help: "0 when chronyd follows itself (its local directive), else 1.",
    value: ({ assessment: { tracking } }) =>
      tracking && (tracking.referenceId === LOCAL_REFERENCE_ID ? 0 : 1),
  },
  {
    name: "chrony_tracking_reference_timestamp_seconds",
    kind: "gauge",
    help: "When chronyd last took its source's time, in seconds since 1970.",
    value: ({ assessment }) => assessment.tracking?.referenceTimeSeconds,
  },
  {
    name: "chrony_tracking_system_time_seconds",
    kind: "gauge",
    help: "The correction that is still to be slewed, in seconds; positive: the clock is slow.",
    value: ({ assessment }) => assessment.tracking?.systemTimeOffsetSeconds,
  },
  {
    name: "chrony_tracking_last_offset_seconds",
    kind: "gauge",
    help: "The offset at the last update, in seconds; positive: the clock was ahead.",
    value: ({ assessment }) => assessment.tracking?.lastOffsetSeconds,
  },
  {
    name: "chrony_tracking_rms_offset_seconds",
    kind: "gauge",
    help: "Long-term average of the offset, in seconds.",
    value: ({ assessment }) => assessment.tracking?.rmsOffsetSeconds,
  },
  {
    name: "chrony_tracking_frequency_ppms",
    kind: "gauge",
    help: "How wrong the clock would run without chronyd, in parts per million.",
    value: ({ assessment }) => assessment.tracking?.frequencyPpm,
  },
  {
    name: "chrony_tracking_residual_frequency_ppms",
    kind: "gauge",
    help: "What the source says of the frequency beyond what is corrected, in parts per million.",
    value: ({ assessment }) => assessment.tracking?.residualFrequencyPpm,
  },
  {
    name: "chrony_tracking_skew_ppms",
    kind: "gauge",
    help: "Error bound of the frequency, in parts per million.",
    value: ({ assessment }) => assessment.tracking?.skewPpm,
  },
  {
    name: "chrony_tracking_root_delay_seconds",
    kind: "gauge",
    help: "Network delay to the reference clock and back, in seconds.",
    value: ({ assessment }) => assessment.tracking?.rootDelaySeconds,
  },
  {
    name: "chrony_tracking_root_dispersion_seconds",
    kind: "gauge",
    help: "Error accumulated on the way to the reference clock, in seconds.",
    value: ({ assessment }) => assessment.tracking?.rootDispersionSeconds,
  },
  {
    name: "chrony_tracking_update_interval_seconds",
    kind: "gauge",
    help: "Time between the last two updates of the clock, in seconds.",
    value: ({ assessment }) => assessment.tracking?.updateIntervalSeconds,
  },
  {
    name: "chrony_tracker_build_info",
    kind: "gauge",
    help: "1, with the agent's version.",
    labels: ["version"],
    values: () => [{ labels: { version: VERSION }, value: 1 }],
  },
  {
    name: "chrony_tracker_readings_total",
    kind: "counter",
    help: "Readings of chronyd, by how they ended.",
    labels: ["result"],
    values: ({ readings }) => byResult(readings),
  },
  {
    name: "chrony_tracker_reading_duration_seconds",
    kind: "gauge",
    help: "How long the last reading of chronyd took, in seconds.",
    value: ({ readingDurationSeconds }) => readingDurationSeconds,
  },
  {
    name: "chrony_tracker_exports_total",
    kind: "counter",
    help: "Pushes to the collector, by how they ended.",
    labels: ["result"],
    values: ({ exports }) => (exports === undefined ? [] : byResult(exports)),
  },
  {
    name: "chrony_tracker_last_export_success_timestamp_seconds",
    kind: "gauge",
    help: "When a push was last accepted, in seconds since 1970.",
    value: ({ exports }) =>
      exports?.lastSuccessWallMs === undefined ? undefined : exports.lastSuccessWallMs / 1000,
  },
];

/**
 * A placeholder that only the push carries. The shipped collector fills it with its own clock minus
 * the node's and renames it to `chrony_collector_offset_seconds`; any other collector shows a
 * harmless series of this name, and no flattering zero under the real one.
 */
export const SENT_PLACEHOLDER: PlainMetric = {
  name: "chrony_tracker.sent",
  kind: "gauge",
  help: "The collector's clock minus the node's when a push arrives, in seconds.",
  value: () => 0,
};

/** Whether a metric has one series only. */
export function isPlain(metric: Metric): metric is PlainMetric {
  return "value" in metric;
}

/** The labels of `chrony_tracking_info`, as chrony_exporter writes them. */
function trackingLabels(tracking: Tracking): Readonly<Record<string, string>> {
  const address = sourceAddress(tracking.address, tracking.referenceId);
  return {
    tracking_refid: tracking.referenceId.toString(16).toUpperCase().padStart(8, "0"),
    tracking_address: address,
    tracking_name: address,
  };
}

/** A reference clock has no address, and goes by its reference id; chronyd itself is 127.127.1.1. */
function sourceAddress(address: Address, referenceId: number): string {
  if (address.family === "ipv4" || address.family === "ipv6") {
    return address.text;
  }
  return referenceId === LOCAL_REFERENCE_ID ? "127.127.1.1" : referenceIdText(referenceId);
}

function byResult(counts: { readonly success: number; readonly failure: number }): LabelledValue[] {
  return [
    { labels: { result: "success" }, value: counts.success },
    { labels: { result: "failure" }, value: counts.failure },
  ];
}
