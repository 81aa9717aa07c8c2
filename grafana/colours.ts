/** The colours of states and errors, on every dashboard alike. */
import { THRESHOLDS } from "../alerts/thresholds.ts";
import type { SyncState } from "../src/clock/sync-state.ts";

/**
 * From the palette of Okabe and Ito, which people who do not see all colours can tell apart. The blue is
 * lighter than theirs, so that it can be read on Grafana's dark background as well as on the light one.
 * Grey is for "nothing is known".
 */
export const BLUE = "#2B83C6";
export const SKY = "#56B4E9";
export const GREEN = "#009E73";
export const YELLOW = "#F0E442";
export const ORANGE = "#E69F00";
export const VERMILION = "#D55E00";
export const PURPLE = "#CC79A7";
export const GREY = "#8E8E8E";

/** The colour of each state. */
export const STATE_COLOURS: Readonly<Record<SyncState, string>> = {
  synchronised: BLUE,
  stale: ORANGE,
  stepped: YELLOW,
  local: PURPLE,
  unsynchronised: VERMILION,
  unreachable: GREY,
};

/** From here on an error is a warning, in milliseconds; as in the alert ClockErrorHigh. */
export const WARNING_MS = THRESHOLDS.errorWarningMs;

/** From here on an error is critical, in milliseconds; as in the alert ClockErrorCritical. */
export const CRITICAL_MS = THRESHOLDS.errorCriticalMs;
