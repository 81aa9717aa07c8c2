/**
 * Whether every interval has its collection. A pure function.
 *
 * It depends on the agent's polls, not only on time: a collection is due one interval after the one before, and has the
 * first poll that ends then. On a busy machine both are late, and nothing is missing. If the agent polled and nothing
 * arrived, something is missing.
 */
import type { Match, Period } from "./no-false-value.ts";
import { type EndedReading, hasEnded, type Reading } from "./readings.ts";

/** A gap without collections. */
export type Hole = {
  readonly life: number;
  /** The ends of the last poll before it and of the first one after it. */
  readonly fromMs: number;
  readonly toMs: number;
  /** The number of missing intervals. */
  readonly collections: number;
  /** Whether it is an allowed loss. */
  readonly allowed: boolean;
};

/** How many polls may end between the due time of a collection and its own poll. */
const READINGS_UNTIL_LATE = 3;

/**
 * The gaps between the collections of a run, and at the end of each run of the agent.
 * @param matches in the order of the polls
 * @param intervalMs between two collections
 * @param allowedLosses when collections may be lost
 */
export function holesIn(
  matches: readonly Match[],
  readings: readonly Reading[],
  intervalMs: number,
  allowedLosses: readonly Period[] = [],
): Hole[] {
  const lives = Map.groupBy(readings.filter(hasEnded), ({ life }) => life);
  return [...lives].flatMap(([life, ofLife]) => {
    const arrived = matches
      .filter(({ reading }) => reading.life === life)
      .map(({ reading }) => reading.closedMs);
    const [first, last] = [ofLife[0], ofLife.at(-1)];
    if (first === undefined || last === undefined) {
      return [];
    }
    // The first collection has the first poll, and the last poll ends the run.
    const stops = [first.closedMs - intervalMs, ...arrived, last.closedMs + 1];
    return stops.slice(1).flatMap((toMs, index) => {
      const fromMs = stops[index] ?? toMs;
      const unused = unusedReadings(ofLife, fromMs + intervalMs, toMs);
      const allowed = allowedLosses.some((loss) => fromMs < loss.toMs && loss.fromMs < toMs);
      const collections = Math.max(1, Math.round((toMs - fromMs) / intervalMs) - 1);
      return unused >= READINGS_UNTIL_LATE ? [{ life, fromMs, toMs, collections, allowed }] : [];
    });
  });
}

function unusedReadings(readings: readonly EndedReading[], dueMs: number, toMs: number): number {
  return readings.filter(({ closedMs }) => closedMs > dueMs && closedMs < toMs).length;
}
