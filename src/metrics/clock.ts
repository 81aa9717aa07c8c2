/** The metrics of the clock: state, error, bound and peak. */
import { SYNC_STATES } from "../clock/sync-state.ts";
import type { Metric } from "./metric.ts";

export const CLOCK_METRICS: readonly Metric[] = [
  {
    name: "chrony_clock_error_ms",
    kind: "gauge",
    help: "How wrong the clock can be: |last offset| + root dispersion + half the root delay, in milliseconds.",
    value: ({ assessment }) => assessment.clockErrorMs,
  },
  {
    name: "chrony_clock_error_bound_ms",
    kind: "gauge",
    help: "The bound that chrony's manual gives: |system time offset| + root dispersion + half the root delay, in milliseconds; plus the steps that chronyd has not seen.",
    value: ({ assessment }) => assessment.clockErrorBoundMs,
  },
  {
    name: "chrony_clock_error_peak_ms",
    kind: "gauge",
    help: "The largest chrony_clock_error_ms or chrony_clock_error_bound_ms of the last 60 s, or of two export intervals where that is longer.",
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
    name: "chrony_upstream_local",
    kind: "gauge",
    help: "1 when the followed source reports that it follows its own clock, 0 when not; absent when not known.",
    value: ({ assessment: { upstreamIsLocal } }) =>
      upstreamIsLocal === undefined ? undefined : Number(upstreamIsLocal),
  },
  {
    name: "chrony_up",
    kind: "gauge",
    help: "1 when chronyd answered the last poll, else 0.",
    value: ({ assessment }) => (assessment.tracking === undefined ? 0 : 1),
  },
  {
    name: "chrony_reference_age_seconds",
    kind: "gauge",
    help: "Time since chronyd's last update from its source, in seconds.",
    value: ({ assessment }) => assessment.referenceAgeSeconds,
  },
  {
    name: "chrony_suspended_seconds_total",
    kind: "counter",
    help: "How long the machine slept (was suspended) since the agent started, in seconds.",
    value: ({ assessment }) => assessment.clocks.suspendedMs / 1000,
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
    name: "chrony_ptp_clock_info",
    kind: "gauge",
    help: "1 for each PTP clock of the kernel; hyperv is the Azure host's.",
    labels: ["device", "clock_name"],
    values: ({ ptpClocks }) =>
      ptpClocks.map(({ device, clockName }) => ({
        labels: { device, clock_name: clockName },
        value: 1,
      })),
  },
];
