/**
 * TRACKING: chronyd's view of the system clock.
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

/** Whether a leap second is announced. `unsynchronised`: chronyd has no valid time. */
export type LeapStatus = "normal" | "insert second" | "delete second" | "unsynchronised";

/** The reference id that chronyd's `local` directive sets: 127.127.1.1. */
export const LOCAL_REFERENCE_ID = 0x7f7f0101;

/** The TRACKING reply, in wire order. */
export type Tracking = {
  /** What the clock follows: an IPv4 address, the hash of an IPv6 address, the name of a reference clock, or 7F7F0101 for chronyd itself (`local`). */
  readonly referenceId: number;
  /** The address of the source; unspecified for a reference clock and without a source. */
  readonly address: Address;
  /** Distance from a reference clock: 1 is directly attached, 0 is not synchronised. */
  readonly stratum: number;
  readonly leapStatus: LeapStatus;
  /** The time of the last update from the source, in seconds since 1970; `undefined` before the first. */
  readonly referenceTimeSeconds: number | undefined;
  /** The correction that remains to be slewed (`current_correction`). Positive: the system clock is slow. */
  readonly systemTimeOffsetSeconds: number;
  /** The offset at the last update. Positive: the clock was ahead of the source. */
  readonly lastOffsetSeconds: number;
  readonly rmsOffsetSeconds: number;
  /** The frequency error of the uncorrected clock, in parts per million. Positive: fast. */
  readonly frequencyPpm: number;
  readonly residualFrequencyPpm: number;
  readonly skewPpm: number;
  /** Round-trip time to the reference clock. */
  readonly rootDelaySeconds: number;
  /** The uncertainty apart from the delay, at the time of the request. It grows between updates. */
  readonly rootDispersionSeconds: number;
  /** Time between the last two updates. */
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

/** Whether chronyd follows its own clock. With `copy`, a client of such a server has the same id, but also an address. */
export function followsItself({ referenceId, address }: Tracking): boolean {
  return referenceId === LOCAL_REFERENCE_ID && address.family === "unspecified";
}

/** Indexed by code. */
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
