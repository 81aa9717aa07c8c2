/**
 * How wrong the clock can be, from one TRACKING report.
 *
 * chrony's manual (chronyc, "tracking"):
 *
 *     clock error <= |system time offset| + root dispersion + ½ root delay
 *
 * A chronyd that never synchronised reports a root delay and a root dispersion of 1 s each, so both
 * figures are then exactly 1500 ms. What to publish in which state: sync-state.ts.
 */
import type { Tracking } from "../chrony/tracking.ts";

/**
 * `chrony_clock_error_ms`, in milliseconds: |last offset| + root dispersion + ½ root delay.
 * The offset is the one measured at the last update: small while a large one is being slewed.
 */
export function clockErrorMs(tracking: Tracking): number {
  return errorMs(tracking.lastOffsetSeconds, tracking);
}

/**
 * `chrony_clock_error_bound_ms`, in milliseconds: |system time offset| + root dispersion
 * + ½ root delay, the bound as chrony's manual gives it.
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
