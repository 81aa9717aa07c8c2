// The values of the optional reports by name. All numbers of a report differ, so that none can be in the place of
// another.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { resourceFromAttributes } from "@opentelemetry/resources";
import type { NtpData } from "../../src/chrony/ntp-data.ts";
import type { OfSource, OptionalReports } from "../../src/chrony/optional-reports.ts";
import type { ServerStatistics } from "../../src/chrony/server-statistics.ts";
import type { SourceData, SourceMode, SourceState } from "../../src/chrony/source-data.ts";
import type { SourceStatistics } from "../../src/chrony/source-statistics.ts";
import { METRICS } from "../../src/metrics/catalogue.ts";
import { collect } from "../../src/metrics/collection.ts";
import { failure, success } from "../../src/result.ts";
import { clocksAt, REFERENCE_CLOCK, reading } from "../clock/reports.ts";
import { observation, pointsOf } from "./observations.ts";

const RESOURCE = resourceFromAttributes({});

const ADDRESS = { family: "ipv4", text: "192.0.2.1" } as const;
const SOURCE = { kind: "ntp", address: ADDRESS } as const;

const DATA: SourceData = {
  source: SOURCE,
  pollLog2Seconds: 6,
  stratum: 2,
  state: "selected",
  mode: "client",
  // Six of eight were answered, and the newest was not.
  reachability: 0b1110_1110,
  latestMeasurement: {
    ageSeconds: 17,
    originalOffsetSeconds: 0.5,
    offsetSeconds: -0.25,
    errorSeconds: 0.125,
  },
};

const STATISTICS: SourceStatistics = {
  referenceId: 1,
  source: SOURCE,
  samples: 21,
  runs: 11,
  spanSeconds: 640,
  standardDeviationSeconds: 0.004,
  residualFrequencyPpm: -0.75,
  skewPpm: 0.5,
  estimatedOffset: { offsetSeconds: -0.003, errorSeconds: 0.005 },
};

const MEASUREMENT = {
  offsetSeconds: 0.031,
  peerDelaySeconds: 0.032,
  peerDispersionSeconds: 0.033,
  responseTimeSeconds: 0.034,
  jitterAsymmetry: -0.5,
};

const NTP_DATA: NtpData = {
  remoteAddress: ADDRESS,
  localAddress: ADDRESS,
  remotePort: 123,
  response: {
    leapStatus: "normal",
    version: 4,
    mode: 4,
    stratum: 2,
    pollLog2Seconds: 6,
    precisionLog2Seconds: -20,
    rootDelaySeconds: 0.041,
    rootDispersionSeconds: 0.042,
    referenceId: 1,
    referenceTimeSeconds: undefined,
    measurement: MEASUREMENT,
    tests: 0,
    interleaved: false,
    authenticated: false,
    transmitTimestamping: "kernel",
    receiveTimestamping: "kernel",
  },
  sentPackets: 51,
  receivedPackets: 52,
  validPackets: 53,
  goodPackets: 54,
};

const SERVER_STATISTICS: ServerStatistics = {
  ntpPacketsReceived: 101,
  ntsKeConnectionsAccepted: 102,
  commandPacketsReceived: 103,
  ntpPacketsDropped: 104,
  ntsKeConnectionsDropped: 105,
  commandPacketsDropped: 106,
  clientLogRecordsDropped: 107,
  authenticatedNtpPackets: 108,
  interleavedNtpPackets: 109,
  ntpTimestampsHeld: 110,
  ntpTimestampSpanSeconds: 111,
  ntpDaemonReceiveTimestamps: 112,
  ntpDaemonTransmitTimestamps: 113,
  ntpKernelReceiveTimestamps: 114,
  ntpKernelTransmitTimestamps: 115,
  ntpHardwareReceiveTimestamps: 116,
  ntpHardwareTransmitTimestamps: 117,
};

const NOTHING: OptionalReports = {
  sources: undefined,
  sourcestats: undefined,
  ntpdata: undefined,
  serverstats: undefined,
  activity: undefined,
  sourcesLeftOut: 0,
};

function ofServer<Content>(content: Content): OfSource<Content> {
  return { address: ADDRESS.text, name: "ntp.example", content };
}

/** The points of these names as Prometheus series, without their common prefix. */
async function valuesOf(
  begin: string,
  optional: Partial<OptionalReports>,
): Promise<Record<string, number>> {
  const observed = observation(undefined, { optional: { ...NOTHING, ...optional } });
  const points = pointsOf(await collect(RESOURCE, METRICS, observed));
  return Object.fromEntries(
    points
      .filter(({ name }) => name.startsWith(begin))
      .map(({ name, attributes, value }) => {
        const labels = Object.entries(attributes)
          .filter(([label]) => !["source_address", "source_name"].includes(label))
          .map(([, text]) => ` ${String(text)}`);
        return [`${name.slice(begin.length)}${labels.join("")}`, value];
      }),
  );
}

describe("of a source, its", () => {
  test("last measurement, poll, stratum and reachability", async () => {
    const sources = success([ofServer(DATA)]);
    assert.deepEqual(await valuesOf("chrony_sources_", { sources }), {
      last_sample_age_seconds: 17,
      last_sample_offset_seconds: -0.25,
      last_sample_error_margin_seconds: 0.125,
      polling_interval_seconds: 64,
      stratum: 2,
      reachability_ratio: 6 / 8,
      reachability_success: 0,
      "state_info sync client": 1,
    });
  });

  test("measurement only once there is one", async () => {
    const never = { ...DATA, latestMeasurement: undefined, reachability: 1 };
    assert.deepEqual(await valuesOf("chrony_sources_", { sources: success([ofServer(never)]) }), {
      polling_interval_seconds: 64,
      stratum: 2,
      reachability_ratio: 1 / 8,
      reachability_success: 1,
      "state_info sync client": 1,
    });
  });

  test("state and mode, with chrony_exporter's words", async () => {
    const states: Readonly<Record<SourceState, string>> = {
      selected: "sync",
      nonselectable: "unreach",
      falseticker: "falseticker",
      jittery: "jittery",
      unselected: "candidate",
      selectable: "outlier",
    };
    const modes: readonly SourceMode[] = ["client", "peer", "reference clock"];
    for (const [state, stateWord] of Object.entries(states) as [SourceState, string][]) {
      for (const mode of modes) {
        const sources = success([ofServer({ ...DATA, state, mode })]);
        const values = await valuesOf("chrony_sources_state_", { sources });
        assert.deepEqual(values, { [`info ${stateWord} ${mode}`]: 1 });
      }
    }
  });

  test("statistics", async () => {
    const sourcestats = success([ofServer(STATISTICS)]);
    assert.deepEqual(await valuesOf("chrony_sourcestats_", { sourcestats }), {
      samples: 21,
      runs: 11,
      span_seconds: 640,
      frequency_ppms: -0.75,
      frequency_skew_ppms: 0.5,
      offset: -0.003,
      stddev: 0.004,
    });
  });

  test("last response", async () => {
    const ntpdata = success([ofServer(NTP_DATA)]);
    assert.deepEqual(await valuesOf("chrony_sources_peer_", { ntpdata }), {
      offset_seconds: 0.031,
      delay_seconds: 0.032,
      dispersion_seconds: 0.033,
      response_time_seconds: 0.034,
      jitter_asymmetry_seconds: -0.5,
    });
    const silent = success([ofServer({ ...NTP_DATA, response: undefined })]);
    assert.deepEqual(await valuesOf("chrony_sources_peer_", { ntpdata: silent }), {});
  });

  test("address and name are its labels", async () => {
    const optional = { ...NOTHING, sources: success([ofServer(DATA)]) };
    const points = pointsOf(
      await collect(RESOURCE, METRICS, observation(undefined, { optional })),
    ).filter(({ name }) => name.startsWith("chrony_sources_"));
    for (const { name, attributes } of points) {
      assert.equal(attributes["source_address"], "192.0.2.1", name);
      assert.equal(attributes["source_name"], "ntp.example", name);
    }
  });
});

test("chronyd's statistics about its clients", async () => {
  const serverstats = success(SERVER_STATISTICS);
  assert.deepEqual(await valuesOf("chrony_serverstats_", { serverstats }), {
    ntp_packets_received_total: 101,
    nts_ke_connections_accepted_total: 102,
    command_packets_received_total: 103,
    ntp_packets_dropped_total: 104,
    nts_ke_connections_dropped_total: 105,
    command_packets_dropped_total: 106,
    client_log_records_dropped_total: 107,
    authenticated_ntp_packets_total: 108,
    interleaved_ntp_packets_total: 109,
    ntp_timestamps_held: 110,
    ntp_timestamp_span_seconds: 111,
    ntp_daemon_rx_timestamps_total: 112,
    ntp_daemon_tx_timestamps_total: 113,
    ntp_kernel_rx_timestamps_total: 114,
    ntp_kernel_tx_timestamps_total: 115,
    ntp_hw_rx_timestamps_total: 116,
    ntp_hw_tx_timestamps_total: 117,
  });
});

test("the number of sources in each condition", async () => {
  const activity = success({
    online: 1,
    offline: 2,
    burstOnline: 3,
    burstOffline: 4,
    unresolved: 5,
  });
  assert.deepEqual(await valuesOf("chrony_activity_", { activity }), {
    "sources online": 1,
    "sources offline": 2,
    "sources burst_online": 3,
    "sources burst_offline": 4,
    "sources unresolved": 5,
  });
});

test("of several reference clocks with one id, the selected one is followed", async () => {
  const referenceId = 0x5048_4330;
  const clockOf = (address: string, state: SourceState): OfSource<SourceData> => ({
    address,
    name: address,
    content: { ...DATA, source: { kind: "reference clock", referenceId }, state },
  });
  const sources = success([
    ofServer<SourceData>({ ...DATA, state: "unselected" }),
    clockOf("PHC0", "unselected"),
    clockOf("PHC0#2", "selected"),
    clockOf("PHC0#3", "jittery"),
  ]);
  const observed = observation(reading(clocksAt(12_000), REFERENCE_CLOCK), {
    optional: { ...NOTHING, sources },
  });
  const points = pointsOf(await collect(RESOURCE, METRICS, observed));
  assert.deepEqual(points.find(({ name }) => name === "chrony_tracking_info")?.attributes, {
    tracking_refid: "50484330",
    tracking_address: "PHC0#2",
    tracking_name: "PHC0#2",
  });
});

test("a report that failed or was not requested has no series", async () => {
  const fault = failure({ kind: "out of time", longestMs: 1_000 } as const);
  const failed: OptionalReports = {
    sources: fault,
    sourcestats: fault,
    ntpdata: fault,
    serverstats: fault,
    activity: fault,
    sourcesLeftOut: 0,
  };
  for (const optional of [failed, NOTHING]) {
    for (const begin of ["chrony_sources", "chrony_serverstats", "chrony_activity"]) {
      assert.deepEqual(await valuesOf(begin, optional), {});
    }
  }
});
