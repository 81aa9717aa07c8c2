/**
 * Samples as the backend gave them. All figures of a report are computed from them, and its SHA-256 is
 * that of their OpenMetrics text.
 */

/** The metrics that a report needs, in the order in which their samples are written. */
export const USED_METRICS = [
  "chrony_clock_error_peak_ms",
  "chrony_clock_error_bound_ms",
  "chrony_clock_error_ms",
  "chrony_sync_state",
  "chrony_clock_steps_total",
  "chrony_tracker_readings_total",
  "chrony_tracking_info",
] as const;

export type UsedMetric = (typeof USED_METRICS)[number];

/** The metrics that a node without peak is judged by. They are read only for such nodes. */
export const METRICS_WITHOUT_PEAK: readonly UsedMetric[] = [
  "chrony_clock_error_bound_ms",
  "chrony_clock_error_ms",
];

/** One series, in order of time. */
export type RawSeries = {
  readonly metric: UsedMetric;
  /** Without `__name__`. */
  readonly labels: Readonly<Record<string, string>>;
  /** Milliseconds since 1970. */
  readonly timesMs: readonly number[];
  /** Each value as the backend wrote it. */
  readonly values: readonly string[];
};

/** The identity of a node. */
export type NodeName = { readonly cluster: string; readonly name: string };

/** All samples of one node, pushed or pulled. */
export type NodeSamples = { readonly node: NodeName; readonly series: readonly RawSeries[] };

/** The node of a series: `k8s_node_name`, or `instance` when there is none. */
export function nodeOf(labels: Readonly<Record<string, string>>): NodeName {
  const { cluster = "", k8s_node_name = "", instance = "" } = labels;
  return { cluster, name: k8s_node_name === "" ? instance : k8s_node_name };
}

/**
 * The same text for the same node. Case is ignored, because Azure Monitor treats label values that
 * differ only in case as one, and returns any of them.
 */
export function nodeKey({ cluster, name }: NodeName): string {
  return JSON.stringify([cluster.toLowerCase(), name.toLowerCase()]);
}

/** By cluster, then by name, in lower case and by code units, so that the order is the same on every machine. */
export function compareNodes(one: NodeName, other: NodeName): number {
  return (
    compareTexts(one.cluster.toLowerCase(), other.cluster.toLowerCase()) ||
    compareTexts(one.name.toLowerCase(), other.name.toLowerCase())
  );
}

/** The series of a node as they are written: by metric, then by labels. */
export function sortedSeries(series: readonly RawSeries[]): RawSeries[] {
  return series
    .map((one) => ({ one, place: USED_METRICS.indexOf(one.metric), text: seriesText(one) }))
    .toSorted((a, b) => a.place - b.place || compareTexts(a.text, b.text))
    .map(({ one }) => one);
}

/**
 * A series as OpenMetrics text, one line per sample: `NAME{LABELS} VALUE SECONDS`. Labels are sorted by
 * name and in lower case, so that the text does not depend on the case that the backend returns. Seconds
 * have three decimals.
 */
export function* openMetricsLines(series: RawSeries): Generator<string, void> {
  const name = seriesText(series);
  const { timesMs, values } = series;
  for (const [index, timeMs] of timesMs.entries()) {
    const seconds = `${Math.floor(timeMs / 1000)}.${String(timeMs % 1000).padStart(3, "0")}`;
    yield `${name} ${values[index]} ${seconds}\n`;
  }
}

/** The line after the last sample. */
export const OPEN_METRICS_END = "# EOF\n";

function seriesText({ metric, labels }: RawSeries): string {
  return `${metric}${labelText(labels).toLowerCase()}`;
}

/** Labels, sorted by name: `{cluster="blue",job="x"}`. */
export function labelText(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels)
    .toSorted(([one], [other]) => compareTexts(one, other))
    .map(([name, value]) => `${name}="${escaped(value)}"`);
  return `{${pairs.join(",")}}`;
}

function escaped(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}

function compareTexts(one: string, other: string): number {
  return one < other ? -1 : Number(one > other);
}
