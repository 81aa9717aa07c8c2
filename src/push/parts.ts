/** Parts of collections, as ranges of their points, and what lists of them have in common. */
import type { CompactCollection, Series } from "./compact-collection.ts";

/** Some points of a collection, next to one another. */
export type Part = {
  readonly collection: CompactCollection;
  /** The first point, counted from 0. */
  readonly from: number;
  /** The one behind the last. */
  readonly to: number;
};

/** All points of a collection. */
export function wholeOf(collection: CompactCollection): Part {
  return { collection, from: 0, to: collection.series.length };
}

/** How many points there are in parts. */
export function pointsOf(parts: readonly Part[]): number {
  return parts.reduce((sum, { from, to }) => sum + to - from, 0);
}

/** The series of a part's points, in their order. */
export function seriesIn({ collection, from, to }: Part): readonly Series[] {
  return collection.series.slice(from, to);
}

/** The first points of parts, as many as there are up to a limit. */
export function firstPoints(parts: readonly Part[], most: number): Part[] {
  const taken: Part[] = [];
  let left = most;
  for (const part of parts) {
    if (left <= 0) {
      break;
    }
    const to = Math.min(part.to, part.from + left);
    taken.push({ ...part, to });
    left -= to - part.from;
  }
  return taken;
}

/** What is left of parts when the points of others are taken away. */
export function without(parts: readonly Part[], others: readonly Part[]): Part[] {
  const othersOf = byCollection(others);
  return parts.flatMap((part) => {
    let rest: Part[] = [part];
    for (const { from, to } of othersOf.get(part.collection) ?? []) {
      rest = rest.flatMap((one) => [
        ...nonEmpty({ ...one, to: Math.min(one.to, from) }),
        ...nonEmpty({ ...one, from: Math.max(one.from, to) }),
      ]);
    }
    return rest;
  });
}

/** The points of parts that are among others, too. */
export function common(parts: readonly Part[], others: readonly Part[]): Part[] {
  const othersOf = byCollection(others);
  return parts.flatMap((part) =>
    (othersOf.get(part.collection) ?? []).flatMap(({ from, to }) =>
      nonEmpty({ ...part, from: Math.max(part.from, from), to: Math.min(part.to, to) }),
    ),
  );
}

/** Parts in two: the points of some series, and those of the others. */
export function divided(
  parts: readonly Part[],
  isOne: (series: Series) => boolean,
): { readonly ones: Part[]; readonly others: Part[] } {
  const ones: Part[] = [];
  const others: Part[] = [];
  for (const part of parts) {
    const belongs = seriesIn(part).map(isOne);
    let begin = 0;
    for (let index = 1; index <= belongs.length; index += 1) {
      if (belongs[index] !== belongs[begin]) {
        const run = { ...part, from: part.from + begin, to: part.from + index };
        (belongs[begin] === true ? ones : others).push(run);
        begin = index;
      }
    }
  }
  return { ones, others };
}

function nonEmpty(part: Part): Part[] {
  return part.from < part.to ? [part] : [];
}

function byCollection(parts: readonly Part[]): Map<CompactCollection, Part[]> {
  return Map.groupBy(parts, ({ collection }) => collection);
}
