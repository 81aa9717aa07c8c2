/**
 * How long the machine slept. Boot time continues during a suspension and the monotonic clock does not,
 * so the difference is the sleep. `/proc/uptime` has a resolution of 10 ms, so small differences are
 * ignored.
 */

/** Boot time and the monotonic clock at one moment, in milliseconds. */
export type BootReading = { readonly bootMs: number; readonly monotonicMs: number };

/** Smaller differences come from the resolution of boot time and from the time between two readings. */
const SHORTEST_SLEEP_MS = 100;

/** How long the machine slept between two readings, in milliseconds; 0 if it did not. */
export function suspendedBetween(before: BootReading, after: BootReading): number {
  const gainedMs = after.bootMs - after.monotonicMs - (before.bootMs - before.monotonicMs);
  return gainedMs >= SHORTEST_SLEEP_MS ? gainedMs : 0;
}

/** Boot time from the text of `/proc/uptime` ("350735.47 234388.90"), in milliseconds; `undefined` if the text is invalid. */
export function bootTimeMs(text: string): number | undefined {
  const seconds = /^(\d+\.\d+) /.exec(text)?.[1];
  return seconds === undefined ? undefined : Number(seconds) * 1000;
}
