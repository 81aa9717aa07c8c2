/**
 * What rules and dashboards look back on for hours or days, computed once a minute: counts, and the
 * worst nodes. Azure limits what a query may cost, and the cost of a series a node grows with nodes
 * times hours (query-cost.ts).
 *
 * Names are LEVEL:METRIC:OPERATION, as Prometheus recommends
 * (https://prometheus.io/docs/practices/rules/): LEVEL has the labels that the series carry. Two have
 * no OPERATION: the skew is no aggregate of one metric. `instance:chrony_clock_error_seconds:abs` has the
 * name that dashboards for chrony_exporter ask for.
 */
import { ADDED, SILENT } from "./expected-nodes.ts";
import { NODE, ofNode, REPORTING_COUNT, sumOfTwoLargest } from "./promql.ts";
import { THRESHOLDS } from "./thresholds.ts";

/** A series that a rule computes from others. */
export type Recording = { readonly name: string; readonly expression: string };

/** How often recordings are computed, and so over how long a `delta1m` counts. */
export const RECORDING_INTERVAL = "1m";

/** The upper ends of the classes of nodes by their largest error, in milliseconds. */
export const ERROR_BUCKETS_MS = [0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000, 10_000];

/** How many nodes of each cluster are recorded one by one: the worst. */
const RECORDED_NODES = 10;

const PEAK = ofNode("chrony_clock_error_peak_ms");
const OFFSET = ofNode("chrony_collector_offset_seconds");

const worst = (expression: string) => `topk by (cluster) (${RECORDED_NODES}, ${expression})`;

/**
 * What a counter grew by in the interval before the last one, added up by these labels: by then all samples
 * of it have come, also those that were pushed late. Each event counts once, however rarely samples
 * come; what an agent counted in the minute of its restart is lost.
 */
const growth = (counter: string, labels: string, interval: string) => {
  const each = [...new Set([...NODE.split(", "), ...labels.split(", ")])].join(", ");
  const end = `${counter} offset ${interval}`;
  const begin = `${counter} offset ${twice(interval)}`;
  return `sum by (${labels}) (
  max by (${each}) (${end}) - max by (${each}) (${begin}) >= 0
)`;
};

/** Twice a duration as Prometheus writes it: `1m` is `2m`. */
function twice(duration: string): string {
  return duration.replace(/^\d+/, (count) => String(2 * Number(count)));
}

/** Nodes up to this error, as `le` of a histogram; those whose error is not known are in none. */
const upTo = (le: string, nodes: string) => `label_replace(${nodes}, "le", "${le}", "", "")`;

/** The nodes that report, and those that should. */
const KNOWN_NODES = `(${ofNode("chrony_up")} or ${SILENT})`;

/**
 * Every recording.
 *
 * @param interval how often they are computed
 */
export function recordings(interval = RECORDING_INTERVAL): readonly Recording[] {
  return [
    { name: "cluster:chrony_up:count", expression: REPORTING_COUNT },
    {
      name: "cluster_node:chrony_up:returned",
      // Present in the minute in which a node reports again after five minutes or more without a sample,
      // although Kubernetes had it all the time.
      expression: `
${ofNode(`last_over_time(chrony_up[${interval}])`)}
unless on (${NODE}) ${ofNode(`last_over_time(chrony_up[5m] offset ${interval})`)}
unless on (${NODE}) ${ADDED}`,
    },
    {
      name: "cluster_node:chrony_sync_state:rarely_synchronised",
      // The share of the last hour. A change is seen in two series: the state that ends and the one
      // that begins.
      expression: `
${ofNode('avg_over_time(chrony_sync_state{state="synchronised"}[1h])')} < ${THRESHOLDS.rarelySynchronisedShare}
and on (${NODE})
sum by (${NODE}) (max by (${NODE}, state) (changes(chrony_sync_state[1h]))) >= ${2 * THRESHOLDS.stateChangesAnHour}`,
    },
    {
      name: "cluster_state:chrony_sync_state:sum",
      expression: `sum by (cluster, state) (max by (${NODE}, state) (chrony_sync_state))`,
    },
    {
      name: "cluster_le:chrony_clock_error_peak_ms:count",
      expression: [
        ...ERROR_BUCKETS_MS.map((ms) =>
          upTo(String(ms), `sum by (cluster) (${PEAK} <= bool ${ms})`),
        ),
        upTo("+Inf", `count by (cluster) (${PEAK})`),
      ].join("\nor "),
    },
    { name: "cluster_node:chrony_clock_error_peak_ms:topk10", expression: worst(PEAK) },
    // From peaks, although the sum of two bounds would do for one moment: samples of two nodes are of two
    // moments, up to an export interval apart. A peak is of every moment of the last minute, so no two
    // clocks were further apart at any of them; and it loses nothing between two samples.
    { name: "cluster:chrony_clock_skew_bound_ms", expression: sumOfTwoLargest(PEAK) },
    {
      name: "cluster:chrony_clock_skew_unknown_nodes",
      // Of these the bound says nothing: they report no bound, or they do not report.
      expression: `
count by (cluster) (${KNOWN_NODES} unless on (${NODE}) ${PEAK})
or on (cluster) 0 * count by (cluster) (${KNOWN_NODES})`,
    },
    {
      name: "instance:chrony_clock_error_seconds:abs",
      // As chrony_exporter's README defines it, but absent where the formula means nothing.
      expression: "chrony_clock_error_ms / 1000",
    },
    {
      name: "cluster_node:chrony_collector_offset_seconds:topk10",
      expression: `${OFFSET} and on (${NODE}) ${worst(`abs(${OFFSET})`)}`,
    },
    {
      name: "cluster:chrony_collector_offset_seconds:median",
      expression: `quantile by (cluster) (0.5, ${OFFSET})`,
    },
    {
      name: "cluster_node:chrony_clock_steps:delta1m",
      expression: `${growth("chrony_clock_steps_total", NODE, interval)} > 0`,
    },
    {
      name: "cluster_result:chrony_tracker_exports:delta1m",
      expression: growth("chrony_tracker_exports_total", "cluster, result", interval),
    },
    {
      name: "cluster_result:chrony_tracker_readings:delta1m",
      expression: growth("chrony_tracker_readings_total", "cluster, result", interval),
    },
    {
      name: "cluster_node:chrony_tracker_push_age_seconds:topk10",
      expression: worst(
        `time() - ${ofNode("chrony_tracker_last_export_success_timestamp_seconds")}`,
      ),
    },
    {
      name: "cluster:chrony_tracker_backlog_points:sum",
      expression: `sum by (cluster) (${ofNode("chrony_tracker_backlog_points")})`,
    },
    {
      name: "cluster_reason:chrony_tracker_backlog_dropped_points:delta1m",
      expression: growth(
        "chrony_tracker_backlog_dropped_points_total",
        "cluster, reason",
        interval,
      ),
    },
    {
      name: "cluster:chrony_tracker_reading_duration_seconds:max",
      expression: `max by (cluster) (${ofNode("chrony_tracker_reading_duration_seconds")})`,
    },
    {
      name: "cluster:chrony_tracker_reading_duration_seconds:median",
      expression: `quantile by (cluster) (0.5, ${ofNode("chrony_tracker_reading_duration_seconds")})`,
    },
    {
      name: "cluster_version:chrony_tracker_build_info:count",
      expression: `count by (cluster, version) (max by (${NODE}, version) (chrony_tracker_build_info))`,
    },
  ];
}

/**
 * An expression without recordings, for a place that has none: each is computed where it is used, and
 * a range of one becomes a subquery.
 */
export function withoutRecordings(expression: string): string {
  return recordings().reduce(
    (text, recording) =>
      text
        .replaceAll(
          new RegExp(`\\b${recording.name}\\[(\\w+)\\]`, "g"),
          (_, range: string) => `(${recording.expression})[${range}:${RECORDING_INTERVAL}]`,
        )
        .replaceAll(new RegExp(`\\b${recording.name}\\b`, "g"), `(${recording.expression})`),
    expression,
  );
}
