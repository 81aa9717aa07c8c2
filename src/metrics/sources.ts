/** chronyd's time sources (SOURCE_DATA), under chrony_exporter's names. */
import type { SourceData, SourceMode, SourceState } from "../chrony/source-data.ts";
import type { LabelledMetric } from "./metric.ts";
import { ofEachSource, SOURCE_LABELS, sourceLabels } from "./per-source.ts";

/** chrony_exporter's words for the states. */
const STATE_LABELS: Readonly<Record<SourceState, string>> = {
  selected: "sync",
  nonselectable: "unreach",
  falseticker: "falseticker",
  jittery: "jittery",
  unselected: "candidate",
  selectable: "outlier",
};

/** chrony_exporter's words for the modes. */
const MODE_LABELS: Readonly<Record<SourceMode, string>> = {
  client: "client",
  peer: "peer",
  "reference clock": "reference clock",
};

export const SOURCE_METRICS: readonly LabelledMetric[] = [
  metric(
    "last_sample_age_seconds",
    "Time since the last good measurement of the source, in seconds; negative: the clock was set back since.",
    ({ latestMeasurement }) => latestMeasurement?.ageSeconds,
  ),
  metric(
    "last_sample_offset_seconds",
    "The last measured offset, with what was corrected since, in seconds; positive: the clock was ahead.",
    ({ latestMeasurement }) => latestMeasurement?.offsetSeconds,
  ),
  metric(
    "last_sample_error_margin_seconds",
    "Error margin of that offset, either way, in seconds.",
    ({ latestMeasurement }) => latestMeasurement?.errorSeconds,
  ),
  metric(
    "polling_interval_seconds",
    "Time between two measurements of the source, in seconds.",
    ({ pollLog2Seconds }) => 2 ** pollLog2Seconds,
  ),
  metric(
    "stratum",
    "Hops of the source from a reference clock; 0 is a reference clock, or not known yet.",
    ({ stratum }) => stratum,
  ),
  metric(
    "reachability_ratio",
    "Share of the last eight polls that were answered.",
    ({ reachability }) => setBits(reachability) / 8,
  ),
  metric(
    "reachability_success",
    "1 when the last poll was answered, else 0.",
    ({ reachability }) => reachability & 1,
  ),
  {
    name: "chrony_sources_state_info",
    kind: "gauge",
    help: "1 for the state and mode that chronyd reports for the source.",
    labels: [...SOURCE_LABELS, "source_state", "source_mode"],
    values: ({ optional }) =>
      optional?.sources?.ok
        ? optional.sources.value.map((source) => ({
            labels: {
              ...sourceLabels(source),
              source_state: STATE_LABELS[source.content.state],
              source_mode: MODE_LABELS[source.content.mode],
            },
            value: 1,
          }))
        : [],
  },
];

function metric(
  name: string,
  help: string,
  numberOf: (content: SourceData) => number | undefined,
): LabelledMetric {
  return {
    name: `chrony_sources_${name}`,
    kind: "gauge",
    help,
    labels: SOURCE_LABELS,
    values: ({ optional }) => ofEachSource(optional?.sources, numberOf),
  };
}

function setBits(register: number): number {
  return register.toString(2).replaceAll("0", "").length;
}
