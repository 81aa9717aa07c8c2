/**
 * How long the machine slept. Boot time goes on while it is suspended, the monotonic clock does not:
 * what boot time gained on it is sleep. Linux gives boot time in hundredths of a second
 * (`/proc/uptime`), which would make every clock look as if it slept a little now and then.
 */

/** Boot time and the monotonic clock at one moment, in milliseconds. */
export type BootReading = { readonly bootMs: number; readonly monotonicMs: number };

/** What boot time gains by less is its resolution, at both ends, and the time between two readings. */
const SHORTEST_SLEEP_MS = 100;

/** How long the machine slept between two readings, in milliseconds; 0 when it did not. */
export function suspendedBetween(before: BootReading, after: BootReading): number {
  const gainedMs = after.bootMs - after.monotonicMs - (before.bootMs - before.monotonicMs);
  return gainedMs >= SHORTEST_SLEEP_MS ? gainedMs : 0;
}

/** Boot time out of the text of `/proc/uptime` ("350735.47 234388.90"), in milliseconds; `undefined` when there is none in it. */
export function bootTimeMs(text: string): number | undefined {
  const seconds = /^(\d+\.\d+) /.exec(text)?.[1];
  return seconds === undefined ? undefined : Number(seconds) * 1000;
}
