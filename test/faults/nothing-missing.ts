/**
 * Whether every interval has its collection: from one that arrived to the next there is no room for
 * another. Pure.
 *
 * The agent's own readings are the measure, not the time alone: a collection is due one interval
 * after the one before and carries the first reading that ends then. On a machine that is too busy
 * both come late, and nothing is missing; where the agent read on and on and nothing of it arrived,
 * something is.
 */
import type { Match, Period } from "./no-false-value.ts";
import { type EndedReading, hasEnded, type Reading } from "./readings.ts";

/** Where collections are missing. */
export type Hole = {
  readonly life: number;
  /** The end of the last reading before it that arrived, and of the first one after it. */
  readonly fromMs: number;
  readonly toMs: number;
  /** How many intervals it holds. */
  readonly collections: number;
  /** Whether an allowed loss explains it. */
  readonly allowed: boolean;
};

/** So many readings may end between the due time of a collection and the one that it carries. */
const READINGS_UNTIL_LATE = 3;

/**
 * The holes between the collections of a run, and at the end of each life.
 * @param matches in the order of the readings
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
    // The first collection goes out with the first reading, and the last reading ends the life.
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
