/** Which nodes a backend has, and how many samples of each. */
import { type Result, success } from "../result.ts";
import type { Backend } from "./backend.ts";
import type { BackendError } from "./backend-error.ts";
import { askInPieces, type Piece } from "./pieces.ts";
import type { AnsweredSeries } from "./query-answer.ts";
import {
  compareNodes,
  METRICS_WITHOUT_PEAK,
  type NodeName,
  nodeKey,
  nodeOf,
  USED_METRICS,
  type UsedMetric,
} from "./raw-series.ts";

/** The labels that hold the name of a node. */
export const NAME_LABELS = ["k8s_node_name", "instance"] as const;

/** A node, and how many samples it has. */
export type CountedNode = NodeName & {
  /** How its labels are spelt: a backend may change the case of values. */
  readonly clusters: Set<string>;
  readonly names: Readonly<Record<(typeof NAME_LABELS)[number], Set<string>>>;
  /** The number of samples on each day. */
  readonly counts: Map<UsedMetric, number[]>;
};

/**
 * Counts the samples of all nodes.
 * @param days the range, a day each
 * @param selector of one cluster, or an empty text
 * @param onDay is called before each day
 * @returns the nodes in order
 */
export async function countNodes(
  backend: Backend,
  days: readonly Piece[],
  selector: string,
  onDay: (day: number) => void,
): Promise<Result<readonly CountedNode[], BackendError>> {
  const nodes = new Map<string, CountedNode>();
  for (const [day, piece] of days.entries()) {
    onDay(day);
    for (const metric of USED_METRICS) {
      const counted = await askInPieces(
        backend,
        piece,
        (range) =>
          `sum by (cluster, k8s_node_name, instance) (count_over_time(${metric}${selector}${range}))`,
        (series) => addCounts(nodes, series, metric, day, days.length),
      );
      if (!counted.ok) {
        return counted;
      }
    }
  }
  return success([...nodes.values()].toSorted(compareNodes));
}

function addCounts(
  nodes: Map<string, CountedNode>,
  series: readonly AnsweredSeries[],
  metric: UsedMetric,
  day: number,
  days: number,
): void {
  for (const { metric: labels, values } of series) {
    const name = nodeOf(labels);
    const key = nodeKey(name);
    const node = nodes.get(key) ?? {
      ...name,
      clusters: new Set(),
      names: { k8s_node_name: new Set<string>(), instance: new Set<string>() },
      counts: new Map<UsedMetric, number[]>(),
    };
    nodes.set(key, node);
    node.clusters.add(name.cluster);
    const label = (labels["k8s_node_name"] ?? "") === "" ? "instance" : "k8s_node_name";
    node.names[label].add(name.name);
    const counts = node.counts.get(metric) ?? Array.from({ length: days }, () => 0);
    node.counts.set(metric, counts);
    counts[day] = (counts[day] ?? 0) + Number(values[0]?.[1] ?? 0);
  }
}

/** Whether a metric of this node is needed: error and bound are not, if the node has a peak. */
export function isNeeded({ counts }: CountedNode, metric: UsedMetric): boolean {
  return (
    counts.has(metric) &&
    !(METRICS_WITHOUT_PEAK.includes(metric) && counts.has("chrony_clock_error_peak_ms"))
  );
}

/** The number of needed samples of a node. */
export function neededSamples(node: CountedNode): number {
  return [...node.counts]
    .filter(([metric]) => isNeeded(node, metric))
    .flatMap(([, counts]) => counts)
    .reduce((sum, count) => sum + count, 0);
}
