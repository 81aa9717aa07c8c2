/** The TRACKING report, under chrony_exporter's names. */
import { type Address, referenceIdHex, referenceIdText } from "../chrony/fields.ts";
import type { OptionalReports } from "../chrony/optional-reports.ts";
import {
  followsItself,
  LEAP_STATUSES,
  LOCAL_REFERENCE_ID,
  type Tracking,
} from "../chrony/tracking.ts";
import type { Metric } from "./metric.ts";

export const TRACKING_METRICS: readonly Metric[] = [
  {
    name: "chrony_tracking_info",
    kind: "gauge",
    help: "1 for the source that the clock follows.",
    labels: ["tracking_refid", "tracking_address", "tracking_name"],
    values: ({ assessment: { tracking }, optional }) =>
      tracking === undefined ? [] : [{ labels: trackingLabels(tracking, optional), value: 1 }],
  },
  {
    name: "chrony_tracking_stratum",
    kind: "gauge",
    help: "Hops from a reference clock; 0 is not synchronised.",
    value: ({ assessment }) => assessment.tracking?.stratum,
  },
  {
    name: "chrony_tracking_leap_status",
    kind: "gauge",
    help: "1 for the leap status that chronyd reports, 0 for the others.",
    labels: ["status"],
    values: ({ assessment: { tracking } }) =>
      tracking === undefined
        ? []
        : LEAP_STATUSES.map((status) => ({
            labels: { status: status.replace(" ", "_") },
            value: tracking.leapStatus === status ? 1 : 0,
          })),
  },
  {
    name: "chrony_tracking_remote_reference",
    kind: "gauge",
    help: "0 when chronyd follows its own clock (local directive), else 1.",
    value: ({ assessment: { tracking } }) => tracking && (followsItself(tracking) ? 0 : 1),
  },
  {
    name: "chrony_tracking_reference_timestamp_seconds",
    kind: "gauge",
    help: "When chronyd last updated from its source, in seconds since 1970.",
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
    help: "Frequency error of the clock without chronyd's correction, in parts per million.",
    value: ({ assessment }) => assessment.tracking?.frequencyPpm,
  },
  {
    name: "chrony_tracking_residual_frequency_ppms",
    kind: "gauge",
    help: "Frequency error by the source's measurements that is not corrected yet, in parts per million.",
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
];

/**
 * The labels of `chrony_tracking_info`, as in chrony_exporter. The name is chronyd's name for the source
 * if the sources are read, or else its address.
 */
function trackingLabels(
  tracking: Tracking,
  optional: OptionalReports | undefined,
): Readonly<Record<string, string>> {
  const address = sourceAddress(tracking.address, tracking.referenceId);
  const sources = optional?.sources?.ok ? optional.sources.value : [];
  // Of several reference clocks with one id, the selected one is followed.
  const followed =
    sources.find(({ content: { source, state } }) => {
      const isNamed =
        source.kind === "reference clock" && source.referenceId === tracking.referenceId;
      return isNamed && state === "selected";
    }) ?? sources.find((source) => source.address === address);
  return {
    tracking_refid: referenceIdHex(tracking.referenceId),
    tracking_address: followed?.address ?? address,
    tracking_name: followed?.name ?? address,
  };
}

/** A reference clock has no address, so its reference id is used; chronyd itself is 127.127.1.1. */
function sourceAddress(address: Address, referenceId: number): string {
  if (address.family === "ipv4" || address.family === "ipv6") {
    return address.text;
  }
  if (referenceId === LOCAL_REFERENCE_ID) {
    return "127.127.1.1";
  }
  return referenceId === 0 ? "" : referenceIdText(referenceId);
}
