/** The samples in Prometheus, grouped by collection. */
import type { Series } from "../parts/prometheus.ts";

/** All samples of one agent with the same time. */
export type Collection = {
  /** Milliseconds since 1970. */
  readonly timeMs: number;
  /** The value of each series, by its name and its own labels, `{name="value"}`. */
  readonly values: ReadonlyMap<string, number>;
};

/** The labels of the agent's identity, which are the same in all of its series. */
const SENDER_LABELS = new Set([
  "__name__",
  "cluster",
  "instance",
  "job",
  "k8s_node_name",
  "k8s_namespace_name",
]);

/** It has the collector's time, so it is in no collection. */
const COLLECTORS_OWN = "chrony_collector_offset_seconds";

/** The identity of a series among those of an agent. */
function seriesKey(labels: Readonly<Record<string, string>>): string {
  const own = Object.entries(labels)
    .filter(([name]) => !SENDER_LABELS.has(name))
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}="${value}"`);
  const name = labels["__name__"] ?? "";
  return own.length === 0 ? name : `${name}{${own.join(",")}}`;
}

/** The collections of one agent, in order of time. */
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
