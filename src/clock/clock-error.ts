/**
 * How wrong the clock can be, from one TRACKING report. The formula is from chrony's manual
 * (chronyc, "tracking"):
 *
 *     clock error <= |system time offset| + root dispersion + ½ root delay
 *
 * A chronyd that never synchronised reports a root delay and a root dispersion of 1 s each, so error
 * and bound are exactly 1500 ms. sync-state.ts decides what is published in which state.
 */
import type { Tracking } from "../chrony/tracking.ts";

/**
 * `chrony_clock_error_ms`, in milliseconds: |last offset| + root dispersion + ½ root delay.
 * The offset is the one measured at the last update. It can be small while a large offset is slewed.
 */
export function clockErrorMs(tracking: Tracking): number {
  return errorMs(tracking.lastOffsetSeconds, tracking);
}

/**
 * `chrony_clock_error_bound_ms`, in milliseconds: |system time offset| + root dispersion
 * + ½ root delay, as in chrony's manual.
 */
export function clockErrorBoundMs(tracking: Tracking): number {
  return errorMs(tracking.systemTimeOffsetSeconds, tracking);
}

function errorMs(offsetSeconds: number, tracking: Tracking): number {
  return (
    (Math.abs(offsetSeconds) + tracking.rootDispersionSeconds + tracking.rootDelaySeconds / 2) *
    1000
  );
}
