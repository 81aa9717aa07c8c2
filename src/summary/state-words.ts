/** The states in words. clock/sync-state.ts defines when each applies. */
import type { SyncState } from "../clock/sync-state.ts";
import type { ClockFacts } from "./clock-facts.ts";

export type StateWords = {
  /** What the state means, as one sentence; {@link conclusion} applies it to a clock. */
  readonly conclusion: string;
  /** Why numbers are withheld, in the states that withhold some. */
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
      "The clock was stepped and chronyd has made no update since: the clock may be wrong by the step.",
    withheldBecause: "chronyd's offset is from before the step",
  },
  local: {
    conclusion:
      "chronyd follows its own clock (local directive): the clock may be wrong by any amount.",
    withheldBecause: "chronyd's 0 ms means nothing here",
  },
  unsynchronised: {
    conclusion: "chronyd has no time source to follow: the clock may be wrong by any amount.",
    withheldBecause: undefined,
  },
  unreachable: {
    conclusion: "chronyd does not answer: the clock may be wrong by any amount.",
    withheldBecause: "chronyd does not answer",
  },
};

/** What the state of a clock means, as one sentence. */
export function conclusion(clock: Pick<ClockFacts, "state" | "source" | "sources">): string {
  const other = clock.state === "stale" ? otherSource(clock) : undefined;
  return other === undefined
    ? STATE_WORDS[clock.state].conclusion
    : `The time source is silent, and the error grows until chronyd switches to ${other}, about 64 polls after the last answer.`;
}

/** The name of a source that answers and is good, but is not followed; `undefined` when there is none. */
export function otherSource({
  source,
  sources,
}: Pick<ClockFacts, "source" | "sources">): string | undefined {
  return sources?.find(
    ({ address, state, answeredOfLastEight }) =>
      address !== source?.address &&
      answeredOfLastEight > 0 &&
      (state === "unselected" || state === "selectable"),
  )?.name;
}
