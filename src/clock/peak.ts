/**
 * The largest value in a time window, so that a peak between two exports is not missed.
 */

/** The values that can still become the peak, in descending order, each with its monotonic time. */
export type PeakWindow = readonly { readonly value: number; readonly seenMs: number }[];

/** A window without values. */
export const EMPTY_PEAK_WINDOW: PeakWindow = [];

/**
 * The window with a value added.
 * @param nowMs monotonic time of the value, in milliseconds
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

/** The largest value, or `undefined` when the window is empty. */
export function peakOf(window: PeakWindow): number | undefined {
  return window[0]?.value;
}
