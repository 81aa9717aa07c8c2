/**
 * NTP_DATA: what the last response of one NTP source said, and how many packets went to and fro.
 * Command 57, 172 bytes. The reply is 16 with 152 bytes until chrony 4.5 and 26 with 172 bytes, four
 * counts longer, from 4.6 on (`RPY_NTPData` in the `candm.h` of that version); both end with a reserve
 * that is filled with ones, 12 and 16 bytes.
 *
 * Only over the Unix socket, unless chronyd's `opencommands` opens it.
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

/** The NTP_DATA reply, in the order of the wire. */
export type NtpData = {
  readonly remoteAddress: Address;
  /** Where the source's responses arrive; unspecified before the first. */
  readonly localAddress: Address;
  readonly remotePort: number;
  /** The last valid one; `undefined` before there is one, when chronyd sends zeros. */
  readonly response: NtpResponse | undefined;
  /** Packets since the source was added: sent to it, and received from it. */
  readonly sentPackets: number;
  readonly receivedPackets: number;
  /** Responses that match a request of ours and are authenticated as they have to be. */
  readonly validPackets: number;
  /** Those of them that were good enough to be measured with. Older versions of chrony do not count them. */
  readonly goodPackets: number | undefined;
  /** Since chrony 4.6, as are all that follow: packets whose time the kernel or the network card took. */
  readonly kernelTransmitTimestamps?: number;
  readonly kernelReceiveTimestamps?: number;
  readonly hardwareTransmitTimestamps?: number;
  readonly hardwareReceiveTimestamps?: number;
};

/** A source's response: what stood in the packet, then what chronyd made of it. */
export type NtpResponse = {
  readonly leapStatus: LeapStatus;
  /** Of NTP. */
  readonly version: number;
  /** NTP's: 1 and 2 are a peer's, 4 is a server's. */
  readonly mode: number;
  /** 0 is not synchronised, or a refusal (a kiss of death). */
  readonly stratum: number;
  /** A power of two. */
  readonly pollLog2Seconds: number;
  /** Of the source's clock, a power of two. */
  readonly precisionLog2Seconds: number;
  readonly rootDelaySeconds: number;
  readonly rootDispersionSeconds: number;
  /** Whom the source follows. */
  readonly referenceId: number;
  /** When the source last took its own source's time, in seconds since 1970. */
  readonly referenceTimeSeconds: number | undefined;
  /** `undefined` when the source itself is not synchronised: nothing was measured, and chronyd sends zeros. */
  readonly measurement: NtpMeasurement | undefined;
  /** chrony's tests 1, 2, 3, 5, 6, 7, A, B, C and D, a bit each, the first one highest: 1 was passed. */
  readonly tests: number;
  readonly interleaved: boolean;
  readonly authenticated: boolean;
  /** Who took the time at which the request left. */
  readonly transmitTimestamping: Timestamping;
  /** Who took the time at which the response came. */
  readonly receiveTimestamping: Timestamping;
};

export type NtpMeasurement = {
  /** Positive: the system clock is behind the source's. (In SOURCE_DATA and SOURCESTATS it is ahead.) */
  readonly offsetSeconds: number;
  /** The way there and back, without the source's response time. */
  readonly peerDelaySeconds: number;
  readonly peerDispersionSeconds: number;
  /** Between the request's arrival at the source and the response's departure. */
  readonly responseTimeSeconds: number;
  /** Which way the network's delay varies more, from −0.5 (to the source) to 0.5 (back); 0 is neither, or not known. */
  readonly jitterAsymmetry: number;
};

/** The daemon itself is the least exact, the network card's hardware the most. */
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

/** The delay of a measurement is at least the clock's precision, so that none is 0. */
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

/** What stands there in a version that does not count them: part of its reserve. */
const NOT_COUNTED = 0xffff_ffff;

function readGoodPackets(data: DataView): number | undefined {
  const count = data.getUint32(136);
  return count === NOT_COUNTED ? undefined : count;
}
