/** What arrived: the samples that Prometheus holds, put together again as they were collected. */
import type { Series } from "../parts/prometheus.ts";

/** All samples of one agent that stand at one time. */
export type Collection = {
  /** Milliseconds since 1970. */
  readonly timeMs: number;
  /** The value of each series, by its name and, where it has labels of its own, `{name="value"}`. */
  readonly values: ReadonlyMap<string, number>;
};

/** The labels that say who reports, and tell no series of an agent from another. */
const SENDER_LABELS = new Set([
  "__name__",
  "cluster",
  "instance",
  "job",
  "k8s_node_name",
  "k8s_namespace_name",
]);

/** The collector stamps this one with its own time, so it belongs to no collection. */
const COLLECTORS_OWN = "chrony_collector_offset_seconds";

/** What tells a series from others of the same agent. */
export function seriesKey(labels: Readonly<Record<string, string>>): string {
  const own = Object.entries(labels)
    .filter(([name]) => !SENDER_LABELS.has(name))
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}="${value}"`);
  const name = labels["__name__"] ?? "";
  return own.length === 0 ? name : `${name}{${own.join(",")}}`;
}

/** The collections among all samples of one agent, in the order of time. */
export function collectionsOf(series: readonly Series[]): Collection[] {
  const byTime = new Map<number, Map<string, number>>();
  for (const { labels, samples } of series) {
    if (labels["__name__"] !== COLLECTORS_OWN) {
      for (const { timestampSeconds, value } of samples) {
        const timeMs = Math.round(timestampSeconds * 1000);
        const values = byTime.get(timeMs) ?? new Map<string, number>();
        values.set(seriesKey(labels), value);
        byTime.set(timeMs, values);
      }
    }
  }
  return [...byTime]
    .map(([timeMs, values]) => ({ timeMs, values }))
    .toSorted((a, b) => a.timeMs - b.timeMs);
}
