/**
 * What can be concluded about a node's clock. The first row that fits:
 *
 * | state            | when                                          | error    | bound, peak                  | an operator may conclude                            |
 * |------------------|-----------------------------------------------|----------|------------------------------|-----------------------------------------------------|
 * | `unreachable`    | no answer, or none for three readings         | withheld | withheld                     | nothing: the clock may be anything                  |
 * | `unsynchronised` | leap status 3, or stratum 0                   | formula  | formula                      | chronyd has no time to go by                        |
 * | `local`          | reference id 7F7F0101 and no address          | withheld | withheld                     | chronyd follows itself: its 0 ms means nothing      |
 * | `stepped`        | a step that chronyd has not seen              | withheld | formula and the sum of steps | somebody set the clock: chronyd's offset is the old |
 * | `stale`          | the followed source: reach 0 and a sample     | formula  | formula                      | the source is gone, the error grows                 |
 * |                  | older than two polls; or no good sample for   |          |                              |                                                     |
 * |                  | eight polls or twice the longest age; or the  |          |                              |                                                     |
 * |                  | reference, where no source can be told        |          |                              |                                                     |
 * | `synchronised`   | otherwise                                     | formula  | formula                      | the clock is within the bound                       |
 *
 * `local` withholds because the formula says 0 there; with an address it is a follower of a server
 * whose id it shows (`copy`). `stepped`: unseen-steps.ts; where the size is not known, bound and peak are
 * withheld too. `stale`: source-watch.ts.
 */
import { followsItself, type Tracking } from "../chrony/tracking.ts";
import { clockWasSetBack, type SourceWatch, staleAfterSeconds } from "./source-watch.ts";
import type { UnseenSteps } from "./unseen-steps.ts";

export type SyncState =
  | "synchronised"
  | "stale"
  | "stepped"
  | "local"
  | "unsynchronised"
  | "unreachable";

/** Which of the three figures are published in a state. */
export const PUBLISHES: Readonly<
  Record<SyncState, { readonly error: boolean; readonly boundAndPeak: boolean }>
> = {
  synchronised: { error: true, boundAndPeak: true },
  stale: { error: true, boundAndPeak: true },
  stepped: { error: false, boundAndPeak: true },
  local: { error: false, boundAndPeak: false },
  unsynchronised: { error: true, boundAndPeak: true },
  unreachable: { error: false, boundAndPeak: false },
};

/** All states, the best first. */
export const SYNC_STATES = Object.keys(PUBLISHES) as readonly SyncState[];

/** No source is stale before, however often it is polled. */
export const STALE_FLOOR_SECONDS = 16;

const INTERVALS_UNTIL_STALE = 8;

/** chronyd's longest polling interval by default (`maxpoll 10`), where none is known. */
const DEFAULT_LONGEST_INTERVAL_SECONDS = 1024;

/** What the state follows from. */
export type StateFacts = {
  /** The newest report, or `undefined` when chronyd did not answer. */
  readonly tracking: Tracking | undefined;
  readonly unseenSteps: UnseenSteps | undefined;
  /** The followed source; `undefined` when it could not be told. */
  readonly source: SourceWatch | undefined;
  /** What the age of chronyd's reference is at least. */
  readonly referenceAgeSeconds: number;
  /** The longest polling interval of a followed source so far. */
  readonly longestPollSeconds: number | undefined;
  readonly staleFloorSeconds: number;
};

/** The state of a node's clock. */
export function syncState(facts: StateFacts): SyncState {
  const { tracking, unseenSteps, source } = facts;
  if (tracking === undefined) {
    return "unreachable";
  }
  if (tracking.leapStatus === "unsynchronised" || tracking.stratum === 0) {
    return "unsynchronised";
  }
  if (followsItself(tracking)) {
    return "local";
  }
  if (unseenSteps !== undefined || (source !== undefined && clockWasSetBack(source))) {
    return "stepped";
  }
  if (ageSeconds(facts) > staleLimitSeconds(facts, tracking)) {
    return "stale";
  }
  return "synchronised";
}

/** The age of the newest sample; of the reference, where there is none or no source. */
function ageSeconds({ source, referenceAgeSeconds }: StateFacts): number {
  return source?.report.latestMeasurement?.ageSeconds ?? referenceAgeSeconds;
}

/** The age of the newest sample, or of the reference, beyond which the state is `stale`. */
export function staleLimitSeconds(
  { source, longestPollSeconds, staleFloorSeconds }: StateFacts,
  tracking: Tracking,
): number {
  if (source !== undefined) {
    return staleAfterSeconds(source, staleFloorSeconds);
  }
  // The update interval alone can be that of a burst.
  const intervalSeconds = Math.max(
    tracking.updateIntervalSeconds,
    longestPollSeconds ?? DEFAULT_LONGEST_INTERVAL_SECONDS,
  );
  return Math.max(INTERVALS_UNTIL_STALE * intervalSeconds, staleFloorSeconds);
}
