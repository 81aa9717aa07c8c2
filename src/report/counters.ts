/** How much counters grew, and when the agent restarted. */
import type { Question } from "./question.ts";
import type { RawSeries } from "./raw-series.ts";
import { byTime, cutter, numbersOf, pairsOf } from "./sample-pairs.ts";

/** The growth of a counter between two of its samples. */
export type Growth = { readonly fromMs: number; readonly toMs: number; readonly count: number };

/** The growth of counters. After a restart they began at 0. */
export function growthOf(counters: readonly RawSeries[], restarts: readonly Growth[]): Growth[] {
  return counters.flatMap((counter) => {
    const isCut = cutter(restarts);
    return pairsOf(numbersOf(counter)).flatMap(([before, after]) => {
      const isNew = after.value < before.value || isCut(before.atMs, after.atMs);
      const count = isNew ? after.value : after.value - before.value;
      return count > 0 ? [{ fromMs: before.atMs, toMs: after.atMs, count }] : [];
    });
  });
}

/**
 * The restarts of an agent: the number of its polls did not grow. An agent polls at least once an
 * export interval, so one that restarts again and again has the same small number in each sample.
 * @param counters `chrony_tracker_readings_total`
 */
export function restartsOf(counters: readonly RawSeries[]): Growth[] {
  const polls = new Map<number, number>();
  for (const { atMs, value } of counters.flatMap(numbersOf)) {
    polls.set(atMs, value + (polls.get(atMs) ?? 0));
  }
  return pairsOf(byTime([...polls].map(([atMs, value]) => ({ atMs, value }))))
    .filter(([before, after]) => after.value <= before.value)
    .map(([before, after]) => ({ fromMs: before.atMs, toMs: after.atMs, count: 1 }));
}

/**
 * The growth in the range as several writers reported it. Growth at the same time is the same event and
 * counts once.
 * @param byWriter the growth that each writer reported
 */
export function totalGrowth(
  byWriter: readonly (readonly Growth[])[],
  { fromMs, toMs }: Question,
): number {
  const growths = byWriter
    .flatMap((list, writer) => list.map((growth) => ({ ...growth, writer })))
    .filter((growth) => growth.toMs > fromMs && growth.fromMs < toMs)
    .toSorted((one, other) => one.fromMs - other.fromMs);
  let total = 0;
  let endMs = Number.NEGATIVE_INFINITY;
  let counts: number[] = [];
  for (const growth of growths) {
    if (growth.fromMs >= endMs) {
      total += Math.max(0, ...counts);
      counts = byWriter.map(() => 0);
    }
    endMs = Math.max(endMs, growth.toMs);
    counts[growth.writer] = (counts[growth.writer] ?? 0) + growth.count;
  }
  return total + Math.max(0, ...counts);
}
