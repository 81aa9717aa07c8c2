/**
 * The larger of error and bound in the last ten minutes, for a drawing. Each second has a slot, with the largest value of
 * that second, or none if both were absent. Times are monotonic.
 */
export const HISTORY_SECONDS = 600;

export type ErrorSlot = {
  /** Monotonic time, in whole seconds. */
  readonly second: number;
  /** `undefined`: no poll of this second had an error or a bound. */
  readonly errorMs: number | undefined;
};

/** The oldest first. A second without a poll has no slot. */
export type ErrorHistory = readonly ErrorSlot[];

export const EMPTY_ERROR_HISTORY: ErrorHistory = [];

/**
 * The history after a poll.
 * @param errorMs the larger of error and bound; `undefined` when both are absent
 * @param nowMs monotonic time of the poll, in milliseconds
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

/** The larger of two values; the known one if the other is `undefined`. */
export function larger(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || (other !== undefined && other > one) ? other : one;
}
