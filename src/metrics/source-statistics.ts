/** The statistics of each source (SOURCESTATS), under chrony_exporter's names. */
import type { SourceStatistics } from "../chrony/source-statistics.ts";
import type { LabelledMetric } from "./metric.ts";
import { ofEachSource, SOURCE_LABELS } from "./per-source.ts";

export const SOURCE_STATISTICS_METRICS: readonly LabelledMetric[] = [
  metric("samples", "Measurements of the source that are kept.", ({ samples }) => samples),
  metric(
    "runs",
    "Runs of residuals with the same sign; few of them mean that no straight line fits.",
    ({ runs }) => runs,
  ),
  metric(
    "span_seconds",
    "Time between the oldest and the newest kept measurement, in seconds.",
    ({ spanSeconds }) => spanSeconds,
  ),
  metric(
    "frequency_ppms",
    "How fast the clock runs against the source, in parts per million; positive: fast.",
    ({ residualFrequencyPpm }) => residualFrequencyPpm,
  ),
  metric(
    "frequency_skew_ppms",
    "Error bound of that frequency, in parts per million.",
    ({ skewPpm }) => skewPpm,
  ),
  metric(
    "offset",
    "Estimated offset from the source now, in seconds; positive: the clock is ahead.",
    ({ estimatedOffset }) => estimatedOffset?.offsetSeconds,
  ),
  metric(
    "stddev",
    "Standard deviation of the measurements, in seconds.",
    ({ standardDeviationSeconds }) => standardDeviationSeconds,
  ),
];

function metric(
  name: string,
  help: string,
  numberOf: (content: SourceStatistics) => number | undefined,
): LabelledMetric {
  return {
    name: `chrony_sourcestats_${name}`,
    kind: "gauge",
    help,
    labels: SOURCE_LABELS,
    values: ({ optional }) => ofEachSource(optional?.sourcestats, numberOf),
  };
}
