// Our records in the format of `chronyc -n -c`, field by field, for comparison as text. An unknown value is printed as
// chronyd's value for it.

import type { Activity } from "../../src/chrony/activity.ts";
import type { Address } from "../../src/chrony/fields.ts";
import type { NtpData } from "../../src/chrony/ntp-data.ts";
import type { ServerStatistics } from "../../src/chrony/server-statistics.ts";
import { sourceText } from "../../src/chrony/source.ts";
import type { SourceData, SourceMode, SourceState } from "../../src/chrony/source-data.ts";
import type { SourceStatistics } from "../../src/chrony/source-statistics.ts";
import type { LeapStatus } from "../../src/chrony/tracking.ts";

const MODE_SIGNS: Readonly<Record<SourceMode, string>> = {
  client: "^",
  peer: "=",
  "reference clock": "#",
};

const STATE_SIGNS: Readonly<Record<SourceState, string>> = {
  selected: "*",
  nonselectable: "?",
  falseticker: "x",
  jittery: "~",
  unselected: "+",
  selectable: "-",
};

const LEAP_TEXTS: Readonly<Record<LeapStatus, string>> = {
  normal: "Normal",
  "insert second": "Insert second",
  "delete second": "Delete second",
  unsynchronised: "Not synchronised",
};

/** A row of `sources`. */
export function sourcesRow(data: SourceData): string[] {
  const measurement = data.latestMeasurement;
  return [
    MODE_SIGNS[data.mode],
    STATE_SIGNS[data.state],
    sourceText(data.source),
    `${data.stratum}`,
    `${data.pollLog2Seconds}`,
    data.reachability.toString(8),
    `${measurement?.ageSeconds ?? 0xffff_ffff}`,
    (measurement?.offsetSeconds ?? 0).toFixed(9),
    (measurement?.originalOffsetSeconds ?? 0).toFixed(9),
    (measurement?.errorSeconds ?? 0).toFixed(9),
  ];
}

/** A row of `sourcestats`. */
export function sourcestatsRow(statistics: SourceStatistics): string[] {
  return [
    sourceText(statistics.source),
    `${statistics.samples}`,
    `${statistics.runs}`,
    `${statistics.spanSeconds}`,
    statistics.residualFrequencyPpm.toFixed(3),
    statistics.skewPpm.toFixed(3),
    (statistics.estimatedOffset?.offsetSeconds ?? 0).toFixed(9),
    statistics.standardDeviationSeconds.toFixed(9),
  ];
}

/** The row of `activity`. */
export function activityRow(activity: Activity): string[] {
  const { online, offline, burstOnline, burstOffline, unresolved } = activity;
  return [online, offline, burstOnline, burstOffline, unresolved].map(String);
}

/** The row of `serverstats`: the older chrony is, the fewer fields it has. */
export function serverstatsRow(statistics: ServerStatistics): string[] {
  return fieldsOf([
    statistics.ntpPacketsReceived,
    statistics.ntpPacketsDropped,
    statistics.commandPacketsReceived,
    statistics.commandPacketsDropped,
    statistics.clientLogRecordsDropped,
    statistics.ntsKeConnectionsAccepted,
    statistics.ntsKeConnectionsDropped,
    statistics.authenticatedNtpPackets,
    statistics.interleavedNtpPackets,
    statistics.ntpTimestampsHeld,
    statistics.ntpTimestampSpanSeconds,
    statistics.ntpDaemonReceiveTimestamps,
    statistics.ntpDaemonTransmitTimestamps,
    statistics.ntpKernelReceiveTimestamps,
    statistics.ntpKernelTransmitTimestamps,
    statistics.ntpHardwareReceiveTimestamps,
    statistics.ntpHardwareTransmitTimestamps,
  ]);
}

/** The counts that a version of chrony has. */
function fieldsOf(counts: readonly (number | undefined)[]): string[] {
  return counts.filter((count) => count !== undefined).map(String);
}

const NTP_MODES: Readonly<Record<number, string>> = {
  0: "Invalid",
  1: "Symmetric active",
  2: "Symmetric passive",
  4: "Server",
};

/** A row of `ntpdata`, without the fields that chronyc computes from others (see below). */
export function ntpdataRow(data: NtpData): string[] {
  const { response } = data;
  const measurement = response?.measurement;
  const tests = (response?.tests ?? 0).toString(2).padStart(10, "0");
  return [
    addressText(data.remoteAddress),
    `${data.remotePort}`,
    addressText(data.localAddress),
    LEAP_TEXTS[response?.leapStatus ?? "normal"],
    `${response?.version ?? 0}`,
    NTP_MODES[response?.mode ?? 0] ?? "a mode that no response has",
    `${response?.stratum ?? 0}`,
    `${response?.pollLog2Seconds ?? 0}`,
    `${response?.precisionLog2Seconds ?? 0}`,
    (response?.rootDelaySeconds ?? 0).toFixed(6),
    (response?.rootDispersionSeconds ?? 0).toFixed(6),
    (response?.referenceId ?? 0).toString(16).toUpperCase().padStart(8, "0"),
    // A JavaScript number holds a present time to about 0.2 µs.
    (response?.referenceTimeSeconds ?? 0).toFixed(6),
    (measurement?.offsetSeconds ?? 0).toFixed(9),
    (measurement?.peerDelaySeconds ?? 0).toFixed(9),
    (measurement?.peerDispersionSeconds ?? 0).toFixed(9),
    (measurement?.responseTimeSeconds ?? 0).toFixed(9),
    (measurement?.jitterAsymmetry ?? 0).toFixed(2),
    tests.slice(0, 3),
    tests.slice(3, 6),
    tests.slice(6),
    response?.interleaved === true ? "Yes" : "No",
    response?.authenticated === true ? "Yes" : "No",
    capitalised(response?.transmitTimestamping ?? "invalid"),
    capitalised(response?.receiveTimestamping ?? "invalid"),
    ...fieldsOf([
      data.sentPackets,
      data.receivedPackets,
      data.validPackets,
      data.goodPackets,
      data.kernelTransmitTimestamps,
      data.kernelReceiveTimestamps,
      data.hardwareTransmitTimestamps,
      data.hardwareReceiveTimestamps,
    ]),
  ];
}

/** In chronyc's row: addresses as ids, intervals in seconds, a reference id as text. */
const WORKED_OUT: readonly number[] = [1, 4, 10, 12, 16];
const REFERENCE_TIME = 17;

/** What {@link ntpdataRow} can be compared with: chronyc's row of an NTP source. */
export function comparableNtpdataRow(row: readonly string[]): string[] {
  return row
    .with(REFERENCE_TIME, Number(row[REFERENCE_TIME]).toFixed(6))
    .filter((_, index) => !WORKED_OUT.includes(index));
}

function addressText(address: Address): string {
  return address.family === "ipv4" || address.family === "ipv6" ? address.text : "[UNSPEC]";
}

function capitalised(word: string): string {
  return word.slice(0, 1).toUpperCase() + word.slice(1);
}
