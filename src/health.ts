/** What the probes are told. Every time is an argument, by the monotonic clock, in milliseconds. */

/** For how long something may be wrong before a restart is asked for, in milliseconds. */
export const GRACE_MS = 30_000;

/** What liveness is judged by. */
export type Vitals = {
  /** When the newest reading ended, or the agent started. */
  readonly lastReadingMs: number;
  /** Between two readings. */
  readonly readingIntervalMs: number;
  /** What is wrong with the socket's directory, and since when. */
  readonly directoryFault: { readonly sentence: string; readonly sinceMs: number } | undefined;
};

/**
 * Why the agent has to be restarted, or `undefined` when it has not. A dead chronyd is no reason: it
 * is a state that the agent reports.
 */
export function livenessFailure(vitals: Vitals, nowMs: number): string | undefined {
  const silentMs = nowMs - vitals.lastReadingMs;
  if (silentMs > vitals.readingIntervalMs + GRACE_MS) {
    return `The loop has stopped: no reading ended for ${Math.round(silentMs / 1000)} s.`;
  }
  const { directoryFault } = vitals;
  if (directoryFault !== undefined && nowMs - directoryFault.sinceMs >= GRACE_MS) {
    return directoryFault.sentence;
  }
  return undefined;
}
