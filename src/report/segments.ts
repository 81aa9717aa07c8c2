/** Periods of time with a value each. */

/** After `fromMs`, up to and including `toMs`: milliseconds since 1970. */
export type Segment<Value> = {
  readonly fromMs: number;
  readonly toMs: number;
  readonly value: Value;
};

/** The parts between two times. */
export function clipped<Value>(
  segments: readonly Segment<Value>[],
  fromMs: number,
  toMs: number,
): Segment<Value>[] {
  return segments
    .map((segment) => ({
      ...segment,
      fromMs: Math.max(segment.fromMs, fromMs),
      toMs: Math.min(segment.toMs, toMs),
    }))
    .filter((segment) => segment.fromMs < segment.toMs);
}

/**
 * Merges several lists. Where they overlap, the worse value applies.
 * @param lists each in order, without overlaps
 */
export function overlay<Value>(
  lists: readonly (readonly Segment<Value>[])[],
  worse: (one: Value, other: Value) => Value,
): readonly Segment<Value>[] {
  const [only, ...others] = lists;
  if (only === undefined || others.length === 0) {
    return only ?? [];
  }
  const bounds = new Set<number>();
  for (const { fromMs, toMs } of lists.flat()) {
    bounds.add(fromMs).add(toMs);
  }
  const next = lists.map(() => 0);
  const result: Segment<Value>[] = [];
  let fromMs: number | undefined;
  for (const toMs of Float64Array.from(bounds).toSorted()) {
    if (fromMs !== undefined) {
      let value: Value | undefined;
      for (const [place, list] of lists.entries()) {
        let index = next[place] ?? 0;
        while ((list[index]?.toMs ?? Number.POSITIVE_INFINITY) <= fromMs) {
          index++;
        }
        next[place] = index;
        const segment = list[index];
        if (segment !== undefined && segment.fromMs <= fromMs) {
          value = value === undefined ? segment.value : worse(value, segment.value);
        }
      }
      if (value !== undefined) {
        result.push({ fromMs, toMs, value });
      }
    }
    fromMs = toMs;
  }
  return result;
}

/** The sum of their lengths. */
export function totalMs(segments: readonly Segment<unknown>[]): number {
  return segments.reduce((sum, { fromMs, toMs }) => sum + toMs - fromMs, 0);
}
