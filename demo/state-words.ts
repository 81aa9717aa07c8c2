import { STALE_FLOOR_SECONDS, type SyncState } from "../src/clock/sync-state.ts";

/** What a state says to a person. */
export type StateWords = {
  /** What it means. At most 46 characters. */
  readonly meaning: string;
  /** Why the error, the bound and the peak are withheld, where they are. */
  readonly withheldBecause?: string;
};

/** The states in words; when which holds says src/clock/sync-state.ts. */
export const STATE_WORDS: Readonly<Record<SyncState, StateWords>> = {
  synchronised: { meaning: "the clock is within the bound" },
  stale: { meaning: "the source is gone, and the error grows" },
  stepped: {
    meaning: "somebody set the clock: chronyd saw no step",
    withheldBecause: "chronyd's offset is that of before",
  },
  local: {
    meaning: "chronyd follows its own clock",
    withheldBecause: "its 0 ms would mean nothing",
  },
  unsynchronised: { meaning: "chronyd has no time to go by" },
  unreachable: {
    meaning: "nothing is known: the clock may be anything",
    withheldBecause: "chronyd does not answer",
  },
};

/**
 * The age of the newest sample beyond which the demo's state is `stale`: the floor in
 * src/clock/sync-state.ts, since eight of the demo's polls take no longer.
 */
export const STALE_AFTER_SECONDS = STALE_FLOOR_SECONDS;
