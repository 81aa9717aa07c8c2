/**
 * The pieces that every query is made of. Rules that hold for all of them:
 *
 * - Each selector has a metric name: Azure's managed data source refuses one without.
 * - No query selects or groups by `job`. A node that is both pushed and scraped has each series twice,
 *   told apart by `job` alone; {@link ofEachNode} makes them one, so that no node counts twice.
 * - What is shown of all nodes over time is recorded by the rules ({@link recorded}): a series of each
 *   of 5,000 nodes for a week costs more than Azure allows.
 */
import { recordings } from "../alerts/recordings.ts";

/** All nodes that the dashboard is about. */
export const CHOSEN_CLUSTERS = `cluster=~"$cluster"`;

/** The one node that the dashboard is about. */
export const CHOSEN_NODE = `${CHOSEN_CLUSTERS}, k8s_node_name="$node"`;

/** The labels that tell one node from another. */
const NODE_LABELS = ["cluster", "k8s_node_name"];

/**
 * One value a node, whether it came by push, by pull or by both.
 * @param expression an instant vector
 * @param labels what tells several values of one node apart
 */
export function ofEachNode(expression: string, ...labels: readonly string[]): string {
  return `max by (${[...NODE_LABELS, ...labels].join(", ")}) (${expression})`;
}

/** A metric of the chosen clusters, one value a node. */
export function fleet(metric: string, matchers = ""): string {
  return ofEachNode(selector(metric, CHOSEN_CLUSTERS, matchers));
}

/** A metric of the chosen node: one value, or one for each set of values of `labels`. */
export function node(metric: string, ...labels: readonly string[]): string {
  return ofEachNode(selector(metric, CHOSEN_NODE), ...labels);
}

/**
 * How often each node counted something in a stretch of time.
 * @param scope {@link CHOSEN_CLUSTERS} or {@link CHOSEN_NODE}
 * @param range of PromQL or a variable of Grafana's
 */
export function increase(
  counter: string,
  scope: string,
  range: string,
  ...labels: readonly string[]
): string {
  return ofEachNode(`increase(${counter}{${scope}}[${range}])`, ...labels);
}

/** Said of every panel that asks for recordings. */
export const NEEDS_RECORDINGS =
  "Needs the recording rules of alerts/ in this data source, and has no data from before they were loaded.";

/**
 * What the rules record of the chosen clusters once a minute.
 *
 * @throws when they record nothing of that name
 */
export function recorded(name: string, matchers = ""): string {
  if (!recordings().some((recording) => recording.name === name)) {
    throw new Error(`alerts/recordings.ts has no recording ${name}. Add it, or mend the name.`);
  }
  return selector(name, CHOSEN_CLUSTERS, matchers);
}

/** Events a second of a recording that counts them by the minute, added up by a label. */
export function recordedRate(name: string, label: string): string {
  return `sum by (${label}) (avg_over_time(${recorded(name)}[$__rate_interval])) / 60`;
}

/** How many events a recording counted in the time that is shown; 0 where it counted none. */
export function recordedSum(name: string, matchers = ""): string {
  return `sum(sum_over_time(${recorded(name, matchers)}[$__range])) or 0 * sum(${recorded("cluster:chrony_up:count")})`;
}

/** Only the nodes of one vector that are in another. */
export function among(vector: string, nodes: string): string {
  return `${vector} and on (${NODE_LABELS.join(", ")}) ${nodes}`;
}

/** A metric with its matchers. */
export function selector(metric: string, ...matchers: readonly string[]): string {
  return `${metric}{${matchers.filter((matcher) => matcher !== "").join(", ")}}`;
}
