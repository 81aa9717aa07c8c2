/**
 * SOURCE_DATA: one time source, its state in chronyd, and its last measurement.
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
 * How chronyd rates a source, from its measurements. A source that stops answering keeps its
 * measurements and, for a while, its state: use the reachability to see whether it answers.
 */
export type SourceState =
  /** The clock follows it. */
  | "selected"
  /** Not synchronised, or its measurements are missing, too few, too old or too uncertain. */
  | "nonselectable"
  /** Its time disagrees with the majority. */
  | "falseticker"
  /** Its time varies too much. */
  | "jittery"
  /** Good, and combined with the selected one. */
  | "unselected"
  /** Good, but not combined. */
  | "selectable";

export type SourceMode = "client" | "peer" | "reference clock";

/** The SOURCE_DATA reply, in wire order, without the flags at byte 56, which are 0 since chrony 4.0. */
export type SourceData = {
  readonly source: Source;
  /** The polling interval as a power of two: −2 is a quarter of a second, 6 is 64 s. */
  readonly pollLog2Seconds: number;
  /** Distance from a reference clock. 0 for a reference clock, and before the first measurement. */
  readonly stratum: number;
  readonly state: SourceState;
  readonly mode: SourceMode;
  /** The last eight polls, one bit each, the newest in the lowest bit; 1 is answered. */
  readonly reachability: number;
  /** `undefined` before the first one, when chronyd sends zeros, as if the clock were exact. */
  readonly latestMeasurement: SourceMeasurement | undefined;
};

/** A measurement. Positive offsets: the system clock was ahead of the source. */
export type SourceMeasurement = {
  /** Negative: the system clock has been set back since. */
  readonly ageSeconds: number;
  /** As measured. */
  readonly originalOffsetSeconds: number;
  /** Adjusted for corrections made since. */
  readonly offsetSeconds: number;
  /** How wrong the offset may be, in either direction. */
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

/** Indexed by code (`RPY_SD_ST_…`). */
const STATES: readonly SourceState[] = [
  "selected",
  "nonselectable",
  "falseticker",
  "jittery",
  "unselected",
  "selectable",
];

/** Indexed by code (`RPY_SD_MD_…`). */
const MODES: readonly SourceMode[] = ["client", "peer", "reference clock"];

function readMode(data: DataView): SourceMode {
  return nameOfCode(MODES, data.getUint16(54), "the mode at byte 54");
}

/** A reference clock has its id in place of an address, sent as IPv4. */
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

/** Checked against 8 bits, the size of the field in NTP. */
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

/** The age that chronyd sends when there is no measurement. */
const NEVER_MEASURED = 0xffff_ffff;

function readLatestMeasurement(data: DataView): SourceMeasurement | undefined {
  if (data.getUint32(60) === NEVER_MEASURED) {
    return undefined;
  }
  return {
    // Read as signed: chronyd sends the low 32 bits of a difference of two times.
    ageSeconds: data.getInt32(60),
    originalOffsetSeconds: readFloat(data, 64),
    offsetSeconds: readFloat(data, 68),
    errorSeconds: readNonNegativeFloat(data, 72),
  };
}
