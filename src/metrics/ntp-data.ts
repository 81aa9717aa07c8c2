/** The last response of each NTP source (NTP_DATA), under chrony_exporter's names. */
import type { NtpMeasurement } from "../chrony/ntp-data.ts";
import type { LabelledMetric } from "./metric.ts";
import { ofEachSource, SOURCE_LABELS } from "./per-source.ts";

export const NTP_DATA_METRICS: readonly LabelledMetric[] = [
  metric(
    "offset_seconds",
    "Offset of the last response, in seconds; positive: the clock is behind the source.",
    ({ offsetSeconds }) => offsetSeconds,
  ),
  metric(
    "delay_seconds",
    "Network delay to the source and back, in seconds.",
    ({ peerDelaySeconds }) => peerDelaySeconds,
  ),
  metric(
    "dispersion_seconds",
    "Error that the precision of both clocks adds, in seconds.",
    ({ peerDispersionSeconds }) => peerDispersionSeconds,
  ),
  metric(
    "response_time_seconds",
    "Time the source took for its response, in seconds.",
    ({ responseTimeSeconds }) => responseTimeSeconds,
  ),
  metric(
    "jitter_asymmetry_seconds",
    "Which way the network's delay varies more: -0.5 is to the source, 0.5 is back.",
    ({ jitterAsymmetry }) => jitterAsymmetry,
  ),
];

function metric(
  name: string,
  help: string,
  numberOf: (measurement: NtpMeasurement) => number | undefined,
): LabelledMetric {
  return {
    name: `chrony_sources_peer_${name}`,
    kind: "gauge",
    help,
    labels: SOURCE_LABELS,
    values: ({ optional }) =>
      ofEachSource(optional?.ntpdata, ({ response }) => {
        const measurement = response?.measurement;
        return measurement && numberOf(measurement);
      }),
  };
}
