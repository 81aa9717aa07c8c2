/**
 * The possible error of the last ten minutes, for the drawing: the larger of error and bound. There is
 * one slot per second with the largest value, so at most 600 however often chronyd is polled. Seconds in
 * which both were withheld have a slot too. Times are monotonic.
 */
export const HISTORY_SECONDS = 600;

export type ErrorSlot = {
  /** Monotonic time, in whole seconds. */
  readonly second: number;
  /** `undefined`: every poll of this second had neither an error nor a bound. */
  readonly errorMs: number | undefined;
};

/** Oldest first. A second without a poll has no slot. */
export type ErrorHistory = readonly ErrorSlot[];

export const EMPTY_ERROR_HISTORY: ErrorHistory = [];

/**
 * The history after a poll.
 * @param errorMs the larger of error and bound; `undefined` when both are withheld
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

/** The larger of two values, or the one that is known. */
export function larger(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || (other !== undefined && other > one) ? other : one;
}
