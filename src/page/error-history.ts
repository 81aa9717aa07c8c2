/**
 * What the clock could be wrong by in the last ten minutes, for a drawing: the larger of error and
 * bound. A slot a second however often chronyd is asked, the largest value of a second, and seconds in
 * which both were withheld. Six hundred slots at
 * the most; times are monotonic.
 */
export const HISTORY_SECONDS = 600;

export type ErrorSlot = {
  /** Monotonic time, in whole seconds. */
  readonly second: number;
  /** `undefined`: every reading of this second was without an error and a bound. */
  readonly errorMs: number | undefined;
};

/** The oldest first; a second without a reading has no slot. */
export type ErrorHistory = readonly ErrorSlot[];

export const EMPTY_ERROR_HISTORY: ErrorHistory = [];

/**
 * The history after a reading.
 * @param errorMs the larger of error and bound; `undefined` where both are withheld
 * @param nowMs monotonic time of the reading, in milliseconds
 */
export function withReadingOf(
  history: ErrorHistory,
  errorMs: number | undefined,
  nowMs: number,
): ErrorHistory {
  const second = Math.floor(nowMs / 1000);
  const last = history.at(-1);
  const kept = history.filter(
    (slot) => slot.second > second - HISTORY_SECONDS && slot.second !== second,
  );
  const before = last?.second === second ? last.errorMs : undefined;
  return [...kept, { second, errorMs: larger(before, errorMs) }];
}

/** The larger one of two values that are known, or the one that is. */
export function larger(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || (other !== undefined && other > one) ? other : one;
}
