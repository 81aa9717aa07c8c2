/** The metrics of the agent itself. */
import { VERSION } from "../version.ts";
import { DROP_REASONS, type LabelledValue, type Metric } from "./metric.ts";

export const AGENT_METRICS: readonly Metric[] = [
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
    help: "Polls of chronyd, by result.",
    labels: ["result"],
    values: ({ readings }) => byResult(readings),
  },
  {
    name: "chrony_tracker_reading_duration_seconds",
    kind: "gauge",
    help: "Duration of the last poll of chronyd, in seconds.",
    value: ({ readingDurationSeconds }) => readingDurationSeconds,
  },
  {
    name: "chrony_tracker_sources_left_out",
    kind: "gauge",
    help: "Sources of chronyd that have no series, because there are more than 300.",
    value: ({ optional }) => optional?.sourcesLeftOut,
  },
  {
    name: "chrony_tracker_exports_total",
    kind: "counter",
    help: "Pushes to the collector, by result.",
    labels: ["result"],
    values: ({ exports }) => (exports === undefined ? [] : byResult(exports)),
  },
  {
    name: "chrony_tracker_backlog_points",
    kind: "gauge",
    help: "Points of earlier collections that wait until the collector accepts them.",
    value: ({ backlog }) => backlog?.points,
  },
  {
    name: "chrony_tracker_backlog_dropped_points_total",
    kind: "counter",
    help: "Points that the backend never got: too old (age), backlog full (bytes), or rejected (rejected).",
    labels: ["reason"],
    values: ({ backlog }) =>
      backlog === undefined
        ? []
        : DROP_REASONS.map((reason) => ({ labels: { reason }, value: backlog.dropped[reason] })),
  },
  {
    name: "chrony_tracker_last_export_success_timestamp_seconds",
    kind: "gauge",
    help: "When a push was last accepted, in seconds since 1970.",
    value: ({ exports }) =>
      exports?.lastSuccessWallMs === undefined ? undefined : exports.lastSuccessWallMs / 1000,
  },
];

function byResult(counts: { readonly success: number; readonly failure: number }): LabelledValue[] {
  return [
    { labels: { result: "success" }, value: counts.success },
    { labels: { result: "failure" }, value: counts.failure },
  ];
}
