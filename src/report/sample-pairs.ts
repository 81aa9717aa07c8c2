/** Neighbouring samples, and what comes between them. */
import type { RawSeries } from "./raw-series.ts";

/** A number at a time, in milliseconds since 1970. */
export type Point = { readonly atMs: number; readonly value: number };

/** A period, or a moment, that no value may span. */
export type Cut = { readonly fromMs: number; readonly toMs: number };

/** The samples that are finite numbers. */
export function numbersOf({ timesMs, values }: RawSeries): Point[] {
  return timesMs
    .map((atMs, index) => ({ atMs, value: Number(values[index]) }))
    .filter(({ value }) => Number.isFinite(value));
}

/** In order of time. */
export function byTime<Item extends { readonly atMs: number }>(items: readonly Item[]): Item[] {
  return items.toSorted((one, other) => one.atMs - other.atMs);
}

/** Each item with the one before it. */
export function pairsOf<Item>(items: readonly Item[]): [before: Item, after: Item][] {
  return items.flatMap((after, index) => {
    const before = items[index - 1];
    return before === undefined ? [] : [[before, after] as [Item, Item]];
  });
}

/** The pairs that are at most a window apart and have no cut between them. */
export function unbrokenPairs<Item extends { readonly atMs: number }>(
  items: readonly Item[],
  cuts: readonly Cut[],
  windowMs: number,
): [before: Item, after: Item][] {
  const isCut = cutter(cuts);
  return pairsOf(items).filter(
    ([before, after]) => after.atMs - before.atMs <= windowMs && !isCut(before.atMs, after.atMs),
  );
}

/** A function that returns whether a cut lies between two times, both excluded. It must be called with rising times. */
export function cutter(cuts: readonly Cut[]): (fromMs: number, toMs: number) => boolean {
  const merged: { fromMs: number; toMs: number }[] = [];
  for (const cut of cuts.toSorted((one, other) => one.fromMs - other.fromMs)) {
    const last = merged.at(-1);
    if (last !== undefined && cut.fromMs < last.toMs) {
      last.toMs = Math.max(last.toMs, cut.toMs);
    } else {
      merged.push({ ...cut });
    }
  }
  let next = 0;
  return (fromMs, toMs) => {
    while ((merged[next]?.toMs ?? Number.POSITIVE_INFINITY) <= fromMs) {
      next++;
    }
    return (merged[next]?.fromMs ?? Number.POSITIVE_INFINITY) < toMs;
  };
}
