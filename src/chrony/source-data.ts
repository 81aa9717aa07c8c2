/**
 * SOURCE_DATA: one time source, what chronyd makes of it, and its last measurement.
 * Command 15, reply 3, 76 bytes each (`RPY_Source_Data` in chrony's `candm.h`).
 */
import {
  InvalidField,
  nameOfCode,
  readAddress,
  readFloat,
  readNonNegativeFloat,
} from "./fields.ts";
import type { Report } from "./packet.ts";
import { type Source, sourceAt } from "./source.ts";

/**
 * What chronyd makes of a source's measurements. It keeps those of a source that fell silent, and for
 * a while its state with them: whether a source answers is in the reachability.
 */
export type SourceState =
  /** The clock follows it. */
  | "selected"
  /** Without measurements, with too few, too old or too uncertain ones, or not synchronised. */
  | "nonselectable"
  /** Its time disagrees with the majority's. */
  | "falseticker"
  /** Its time varies too much. */
  | "jittery"
  /** Good, and combined with the selected one. */
  | "unselected"
  /** Good, and left out of the combination. */
  | "selectable";

export type SourceMode = "client" | "peer" | "reference clock";

/** The SOURCE_DATA reply, in the order of the wire (without the flags at byte 56, always 0 since chrony 4.0). */
export type SourceData = {
  readonly source: Source;
  /** The polling interval as a power of two: −2 is a quarter of a second, 6 is 64 s. */
  readonly pollLog2Seconds: number;
  /** Hops from a reference clock. 0 for a reference clock, and before the first measurement. */
  readonly stratum: number;
  readonly state: SourceState;
  readonly mode: SourceMode;
  /** The last eight polls, one bit each, the newest lowest: 1 was answered. */
  readonly reachability: number;
  /** `undefined` before there is one; chronyd sends zeros then, as if the clock were right. */
  readonly latestMeasurement: SourceMeasurement | undefined;
};

/** A measurement. Positive offsets: the system clock was ahead of the source's. */
export type SourceMeasurement = {
  /** Negative: the system clock was set back since. */
  readonly ageSeconds: number;
  /** As measured. */
  readonly originalOffsetSeconds: number;
  /** With what was corrected since then. */
  readonly offsetSeconds: number;
  /** What the offset may be wrong by, either way. */
  readonly errorSeconds: number;
};

/** @param index of the source, from 0. It changes when a source before it is removed. */
export function sourceData(index: number): Report<SourceData> {
  return {
    name: "SOURCE_DATA",
    command: 15,
    requestBytes: 76,
    writeRequestData: (data) => data.setUint32(20, index),
    replies: [
      {
        code: 3,
        bytes: 76,
        decode: (data) => ({
          source: readSource(data),
          pollLog2Seconds: readPoll(data, 48),
          stratum: data.getUint16(50),
          state: nameOfCode(STATES, data.getUint16(52), "the state at byte 52"),
          mode: readMode(data),
          reachability: readReachability(data, 58),
          latestMeasurement: readLatestMeasurement(data),
        }),
      },
    ],
  };
}

/** By their codes (`RPY_SD_ST_…`). */
const STATES: readonly SourceState[] = [
  "selected",
  "nonselectable",
  "falseticker",
  "jittery",
  "unselected",
  "selectable",
];

/** By their codes (`RPY_SD_MD_…`). */
const MODES: readonly SourceMode[] = ["client", "peer", "reference clock"];

function readMode(data: DataView): SourceMode {
  return nameOfCode(MODES, data.getUint16(54), "the mode at byte 54");
}

/** A reference clock's id stands in place of an address, as if it were IPv4. */
function readSource(data: DataView): Source {
  if (readMode(data) === "reference clock") {
    return { kind: "reference clock", referenceId: data.getUint32(28) };
  }
  const address = readAddress(data, 28);
  if (address.family === "unspecified") {
    throw new InvalidField("the source at byte 28 has no address, and is no reference clock");
  }
  return sourceAt(address, 0);
}

/** NTP's own field for it has 8 bits. */
function readPoll(data: DataView, offset: number): number {
  const poll = data.getInt16(offset);
  if (poll < -128 || poll > 127) {
    throw new InvalidField(`the poll at byte ${offset} is ${poll}, expected -128 to 127`);
  }
  return poll;
}

function readReachability(data: DataView, offset: number): number {
  const reachability = data.getUint16(offset);
  if (reachability > 0xff) {
    throw new InvalidField(
      `the reachability at byte ${offset} is ${reachability}, expected 0 to 255`,
    );
  }
  return reachability;
}

/** In place of the age of a measurement that there is not. */
const NEVER_MEASURED = 0xffff_ffff;

function readLatestMeasurement(data: DataView): SourceMeasurement | undefined {
  if (data.getUint32(60) === NEVER_MEASURED) {
    return undefined;
  }
  return {
    // chronyd subtracts two times and sends 32 bits of it, without a sign.
    ageSeconds: data.getInt32(60),
    originalOffsetSeconds: readFloat(data, 64),
    offsetSeconds: readFloat(data, 68),
    errorSeconds: readNonNegativeFloat(data, 72),
  };
}
