/**
 * TRACKING: what chronyd knows about the system clock.
 * Command 33, reply 5, 104 bytes each (`RPY_Tracking` in chrony's `candm.h`).
 */
import {
  type Address,
  InvalidField,
  readAddress,
  readFloat,
  readNonNegativeFloat,
  readTimespec,
} from "./fields.ts";
import type { Report } from "./packet.ts";

/** Whether a leap second is ahead, or `unsynchronised`: chronyd has no time to go by. */
export type LeapStatus = "normal" | "insert second" | "delete second" | "unsynchronised";

/** What chronyd's `local` directive puts for a reference id: 127.127.1.1. */
export const LOCAL_REFERENCE_ID = 0x7f7f0101;

/** The TRACKING reply, in the order of the wire. */
export type Tracking = {
  /** Whom the clock follows: an IPv4 address, a hash of an IPv6 one, a reference clock's name, or 7F7F0101 for chronyd itself (`local`). */
  readonly referenceId: number;
  /** The source's address; unspecified for a reference clock and when there is no source. */
  readonly address: Address;
  /** Hops from a reference clock: 1 is next to one, 0 is not synchronised. */
  readonly stratum: number;
  readonly leapStatus: LeapStatus;
  /** When chronyd last took the source's time, in seconds since 1970; `undefined` before it ever did. */
  readonly referenceTimeSeconds: number | undefined;
  /** What is still to be slewed (`current_correction`). Positive: the system clock is slow of the source's time. */
  readonly systemTimeOffsetSeconds: number;
  /** The offset at the last update. Positive: the clock was ahead of the source's. */
  readonly lastOffsetSeconds: number;
  readonly rmsOffsetSeconds: number;
  /** How fast the clock runs when left alone, in parts per million. Positive: fast, and chronyd corrects that. */
  readonly frequencyPpm: number;
  readonly residualFrequencyPpm: number;
  readonly skewPpm: number;
  /** The way to the reference clock and back. */
  readonly rootDelaySeconds: number;
  /** What chronyd may be wrong by beside the delay; grows by itself, computed when asked. */
  readonly rootDispersionSeconds: number;
  /** Between the last two updates. */
  readonly updateIntervalSeconds: number;
};

export const tracking: Report<Tracking> = {
  name: "TRACKING",
  command: 33,
  requestBytes: 104,
  replies: [
    {
      code: 5,
      bytes: 104,
      decode: (data) => ({
        referenceId: data.getUint32(28),
        address: readAddress(data, 32),
        stratum: data.getUint16(52),
        leapStatus: readLeapStatus(data, 54),
        referenceTimeSeconds: readTimespec(data, 56),
        systemTimeOffsetSeconds: readFloat(data, 68),
        lastOffsetSeconds: readFloat(data, 72),
        rmsOffsetSeconds: readFloat(data, 76),
        frequencyPpm: readFloat(data, 80),
        residualFrequencyPpm: readFloat(data, 84),
        skewPpm: readFloat(data, 88),
        rootDelaySeconds: readNonNegativeFloat(data, 92),
        rootDispersionSeconds: readNonNegativeFloat(data, 96),
        updateIntervalSeconds: readNonNegativeFloat(data, 100),
      }),
    },
  ],
};

/** Whether chronyd follows its own clock. A follower of such a server by `copy` has its id, but an address. */
export function followsItself({ referenceId, address }: Tracking): boolean {
  return referenceId === LOCAL_REFERENCE_ID && address.family === "unspecified";
}

/** By their codes. */
export const LEAP_STATUSES: readonly LeapStatus[] = [
  "normal",
  "insert second",
  "delete second",
  "unsynchronised",
];

function readLeapStatus(data: DataView, offset: number): LeapStatus {
  const code = data.getUint16(offset);
  const leapStatus = LEAP_STATUSES[code];
  if (leapStatus === undefined) {
    throw new InvalidField(`the leap status at byte ${offset} is ${code}, expected 0 to 3`);
  }
  return leapStatus;
}
