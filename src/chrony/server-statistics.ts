/**
 * SERVER_STATS: what chronyd has served to its own clients since it started.
 * Command 54, 196 bytes. Each reply layout extends the one before it
 * (`RPY_ServerStats` in the `candm.h` of that version):
 *
 *     chrony     reply      bytes
 *     until 3    14         48     counts of 4 bytes
 *     4.0        22         60     adds NTS
 *     4.2        24         72     adds interleaved mode
 *     4.4        25        196     adds timestamps; counts of 8 bytes; 32 bytes are reserved
 *
 * Only over the Unix socket, unless chronyd's `opencommands` allows it over UDP.
 */
import { readUint64 } from "./fields.ts";
import type { Report } from "./packet.ts";

/** The SERVER_STATS reply, in wire order. Counts that a version of chrony does not have are `undefined`. */
export type ServerStatistics = {
  readonly ntpPacketsReceived: number;
  /** Since chrony 4.0. */
  readonly ntsKeConnectionsAccepted?: number;
  readonly commandPacketsReceived: number;
  /** Not answered because of a rate limit. */
  readonly ntpPacketsDropped: number;
  /** Since chrony 4.0. */
  readonly ntsKeConnectionsDropped?: number;
  readonly commandPacketsDropped: number;
  /** Clients that chronyd removed from its log to make room for others. */
  readonly clientLogRecordsDropped: number;
  /** Since chrony 4.0. */
  readonly authenticatedNtpPackets?: number;
  /** This and the next two: since chrony 4.2. */
  readonly interleavedNtpPackets?: number;
  /** Timestamps currently kept for clients in interleaved mode. */
  readonly ntpTimestampsHeld?: number;
  /** Time between the oldest and the newest of them. */
  readonly ntpTimestampSpanSeconds?: number;
  /** This and all that follow: since chrony 4.4, packets by where their timestamp was taken. */
  readonly ntpDaemonReceiveTimestamps?: number;
  readonly ntpDaemonTransmitTimestamps?: number;
  readonly ntpKernelReceiveTimestamps?: number;
  readonly ntpKernelTransmitTimestamps?: number;
  readonly ntpHardwareReceiveTimestamps?: number;
  readonly ntpHardwareTransmitTimestamps?: number;
};

export const serverStatistics: Report<ServerStatistics> = {
  name: "SERVER_STATS",
  command: 54,
  requestBytes: 196,
  replies: [
    {
      code: 14,
      bytes: 48,
      decode: (data) => ({
        ntpPacketsReceived: data.getUint32(28),
        commandPacketsReceived: data.getUint32(32),
        ntpPacketsDropped: data.getUint32(36),
        commandPacketsDropped: data.getUint32(40),
        clientLogRecordsDropped: data.getUint32(44),
      }),
    },
    { code: 22, bytes: 60, decode: decodeReply22 },
    {
      code: 24,
      bytes: 72,
      decode: (data) => ({
        ...decodeReply22(data),
        interleavedNtpPackets: data.getUint32(60),
        ntpTimestampsHeld: data.getUint32(64),
        ntpTimestampSpanSeconds: data.getUint32(68),
      }),
    },
    {
      code: 25,
      bytes: 196,
      decode: (data) => ({
        ntpPacketsReceived: readUint64(data, 28),
        ntsKeConnectionsAccepted: readUint64(data, 36),
        commandPacketsReceived: readUint64(data, 44),
        ntpPacketsDropped: readUint64(data, 52),
        ntsKeConnectionsDropped: readUint64(data, 60),
        commandPacketsDropped: readUint64(data, 68),
        clientLogRecordsDropped: readUint64(data, 76),
        authenticatedNtpPackets: readUint64(data, 84),
        interleavedNtpPackets: readUint64(data, 92),
        ntpTimestampsHeld: readUint64(data, 100),
        ntpTimestampSpanSeconds: readUint64(data, 108),
        ntpDaemonReceiveTimestamps: readUint64(data, 116),
        ntpDaemonTransmitTimestamps: readUint64(data, 124),
        ntpKernelReceiveTimestamps: readUint64(data, 132),
        ntpKernelTransmitTimestamps: readUint64(data, 140),
        ntpHardwareReceiveTimestamps: readUint64(data, 148),
        ntpHardwareTransmitTimestamps: readUint64(data, 156),
      }),
    },
  ],
};

function decodeReply22(data: DataView): ServerStatistics {
  return {
    ntpPacketsReceived: data.getUint32(28),
    ntsKeConnectionsAccepted: data.getUint32(32),
    commandPacketsReceived: data.getUint32(36),
    ntpPacketsDropped: data.getUint32(40),
    ntsKeConnectionsDropped: data.getUint32(44),
    commandPacketsDropped: data.getUint32(48),
    clientLogRecordsDropped: data.getUint32(52),
    authenticatedNtpPackets: data.getUint32(56),
  };
}
