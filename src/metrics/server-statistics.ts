/**
 * chronyd's statistics about its own clients (SERVER_STATS), under chrony_exporter's names. Counts that a
 * version of chrony does not have are not observed.
 */
import type { ServerStatistics } from "../chrony/server-statistics.ts";
import type { PlainMetric } from "./metric.ts";

export const SERVER_STATISTICS_METRICS: readonly PlainMetric[] = [
  counter("ntp_packets_received", "NTP requests received.", (s) => s.ntpPacketsReceived),
  counter(
    "ntp_packets_dropped",
    "NTP requests dropped by a rate limit.",
    (s) => s.ntpPacketsDropped,
  ),
  counter(
    "command_packets_received",
    "Command requests received.",
    (s) => s.commandPacketsReceived,
  ),
  counter(
    "command_packets_dropped",
    "Command requests dropped by a rate limit.",
    (s) => s.commandPacketsDropped,
  ),
  counter(
    "client_log_records_dropped",
    "Clients forgotten to make room for others.",
    (s) => s.clientLogRecordsDropped,
  ),
  counter(
    "nts_ke_connections_accepted",
    "NTS key establishments accepted.",
    (s) => s.ntsKeConnectionsAccepted,
  ),
  counter(
    "nts_ke_connections_dropped",
    "NTS key establishments dropped by a rate limit.",
    (s) => s.ntsKeConnectionsDropped,
  ),
  counter(
    "authenticated_ntp_packets",
    "NTP requests that were authenticated.",
    (s) => s.authenticatedNtpPackets,
  ),
  counter(
    "interleaved_ntp_packets",
    "NTP requests in interleaved mode.",
    (s) => s.interleavedNtpPackets,
  ),
  {
    name: "chrony_serverstats_ntp_timestamps_held",
    kind: "gauge",
    help: "Timestamps kept for clients in interleaved mode.",
    value: ({ optional }) => given(optional?.serverstats)?.ntpTimestampsHeld,
  },
  {
    name: "chrony_serverstats_ntp_timestamp_span_seconds",
    kind: "gauge",
    help: "Time between the oldest and the newest of these timestamps, in seconds.",
    value: ({ optional }) => given(optional?.serverstats)?.ntpTimestampSpanSeconds,
  },
  timestamps("daemon_rx", "received, timestamped by chronyd", (s) => s.ntpDaemonReceiveTimestamps),
  timestamps("daemon_tx", "sent, timestamped by chronyd", (s) => s.ntpDaemonTransmitTimestamps),
  timestamps(
    "kernel_rx",
    "received, timestamped by the kernel",
    (s) => s.ntpKernelReceiveTimestamps,
  ),
  timestamps("kernel_tx", "sent, timestamped by the kernel", (s) => s.ntpKernelTransmitTimestamps),
  timestamps(
    "hw_rx",
    "received, timestamped by the network card",
    (s) => s.ntpHardwareReceiveTimestamps,
  ),
  timestamps(
    "hw_tx",
    "sent, timestamped by the network card",
    (s) => s.ntpHardwareTransmitTimestamps,
  ),
];

type Count = (statistics: ServerStatistics) => number | undefined;

function counter(name: string, help: string, count: Count): PlainMetric {
  return {
    name: `chrony_serverstats_${name}_total`,
    kind: "counter",
    help,
    value: ({ optional }) => {
      const statistics = given(optional?.serverstats);
      return statistics && count(statistics);
    },
  };
}

function timestamps(name: string, what: string, count: Count): PlainMetric {
  return counter(`ntp_${name}_timestamps`, `NTP packets ${what}.`, count);
}

function given<Value>(
  report: { readonly ok: true; readonly value: Value } | { readonly ok: false } | undefined,
): Value | undefined {
  return report?.ok ? report.value : undefined;
}
