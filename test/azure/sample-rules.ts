import type { Sample, TimeSeries } from "./remote-write.ts";

/** The largest difference between a sample's time and its arrival, in both directions. */
export const LONGEST_AGE_MS = 20 * 60_000;
const MOST_LABELS = 63;
const LONGEST_LABEL_NAME = 511;
const LONGEST_LABEL_VALUE = 1_023;

/** Why a sample or a whole series is dropped. */
export type DropReason =
  | "too many labels"
  | "label name too long"
  | "label value too long"
  | "too old"
  | "too far ahead"
  | "out of order"
  | "duplicate"
  | "other value at the same time";

/** A dropped sample or series. */
export type Dropped = {
  readonly labels: Readonly<Record<string, string>>;
  /** The sample's time; `undefined` when the whole series was dropped. */
  readonly timeMs?: number;
  readonly reason: DropReason;
};

/** The result of a write. */
export type Judgement = {
  readonly accepted: readonly TimeSeries[];
  readonly dropped: readonly Dropped[];
  /** The newest accepted sample of each series that had one in this write. */
  readonly newest: ReadonlyMap<string, Sample>;
};

/**
 * Applies the rules of an Azure Monitor workspace to a write. A sample that breaks one is dropped; the others are
 * accepted.
 *
 * @param newestBefore the newest accepted sample of each series so far, by {@link identityOf}
 * @param nowMs the write's time of arrival
 */
export function judgeWrite(
  write: readonly TimeSeries[],
  newestBefore: ReadonlyMap<string, Sample>,
  nowMs: number,
): Judgement {
  const accepted: TimeSeries[] = [];
  const dropped: Dropped[] = [];
  const newest = new Map<string, Sample>();
  for (const { labels, samples } of write) {
    const labelFault = faultOfLabels(labels);
    if (labelFault !== undefined) {
      dropped.push({ labels, reason: labelFault });
      continue;
    }
    const identity = identityOf(labels);
    const taken: Sample[] = [];
    for (const sample of samples) {
      const last = newest.get(identity) ?? newestBefore.get(identity);
      const reason = faultOfSample(sample, last, nowMs);
      if (reason === undefined) {
        taken.push(sample);
        newest.set(identity, sample);
      } else {
        dropped.push({ labels, timeMs: sample.timeMs, reason });
      }
    }
    if (taken.length > 0) {
      accepted.push({ labels, samples: taken });
    }
  }
  return { accepted, dropped, newest };
}

/** The identity of a series. Names and values that differ only in case are the same. */
export function identityOf(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map((pair) => JSON.stringify(pair).toLowerCase());
  return pairs.toSorted().join();
}

function faultOfLabels(labels: Readonly<Record<string, string>>): DropReason | undefined {
  const entries = Object.entries(labels);
  if (entries.length > MOST_LABELS) {
    return "too many labels";
  }
  if (entries.some(([name]) => name.length > LONGEST_LABEL_NAME)) {
    return "label name too long";
  }
  if (entries.some(([, value]) => value.length > LONGEST_LABEL_VALUE)) {
    return "label value too long";
  }
  return undefined;
}

/** @param last the newest accepted sample of the same series, if there is one. */
function faultOfSample(
  { timeMs, valueBits }: Sample,
  last: Sample | undefined,
  nowMs: number,
): DropReason | undefined {
  if (timeMs < nowMs - LONGEST_AGE_MS) {
    return "too old";
  }
  if (timeMs > nowMs + LONGEST_AGE_MS) {
    return "too far ahead";
  }
  if (last === undefined || timeMs > last.timeMs) {
    return undefined;
  }
  if (timeMs < last.timeMs) {
    return "out of order";
  }
  return valueBits === last.valueBits ? "duplicate" : "other value at the same time";
}
