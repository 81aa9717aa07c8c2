/**
 * SOURCESTATS: chronyd's statistics over its measurements of one time source.
 * Command 34, reply 6, 84 bytes each (`RPY_Sourcestats` in chrony's `candm.h`).
 */
import { readAddress, readFloat, readNonNegativeFloat } from "./fields.ts";
import type { Report } from "./packet.ts";
import { type Source, sourceAt } from "./source.ts";

/** The SOURCESTATS reply, in wire order. */
export type SourceStatistics = {
  readonly referenceId: number;
  readonly source: Source;
  /** How many measurements are kept. */
  readonly samples: number;
  /** Runs of residuals with the same sign. Few runs in many samples mean that a straight line does not fit. */
  readonly runs: number;
  /** Time between the oldest and the newest sample. */
  readonly spanSeconds: number;
  /** 4 s while there are too few samples. */
  readonly standardDeviationSeconds: number;
  /** The remaining frequency error of the corrected system clock against the source. Positive: fast. */
  readonly residualFrequencyPpm: number;
  /** How wrong the frequency may be. 2000 while there are too few samples. */
  readonly skewPpm: number;
  /** `undefined` without samples, when chronyd sends zeros, as if the clock were exact. */
  readonly estimatedOffset: EstimatedOffset | undefined;
};

/** The offset now. Positive: the system clock is ahead of the source. */
export type EstimatedOffset = {
  readonly offsetSeconds: number;
  /** How wrong the offset may be, in either direction. */
  readonly errorSeconds: number;
};

/** @param index of the source, from 0. It changes when a source before it is removed. */
export function sourceStatistics(index: number): Report<SourceStatistics> {
  return {
    name: "SOURCESTATS",
    command: 34,
    requestBytes: 84,
    writeRequestData: (data) => data.setUint32(20, index),
    replies: [
      {
        code: 6,
        bytes: 84,
        decode: (data) => ({
          referenceId: data.getUint32(28),
          source: sourceAt(readAddress(data, 32), data.getUint32(28)),
          samples: data.getUint32(52),
          runs: data.getUint32(56),
          spanSeconds: data.getUint32(60),
          standardDeviationSeconds: readNonNegativeFloat(data, 64),
          residualFrequencyPpm: readFloat(data, 68),
          skewPpm: readNonNegativeFloat(data, 72),
          estimatedOffset: readEstimatedOffset(data),
        }),
      },
    ],
  };
}

/** An error of 0 means no estimate, because no estimate is exact. (With one sample, versions of chrony differ.) */
function readEstimatedOffset(data: DataView): EstimatedOffset | undefined {
  const errorSeconds = readNonNegativeFloat(data, 80);
  return errorSeconds === 0 ? undefined : { offsetSeconds: readFloat(data, 76), errorSeconds };
}
