/** The series of a node by who wrote them: a node that is pushed and pulled has two writers. */
import { labelText, type RawSeries, type UsedMetric } from "./raw-series.ts";

/** All series of one writer. */
export type Writer = Readonly<Partial<Record<UsedMetric, readonly RawSeries[]>>>;

/** The labels that distinguish the series of one collection; all others are the writer's. */
const SERIES_LABELS = new Set([
  "state",
  "result",
  "tracking_refid",
  "tracking_address",
  "tracking_name",
]);

/** Groups the series of a node by their writer. */
export function writersOf(series: readonly RawSeries[]): Writer[] {
  const writers = new Map<string, Partial<Record<UsedMetric, RawSeries[]>>>();
  for (const one of series) {
    const shared = Object.entries(one.labels).filter(([name]) => !SERIES_LABELS.has(name));
    const key = labelText(Object.fromEntries(shared)).toLowerCase();
    const writer = writers.get(key) ?? {};
    writers.set(key, writer);
    writer[one.metric] = [...(writer[one.metric] ?? []), one];
  }
  return [...writers.values()];
}
