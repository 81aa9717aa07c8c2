/** The figures of all nodes together: the sums of times and counts, and the largest error. */
import { SYNC_STATES, type SyncState } from "../clock/sync-state.ts";
import type { ErrorAt } from "./errors.ts";
import type { SourceTime } from "./followed-sources.ts";
import type { NodeFigures, Times } from "./node-figures.ts";
import type { NodeName } from "./raw-series.ts";

export type FleetFigures = Times & {
  readonly nodes: number;
  /** The length of the range times the number of nodes. */
  readonly totalMs: number;
  readonly largest: (ErrorAt & { readonly node: NodeName }) | undefined;
  /** `undefined` when no node has this counter. */
  readonly steps: number | undefined;
  readonly restarts: number | undefined;
  readonly sources: readonly SourceTime[];
};

/** @param rangeMs the length of the range */
export function fleetFigures(nodes: readonly NodeFigures[], rangeMs: number): FleetFigures {
  const sum = (value: (figures: NodeFigures) => number) =>
    nodes.reduce((total, figures) => total + value(figures), 0);
  const count = (value: (figures: NodeFigures) => number | undefined) =>
    nodes.some((figures) => value(figures) !== undefined)
      ? sum((figures) => value(figures) ?? 0)
      : undefined;
  const sources = new Map<string, SourceTime>();
  for (const source of nodes.flatMap((figures) => figures.sources)) {
    const key = JSON.stringify([source.name, source.address]);
    sources.set(key, { ...source, timeMs: source.timeMs + (sources.get(key)?.timeMs ?? 0) });
  }
  return {
    nodes: nodes.length,
    totalMs: nodes.length * rangeMs,
    largest: nodes
      .flatMap(({ node, largest }) => (largest === undefined ? [] : [{ node, ...largest }]))
      .toSorted((one, other) => other.errorMs - one.errorMs || one.atMs - other.atMs)[0],
    withinMs: sum(({ withinMs }) => withinMs),
    aboveMs: sum(({ aboveMs }) => aboveMs),
    notKnownMs: sum(({ notKnownMs }) => notKnownMs),
    states: Object.fromEntries(
      SYNC_STATES.map((state) => [state, sum(({ states }) => states[state])]),
    ) as Record<SyncState, number>,
    stateNotKnownMs: sum(({ stateNotKnownMs }) => stateNotKnownMs),
    steps: count(({ steps }) => steps),
    restarts: count(({ restarts }) => restarts),
    sources: [...sources.values()].toSorted((one, other) => other.timeMs - one.timeMs),
  };
}
