/**
 * The thresholds of the clock's possible error. The alerts, the status command, the page, the demo and
 * the colours of the dashboards all use them; docs/runbook.md gives the reasons. After a change, run
 * `npm run alerts` and `npm run dashboards`.
 */

/** Limits that the judged value must not exceed, in milliseconds. */
export type Thresholds = { readonly warningMs: number; readonly criticalMs: number };

/** A node with NTP over a network is accurate to 1 to 30 ms; a CockroachDB node exits at 400 ms. */
export const DEFAULT_THRESHOLDS: Thresholds = { warningMs: 50, criticalMs: 250 };
