/**
 * NTP_DATA: the last response of one NTP source, and packet counts.
 * Command 57, 172 bytes. Up to chrony 4.5 the reply is 16 with 152 bytes; since 4.6 it is 26 with 172
 * bytes and four more counts (`RPY_NTPData` in the `candm.h` of that version). Both end with reserved
 * bytes filled with ones: 12 and 16.
 *
 * Only over the Unix socket, unless chronyd's `opencommands` allows it over UDP.
 */
import {
  type Address,
  InvalidField,
  type IpAddress,
  nameOfCode,
  readAddress,
  readFloat,
  readNonNegativeFloat,
  readTimespec,
  writeAddress,
} from "./fields.ts";
import type { Report } from "./packet.ts";
import { LEAP_STATUSES, type LeapStatus } from "./tracking.ts";

/** The NTP_DATA reply, in wire order. */
export type NtpData = {
  readonly remoteAddress: Address;
  /** The local address at which responses arrive; unspecified before the first one. */
  readonly localAddress: Address;
  readonly remotePort: number;
  /** The last valid response; `undefined` before the first one, when chronyd sends zeros. */
  readonly response: NtpResponse | undefined;
  /** Packets sent to and received from the source since it was added. */
  readonly sentPackets: number;
  readonly receivedPackets: number;
  /** Responses that match a request and pass authentication. */
  readonly validPackets: number;
  /** Valid responses that were accepted as measurements. `undefined` in older versions of chrony. */
  readonly goodPackets: number | undefined;
  /** This and the following counts exist since chrony 4.6: packets timestamped by kernel or hardware. */
  readonly kernelTransmitTimestamps?: number;
  readonly kernelReceiveTimestamps?: number;
  readonly hardwareTransmitTimestamps?: number;
  readonly hardwareReceiveTimestamps?: number;
};

/** A response: the fields of the packet, then what chronyd computed from it. */
export type NtpResponse = {
  readonly leapStatus: LeapStatus;
  /** NTP version. */
  readonly version: number;
  /** NTP mode: 1 and 2 from a peer, 4 from a server. */
  readonly mode: number;
  /** 0: not synchronised, or a refusal (kiss of death). */
  readonly stratum: number;
  /** The polling interval as a power of two. */
  readonly pollLog2Seconds: number;
  /** The precision of the source's clock as a power of two. */
  readonly precisionLog2Seconds: number;
  readonly rootDelaySeconds: number;
  readonly rootDispersionSeconds: number;
  /** What the source itself follows. */
  readonly referenceId: number;
  /** When the source was last updated by its own source, in seconds since 1970. */
  readonly referenceTimeSeconds: number | undefined;
  /** `undefined` when the source is not synchronised: nothing was measured, and chronyd sends zeros. */
  readonly measurement: NtpMeasurement | undefined;
  /** chrony's tests 1, 2, 3, 5, 6, 7, A, B, C and D, one bit each, the first in the highest bit; 1 is passed. */
  readonly tests: number;
  readonly interleaved: boolean;
  readonly authenticated: boolean;
  /** Where the transmit timestamp of the request was taken. */
  readonly transmitTimestamping: Timestamping;
  /** Where the receive timestamp of the response was taken. */
  readonly receiveTimestamping: Timestamping;
};

export type NtpMeasurement = {
  /** Positive: the system clock is behind the source. (In SOURCE_DATA and SOURCESTATS it is ahead.) */
  readonly offsetSeconds: number;
  /** Round-trip time without the source's response time. */
  readonly peerDelaySeconds: number;
  readonly peerDispersionSeconds: number;
  /** Time between the arrival of the request at the source and the departure of the response. */
  readonly responseTimeSeconds: number;
  /** The direction in which the network delay varies more: −0.5 is to the source, 0.5 is back, 0 is neither or unknown. */
  readonly jitterAsymmetry: number;
};

/** Where a timestamp was taken: daemon is the least exact, hardware (the network card) the most. */
export type Timestamping = "daemon" | "kernel" | "hardware";

export function ntpData(address: IpAddress): Report<NtpData> {
  return {
    name: "NTP_DATA",
    command: 57,
    requestBytes: 172,
    writeRequestData: (data) => writeAddress(data, 20, address),
    replies: [
      { code: 16, bytes: 152, decode: decodeReply16 },
      {
        code: 26,
        bytes: 172,
        decode: (data) => ({
          ...decodeReply16(data),
          kernelTransmitTimestamps: data.getUint32(140),
          kernelReceiveTimestamps: data.getUint32(144),
          hardwareTransmitTimestamps: data.getUint32(148),
          hardwareReceiveTimestamps: data.getUint32(152),
        }),
      },
    ],
  };
}

function decodeReply16(data: DataView): NtpData {
  return {
    remoteAddress: readAddress(data, 28),
    localAddress: readAddress(data, 48),
    remotePort: data.getUint16(68),
    response: readResponse(data),
    sentPackets: data.getUint32(124),
    receivedPackets: data.getUint32(128),
    validPackets: data.getUint32(132),
    goodPackets: readGoodPackets(data),
  };
}

const FLAGS_TESTS = 0x03ff;
const FLAG_INTERLEAVED = 0x4000;
const FLAG_AUTHENTICATED = 0x8000;

function readResponse(data: DataView): NtpResponse | undefined {
  if (data.getUint32(132) === 0) {
    return undefined;
  }
  return {
    leapStatus: nameOfCode(LEAP_STATUSES, data.getUint8(70), "the leap status at byte 70"),
    version: data.getUint8(71),
    mode: data.getUint8(72),
    stratum: data.getUint8(73),
    pollLog2Seconds: data.getInt8(74),
    precisionLog2Seconds: data.getInt8(75),
    rootDelaySeconds: readNonNegativeFloat(data, 76),
    rootDispersionSeconds: readNonNegativeFloat(data, 80),
    referenceId: data.getUint32(84),
    referenceTimeSeconds: readTimespec(data, 88),
    measurement: readMeasurement(data),
    tests: data.getUint16(120) & FLAGS_TESTS,
    interleaved: (data.getUint16(120) & FLAG_INTERLEAVED) !== 0,
    authenticated: (data.getUint16(120) & FLAG_AUTHENTICATED) !== 0,
    transmitTimestamping: readTimestamping(data, 122),
    receiveTimestamping: readTimestamping(data, 123),
  };
}

/** A delay of 0 means no measurement, because a real delay is at least the clock's precision. */
function readMeasurement(data: DataView): NtpMeasurement | undefined {
  const peerDelaySeconds = readNonNegativeFloat(data, 104);
  if (peerDelaySeconds === 0) {
    return undefined;
  }
  return {
    offsetSeconds: readFloat(data, 100),
    peerDelaySeconds,
    peerDispersionSeconds: readNonNegativeFloat(data, 108),
    responseTimeSeconds: readNonNegativeFloat(data, 112),
    jitterAsymmetry: readFloat(data, 116),
  };
}

const TIMESTAMPINGS: Readonly<Record<string, Timestamping>> = {
  D: "daemon",
  K: "kernel",
  H: "hardware",
};

function readTimestamping(data: DataView, offset: number): Timestamping {
  const code = data.getUint8(offset);
  const timestamping = TIMESTAMPINGS[String.fromCharCode(code)];
  if (timestamping === undefined) {
    throw new InvalidField(
      `the timestamping at byte ${offset} is ${code}, expected 68 (D), 75 (K) or 72 (H)`,
    );
  }
  return timestamping;
}

/** The reserved bytes that a version without these counts sends in their place. */
const NOT_COUNTED = 0xffff_ffff;

function readGoodPackets(data: DataView): number | undefined {
  const count = data.getUint32(136);
  return count === NOT_COUNTED ? undefined : count;
}
