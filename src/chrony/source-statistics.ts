/**
 * SOURCESTATS: what chronyd's measurements of one time source say together.
 * Command 34, reply 6, 84 bytes each (`RPY_Sourcestats` in chrony's `candm.h`).
 */
import { readAddress, readFloat, readNonNegativeFloat } from "./fields.ts";
import type { Report } from "./packet.ts";
import { type Source, sourceAt } from "./source.ts";

/** The SOURCESTATS reply, in the order of the wire. */
export type SourceStatistics = {
  readonly referenceId: number;
  readonly source: Source;
  /** How many measurements are kept. */
  readonly samples: number;
  /** Of residuals with the same sign; few runs of many samples mean that a straight line does not fit. */
  readonly runs: number;
  /** Between the oldest and the newest of the samples. */
  readonly spanSeconds: number;
  /** 4 s as long as there are too few samples. */
  readonly standardDeviationSeconds: number;
  /** How fast the system clock, as it is corrected now, runs against the source's. Positive: fast. */
  readonly residualFrequencyPpm: number;
  /** What the frequency may be wrong by. 2000 as long as there are too few samples. */
  readonly skewPpm: number;
  /** `undefined` without samples; chronyd sends zeros then, as if the clock were right. */
  readonly estimatedOffset: EstimatedOffset | undefined;
};

/** The offset now. Positive: the system clock is ahead of the source's. */
export type EstimatedOffset = {
  readonly offsetSeconds: number;
  /** What it may be wrong by, either way. */
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

/** No estimate is exact, so that an error of 0 is none. (With one sample, versions of chrony differ.) */
function readEstimatedOffset(data: DataView): EstimatedOffset | undefined {
  const errorSeconds = readNonNegativeFloat(data, 80);
  return errorSeconds === 0 ? undefined : { offsetSeconds: readFloat(data, 76), errorSeconds };
}
