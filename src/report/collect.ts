/**
 * Reads all samples of a range, node by node. First it counts the samples of each node; then it reads them
 * for one group of nodes at a time, in pieces that a backend accepts, so that memory is bounded.
 */
import { type Result, success } from "../result.ts";
import type { Backend } from "./backend.ts";
import type { BackendError } from "./backend-error.ts";
import {
  type CountedNode,
  countNodes,
  isNeeded,
  NAME_LABELS,
  neededSamples,
} from "./node-counts.ts";
import { askInPieces, type Piece, piecesBySamples, piecesOf } from "./pieces.ts";
import type { AnsweredSeries } from "./query-answer.ts";
import {
  labelText,
  type NodeSamples,
  nodeKey,
  nodeOf,
  sortedSeries,
  USED_METRICS,
  type UsedMetric,
} from "./raw-series.ts";
import { alternatives, type Matcher, selectorOf } from "./selectors.ts";

/** What to collect. */
export type CollectionRequest = {
  readonly range: Piece;
  /** `undefined`: all clusters. */
  readonly cluster: string | undefined;
};

/** Is called with what is done now, and the share of it that is done; `undefined` when it is not known. */
export type CollectionProgress = (what: string, share: number | undefined) => void;

/** What was asked of the backend for one metric. */
export type AskedMetric = {
  readonly metric: UsedMetric;
  /** Without a range and without a selection of nodes. */
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
/** Keeps a query to a few kilobytes. */
const NODES_IN_A_GROUP = 100;

/**
 * Reads the samples of all nodes.
 * @param onNode gets those of each node, in order
 * @returns what was asked of the backend
 */
export async function collect(
  backend: Backend,
  { range, cluster }: CollectionRequest,
  onNode: (samples: NodeSamples) => Promise<void>,
  progress: CollectionProgress,
): Promise<Result<readonly AskedMetric[], BackendError>> {
  const days = piecesOf(range, DAY_MS);
  const selector = selectorOf(cluster === undefined ? [] : [["cluster", "=", cluster]]);
  const nodes = await countNodes(backend, days, selector, (day) =>
    progress("looking for nodes", day / days.length),
  );
  if (!nodes.ok) {
    return nodes;
  }
  const asked = USED_METRICS.map((metric) => ({
    metric,
    selector: `${metric}${selector}`,
    requests: 0,
    series: 0,
    samples: 0,
  }));
  const total = nodes.value.reduce((sum, node) => sum + neededSamples(node), 0);
  let done = 0;
  for (const group of groupsOf(nodes.value)) {
    const collected = new Map<string, CollectedSeries>();
    for (const counts of asked) {
      const read = await readMetric(backend, counts.metric, group, days, collected, (samples) => {
        progress("reading samples", total === 0 ? undefined : done / total);
        done += samples;
      });
      if (!read.ok) {
        return read;
      }
      counts.requests += read.value;
    }
    for (const { cluster: nodeCluster, name } of group) {
      const node = { cluster: nodeCluster, name };
      const own = [...collected.values()].filter(({ key }) => key === nodeKey(node));
      for (const counts of asked) {
        const series = own.filter(({ metric }) => metric === counts.metric);
        counts.series += series.length;
        counts.samples += series.reduce((sum, { timesMs }) => sum + timesMs.length, 0);
      }
      await onNode({ node, series: sortedSeries(own.map(({ key, ...series }) => series)) });
    }
  }
  progress("done", 1);
  return success(asked);
}

/** A series that grows piece by piece, with the key of its node. */
type CollectedSeries = {
  readonly key: string;
  readonly metric: UsedMetric;
  readonly labels: Readonly<Record<string, string>>;
  readonly timesMs: number[];
  readonly values: string[];
};

/**
 * Reads one metric of a group of nodes.
 * @param onPiece is called with the number of samples that are about to be read
 * @returns the number of requests
 */
async function readMetric(
  backend: Backend,
  metric: UsedMetric,
  group: readonly CountedNode[],
  days: readonly Piece[],
  collected: Map<string, CollectedSeries>,
  onPiece: (samples: number) => void,
): Promise<Result<number, BackendError>> {
  const nodes = group.filter((node) => isNeeded(node, metric));
  const selectors = nodeSelectors(nodes);
  let requests = 0;
  for (const [day, range] of days.entries()) {
    const samples = nodes.reduce((sum, { counts }) => sum + (counts.get(metric)?.[day] ?? 0), 0);
    const pieces = samples === 0 ? [] : piecesBySamples(range, samples, SAMPLES_IN_AN_ANSWER);
    for (const piece of pieces) {
      onPiece((samples * (piece.toMs - piece.fromMs)) / (range.toMs - range.fromMs));
      for (const selector of selectors) {
        const answered = await askInPieces(
          backend,
          piece,
          (text) => `${metric}${selector}${text}`,
          (answer, answeredPiece) => addSamples(collected, answer, metric, answeredPiece),
        );
        if (!answered.ok) {
          return answered;
        }
        requests += answered.value;
      }
    }
  }
  return success(requests);
}

/** Nodes of one cluster each, few enough for one query and for memory. */
function groupsOf(nodes: readonly CountedNode[]): CountedNode[][] {
  const groups: CountedNode[][] = [];
  let samples = 0;
  for (const node of nodes) {
    const group = groups.at(-1);
    const [first] = group ?? [];
    samples += neededSamples(node);
    if (
      group !== undefined &&
      first?.cluster.toLowerCase() === node.cluster.toLowerCase() &&
      group.length < NODES_IN_A_GROUP &&
      samples <= SAMPLES_IN_A_GROUP
    ) {
      group.push(node);
    } else {
      groups.push([node]);
      samples = neededSamples(node);
    }
  }
  return groups;
}

/** Adds the samples of an answer. Prometheus 2 includes the one at the beginning, which is in the piece before. */
function addSamples(
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

/** The selectors of these nodes: one for each label that holds names of them. */
function nodeSelectors(nodes: readonly CountedNode[]): string[] {
  const clusters = nodes.flatMap((node) => [...node.clusters]);
  const cluster: Matcher = ["cluster", "=~", alternatives(clusters)];
  return NAME_LABELS.flatMap((label) => {
    const names = nodes.flatMap((node) => [...node.names[label]]);
    const unnamed: Matcher[] = label === "instance" ? [["k8s_node_name", "=", ""]] : [];
    return names.length === 0
      ? []
      : [selectorOf([cluster, ...unnamed, [label, "=~", alternatives(names)]])];
  });
}
