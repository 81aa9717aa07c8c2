/** The clock compared with NTP servers, independently of chronyd (UTC_CHECK_SERVERS). */
import type { Measurement } from "../utc-check/measurement.ts";
import type { LabelledMetric, Metric } from "./metric.ts";

export const UTC_CHECK_METRICS: readonly Metric[] = [
  ofEachServer(
    "chrony_utc_offset_seconds",
    "The clock of an NTP server minus the node's at the last check, in seconds; positive: the node's clock is behind.",
    ({ offsetSeconds }) => offsetSeconds,
  ),
  ofEachServer(
    "chrony_utc_offset_margin_seconds",
    "Error margin of that offset, either way, in seconds: half the delay, the server's root distance, and the precision of both clocks.",
    ({ marginSeconds }) => marginSeconds,
  ),
  {
    name: "chrony_utc_contradiction",
    kind: "gauge",
    help: "1 when at the last check no NTP server's offset, with its margin, was within the bound of the clock, 0 when one was; absent when not known.",
    // Without a bound now, there is nothing to contradict.
    value: ({ assessment, utcCheck }) =>
      assessment.clockErrorBoundMs === undefined || utcCheck?.contradiction === undefined
        ? undefined
        : Number(utcCheck.contradiction),
  },
];

function ofEachServer(
  name: string,
  help: string,
  numberOf: (measurement: Measurement) => number,
): LabelledMetric {
  return {
    name,
    kind: "gauge",
    help,
    labels: ["server"],
    values: ({ utcCheck }) =>
      (utcCheck?.answers ?? []).flatMap(({ server, measurement }) =>
        measurement === undefined ? [] : [{ labels: { server }, value: numberOf(measurement) }],
      ),
  };
}
