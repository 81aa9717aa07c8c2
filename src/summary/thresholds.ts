/**
 * The sizes of a clock's possible error from which on it is a warning, and critical. The alerts, the
 * status command, the page, the demo and the dashboards' colours all take them from here; why these,
 * docs/runbook.md says. After a change: `npm run alerts` and `npm run dashboards`.
 */

/** Milliseconds that what is judged must not exceed. */
export type Thresholds = { readonly warningMs: number; readonly criticalMs: number };

/** A node with NTP over a network is right to 1 to 30 ms; a CockroachDB node ends itself at 400. */
export const DEFAULT_THRESHOLDS: Thresholds = { warningMs: 50, criticalMs: 250 };
