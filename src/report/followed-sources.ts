/** How long each time source was followed. */
import type { Question } from "./question.ts";
import { byTime, type Cut, unbrokenPairs } from "./sample-pairs.ts";
import { clipped, overlay, type Segment, totalMs } from "./segments.ts";
import type { Writer } from "./writers.ts";

/** How long a source was followed. */
export type SourceTime = {
  readonly name: string;
  readonly address: string;
  readonly timeMs: number;
};

/** The sources that were followed in the range, the longest followed first. Time that several writers reported counts once. */
export function sourceTimes(
  writers: readonly { readonly writer: Writer; readonly restarts: readonly Cut[] }[],
  { fromMs, toMs, peakWindowMs }: Question,
): SourceTime[] {
  const sources = new Map<string, { name: string; address: string; lists: Segment<true>[][] }>();
  for (const { writer, restarts } of writers) {
    const pairs = unbrokenPairs(followedOf(writer), restarts, peakWindowMs);
    const bySource = Map.groupBy(pairs, ([, { name, address }]) =>
      JSON.stringify([name.toLowerCase(), address.toLowerCase()]),
    );
    for (const [key, [first, ...others]] of bySource) {
      if (first === undefined) {
        continue;
      }
      const [, { name, address }] = first;
      const source = sources.get(key) ?? { name, address, lists: [] };
      sources.set(key, source);
      const segments = [first, ...others].map(([before, after]) => ({
        fromMs: before.atMs,
        toMs: after.atMs,
        value: true as const,
      }));
      source.lists.push(clipped(segments, fromMs, toMs));
    }
  }
  return [...sources.values()]
    .map(({ name, address, lists }) => ({
      name,
      address,
      timeMs: totalMs(overlay(lists, (one) => one)),
    }))
    .filter(({ timeMs }) => timeMs > 0)
    .toSorted((one, other) => other.timeMs - one.timeMs || (one.name < other.name ? -1 : 1));
}

/** The followed source at each time, in order. */
function followedOf(writer: Writer) {
  const followed = (writer.chrony_tracking_info ?? []).flatMap(({ labels, timesMs, values }) => {
    const { tracking_name: name = "", tracking_address: address = "" } = labels;
    return timesMs
      .filter((_, index) => Number(values[index]) === 1)
      .map((atMs) => ({ atMs, name, address }));
  });
  return byTime(followed);
}
