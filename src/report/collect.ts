/**
 * All samples of a range, node by node, in pieces that a backend gives: first how many there are of each
 * node, then the samples themselves, a group of nodes at a time, so that memory is bounded.
 */
import { failure, type Result, success } from "../result.ts";
import type { AnsweredSeries, Backend, BackendError } from "./backend.ts";
import { type Piece, piecesBySamples, piecesOf } from "./pieces.ts";
import {
  compareNodes,
  labelText,
  METRICS_WITHOUT_PEAK,
  type NodeName,
  type NodeSamples,
  nodeKey,
  nodeOf,
  sortedSeries,
  USED_METRICS,
  type UsedMetric,
} from "./raw-series.ts";

/** What to collect. */
export type CollectionRequest = {
  readonly range: Piece;
  /** One cluster, or all. */
  readonly cluster: string | undefined;
};

/** Hears how far it is, as a share; `undefined` while that is not known. */
export type CollectionProgress = (what: string, share: number | undefined) => void;

/** What was asked of the backend for one metric. */
export type AskedMetric = {
  readonly metric: UsedMetric;
  /** The selector, without a range and a selection of nodes. */
  readonly selector: string;
  readonly requests: number;
  readonly series: number;
  readonly samples: number;
};

const DAY_MS = 86_400_000;
/** About 10 MB of JSON. */
const SAMPLES_IN_AN_ANSWER = 250_000;
/** About 200 MB of memory. */
const SAMPLES_IN_A_GROUP = 2_000_000;
/** So that a query stays a few kilobytes long. */
const NODES_IN_A_GROUP = 100;
const SHORTEST_PIECE_MS = 60_000;

/** The labels that a node's name can stand in. */
const NAME_LABELS = ["k8s_node_name", "instance"] as const;

/** A node, how its labels are spelt, and how many samples it has in each piece of the range. */
type Node = NodeName & {
  readonly clusters: Set<string>;
  readonly names: Readonly<Record<(typeof NAME_LABELS)[number], Set<string>>>;
  readonly counts: Map<UsedMetric, number[]>;
};

/**
 * Gives the samples of each node, in the order of nodes.
 * @returns what was asked for
 */
export async function collect(
  backend: Backend,
  { range, cluster }: CollectionRequest,
  onNode: (samples: NodeSamples) => Promise<void>,
  progress: CollectionProgress,
): Promise<Result<readonly AskedMetric[], BackendError>> {
  const days = piecesOf(range, DAY_MS);
  const selected = matchers(cluster === undefined ? [] : [["cluster", "=", cluster]]);
  const asked = new Map(
    USED_METRICS.map((metric) => [metric, { requests: 0, series: 0, samples: 0 }]),
  );
  const nodes = new Map<string, Node>();
  for (const [day, piece] of days.entries()) {
    progress("looking for nodes", day / days.length);
    for (const metric of USED_METRICS) {
      const counted = await askInPieces(
        backend,
        [piece],
        (rangeText) =>
          `sum by (cluster, k8s_node_name, instance) (count_over_time(${metric}${selected}${rangeText}))`,
        (series) => count(nodes, series, metric, day, days.length),
      );
      if (!counted.ok) {
        return counted;
      }
    }
  }

  const groups = groupsOf([...nodes.values()].toSorted(compareNodes));
  const total = groups.flat().reduce((sum, node) => sum + samplesOf(node), 0);
  let done = 0;
  for (const group of groups) {
    const series = new Map<string, CollectedSeries>();
    for (const metric of USED_METRICS) {
      const members = group.filter((node) => wants(node, metric));
      const counts = asked.get(metric);
      for (const [day, piece] of days.entries()) {
        const samples = members.reduce(
          (sum, node) => sum + (node.counts.get(metric)?.[day] ?? 0),
          0,
        );
        if (samples === 0 || counts === undefined) {
          continue;
        }
        for (const part of piecesBySamples(piece, samples, SAMPLES_IN_AN_ANSWER)) {
          progress("reading samples", total === 0 ? undefined : done / total);
          for (const selector of groupMatchers(members)) {
            const answered = await askInPieces(
              backend,
              [part],
              (rangeText) => `${metric}${selector}${rangeText}`,
              (answer, answeredPiece) => add(series, answer, metric, answeredPiece),
            );
            if (!answered.ok) {
              return answered;
            }
            counts.requests += answered.value;
          }
          done += (samples * (part.toMs - part.fromMs)) / (piece.toMs - piece.fromMs);
        }
      }
    }
    for (const node of group) {
      const own = [...series.values()].filter(({ key }) => key === nodeKey(node));
      for (const { metric, timesMs } of own) {
        const counts = asked.get(metric);
        if (counts !== undefined) {
          counts.series++;
          counts.samples += timesMs.length;
        }
      }
      await onNode({
        node: { cluster: node.cluster, name: node.name },
        series: sortedSeries(
          own.map(({ metric, labels, timesMs, values }) => ({ metric, labels, timesMs, values })),
        ),
      });
    }
  }
  progress("done", 1);
  return success(
    [...asked].map(([metric, counts]) => ({
      metric,
      selector: `${metric}${selected}`,
      ...counts,
    })),
  );
}

/** A series that grows piece by piece. */
type CollectedSeries = {
  readonly key: string;
  readonly metric: UsedMetric;
  readonly labels: Readonly<Record<string, string>>;
  readonly timesMs: number[];
  readonly values: string[];
};

/**
 * Asks for each piece, and for halves of one that is too much for the backend.
 * @returns the number of requests that were answered
 */
async function askInPieces(
  backend: Backend,
  pieces: readonly Piece[],
  query: (rangeText: string) => string,
  onAnswer: (series: readonly AnsweredSeries[], piece: Piece) => void,
): Promise<Result<number, BackendError>> {
  let requests = 0;
  for (const piece of pieces) {
    const lengthMs = piece.toMs - piece.fromMs;
    const answer = await backend.ask(query(`[${lengthMs}ms]`), piece.toMs);
    if (answer.ok) {
      requests++;
      onAnswer(answer.value, piece);
      continue;
    }
    if (answer.error.kind !== "too much" || lengthMs <= SHORTEST_PIECE_MS) {
      return failure(answer.error);
    }
    const halves = piecesOf(piece, Math.ceil(lengthMs / 2));
    const answered = await askInPieces(backend, halves, query, onAnswer);
    if (!answered.ok) {
      return answered;
    }
    requests += answered.value;
  }
  return success(requests);
}

function count(
  nodes: Map<string, Node>,
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
    node.names[(labels["k8s_node_name"] ?? "") === "" ? "instance" : "k8s_node_name"].add(
      name.name,
    );
    const counts = node.counts.get(metric) ?? Array.from({ length: days }, () => 0);
    node.counts.set(metric, counts);
    counts[day] = (counts[day] ?? 0) + Number(values[0]?.[1] ?? 0);
  }
}

/** Of a node with a peak, error and bound are not needed. */
function wants(node: Node, metric: UsedMetric): boolean {
  return (
    node.counts.has(metric) &&
    !(METRICS_WITHOUT_PEAK.includes(metric) && node.counts.has("chrony_clock_error_peak_ms"))
  );
}

function samplesOf(node: Node): number {
  return [...node.counts]
    .filter(([metric]) => wants(node, metric))
    .reduce((sum, [, counts]) => sum + counts.reduce((one, other) => one + other, 0), 0);
}

/** Neighbours of one cluster that one selector can name. */
function groupsOf(nodes: readonly Node[]): Node[][] {
  const groups: Node[][] = [];
  let samples = 0;
  for (const node of nodes) {
    const group = groups.at(-1);
    const [first] = group ?? [];
    samples += samplesOf(node);
    if (
      group !== undefined &&
      first?.cluster.toLowerCase() === node.cluster.toLowerCase() &&
      group.length < NODES_IN_A_GROUP &&
      samples <= SAMPLES_IN_A_GROUP
    ) {
      group.push(node);
    } else {
      groups.push([node]);
      samples = samplesOf(node);
    }
  }
  return groups;
}

/** Adds an answer's samples. Prometheus 2 gives the one at a piece's beginning, too, which is in the piece before. */
function add(
  collected: Map<string, CollectedSeries>,
  answer: readonly AnsweredSeries[],
  metric: UsedMetric,
  { fromMs, toMs }: Piece,
): void {
  for (const { metric: given, values } of answer) {
    const { __name__, ...labels } = given;
    const key = `${metric}${labelText(labels).toLowerCase()}`;
    const series = collected.get(key) ?? {
      key: nodeKey(nodeOf(labels)),
      metric,
      labels,
      timesMs: [],
      values: [],
    };
    collected.set(key, series);
    for (const [seconds, value] of values) {
      const timeMs = Math.round(seconds * 1000);
      if (timeMs > Math.max(fromMs, series.timesMs.at(-1) ?? fromMs) && timeMs <= toMs) {
        series.timesMs.push(timeMs);
        series.values.push(value);
      }
    }
  }
}

/** What selects these nodes, by each label that their names stand in. */
function groupMatchers(nodes: readonly Node[]): string[] {
  const cluster = ["cluster", "=~", alternatives(nodes.flatMap((node) => [...node.clusters]))];
  return NAME_LABELS.flatMap((label) => {
    const names = nodes.flatMap((node) => [...node.names[label]]);
    const others = label === "instance" ? [["k8s_node_name", "=", ""]] : [];
    return names.length === 0
      ? []
      : [matchers([cluster, ...others, [label, "=~", alternatives(names)]])];
  });
}

function alternatives(values: readonly string[]): string {
  return [...new Set(values)]
    .map((value) => value.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"))
    .join("|");
}

function matchers(list: readonly (readonly string[])[]): string {
  const texts = list.map(([name, operator, value]) => `${name}${operator}${JSON.stringify(value)}`);
  return texts.length === 0 ? "" : `{${texts.join(",")}}`;
}
