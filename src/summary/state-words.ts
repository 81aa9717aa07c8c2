/** The states in words for a person; when which holds says clock/sync-state.ts. */
import type { SyncState } from "../clock/sync-state.ts";

export type StateWords = {
  /** What may be concluded, as one sentence. */
  readonly conclusion: string;
  /** Why there is no error, bound and peak, in the states that have none. */
  readonly withheldBecause: string | undefined;
};

export const STATE_WORDS: Readonly<Record<SyncState, StateWords>> = {
  synchronised: {
    conclusion: "The true time is within the bound of this clock, as far as chronyd can know.",
    withheldBecause: undefined,
  },
  stale: {
    conclusion: "The time source is gone: the clock runs free, and its error grows.",
    withheldBecause: undefined,
  },
  stepped: {
    conclusion:
      "Somebody set the clock and chronyd has not seen it yet: the clock may be off by as much.",
    withheldBecause: "chronyd's offset is that of before the step",
  },
  local: {
    conclusion: "chronyd follows its own clock, by its local directive: the clock may be anything.",
    withheldBecause: "chronyd's 0 ms means nothing here",
  },
  unsynchronised: {
    conclusion: "chronyd has no time to go by: the clock may be anything.",
    withheldBecause: undefined,
  },
  unreachable: {
    conclusion: "chronyd does not answer: the clock may be anything.",
    withheldBecause: "chronyd does not answer",
  },
};
