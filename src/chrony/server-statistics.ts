/**
 * SERVER_STATS: what chronyd did for its own clients since it started.
 * Command 54, 196 bytes. Each layout of the reply goes on where the one before ended
 * (`RPY_ServerStats` in the `candm.h` of that version):
 *
 *     chrony     reply      bytes
 *     until 3    14         48     counts of 4 bytes, no NTS
 *     4.0        22         60     NTS among them
 *     4.2        24         72     and interleaved mode
 *     4.4        25        196     and timestamps, in 8 bytes each; 32 bytes are reserved
 *
 * Only over the Unix socket, unless chronyd's `opencommands` opens it.
 */
import { readUint64 } from "./fields.ts";
import type { Report } from "./packet.ts";

/** The SERVER_STATS reply, in the order of the wire. What a version of chrony does not count is `undefined`. */
export type ServerStatistics = {
  readonly ntpPacketsReceived: number;
  /** Since chrony 4.0. */
  readonly ntsKeConnectionsAccepted?: number;
  readonly commandPacketsReceived: number;
  /** Not answered, because of a rate limit. */
  readonly ntpPacketsDropped: number;
  /** Since chrony 4.0. */
  readonly ntsKeConnectionsDropped?: number;
  readonly commandPacketsDropped: number;
  /** Clients that chronyd forgot to make room for others. */
  readonly clientLogRecordsDropped: number;
  /** Since chrony 4.0. */
  readonly authenticatedNtpPackets?: number;
  /** Since chrony 4.2, as are the two that follow. */
  readonly interleavedNtpPackets?: number;
  /** Kept at this moment for clients of the interleaved mode. */
  readonly ntpTimestampsHeld?: number;
  /** Between the oldest and the newest of them. */
  readonly ntpTimestampSpanSeconds?: number;
  /** Since chrony 4.4, as are all that follow: who took the time at which a packet came or went. */
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
