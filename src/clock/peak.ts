/**
 * The largest value of the last while, so that nothing between two exports is lost.
 */

/** What can still become the peak: falling values, each with the monotonic time it was seen. */
export type PeakWindow = readonly { readonly value: number; readonly seenMs: number }[];

/** A window that has seen nothing. */
export const EMPTY_PEAK_WINDOW: PeakWindow = [];

/**
 * The window after a value was seen.
 * @param nowMs monotonic time of this value, in milliseconds
 * @param widthMs how long a value counts, in milliseconds
 */
export function withValue(
  window: PeakWindow,
  value: number,
  nowMs: number,
  widthMs: number,
): PeakWindow {
  // An older value that is not larger can never be the peak again.
  return [
    ...window.filter((entry) => entry.seenMs > nowMs - widthMs && entry.value > value),
    { value, seenMs: nowMs },
  ];
}

/** The largest value seen, or `undefined` when there is none. */
export function peakOf(window: PeakWindow): number | undefined {
  return window[0]?.value;
}
