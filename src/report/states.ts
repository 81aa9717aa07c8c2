/** The states of a node's clock over time. */
import { SYNC_STATES, type SyncState } from "../clock/sync-state.ts";
import { byTime, type Cut, unbrokenPairs } from "./sample-pairs.ts";
import type { Segment } from "./segments.ts";
import type { Writer } from "./writers.ts";

export type StateAt = { readonly atMs: number; readonly state: SyncState };

/** The state at each time, in order; the worst one where there are several. */
export function statesOf(writer: Writer): StateAt[] {
  const states = new Map<number, SyncState>();
  for (const { labels, timesMs, values } of writer.chrony_sync_state ?? []) {
    const state = SYNC_STATES.find((one) => one === labels["state"]?.toLowerCase());
    if (state === undefined) {
      continue;
    }
    for (const [index, atMs] of timesMs.entries()) {
      if (Number(values[index]) === 1) {
        states.set(atMs, worseState(state, states.get(atMs) ?? state));
      }
    }
  }
  return byTime([...states].map(([atMs, state]) => ({ atMs, state })));
}

/** The periods whose state is known: between two samples, the worse of their states. */
export function stateSegments(
  states: readonly StateAt[],
  restarts: readonly Cut[],
  windowMs: number,
): Segment<SyncState>[] {
  return unbrokenPairs(states, restarts, windowMs).map(([before, after]) => ({
    fromMs: before.atMs,
    toMs: after.atMs,
    value: worseState(before.state, after.state),
  }));
}

/** The worse of two states. */
export function worseState(one: SyncState, other: SyncState): SyncState {
  return SYNC_STATES.indexOf(one) > SYNC_STATES.indexOf(other) ? one : other;
}
