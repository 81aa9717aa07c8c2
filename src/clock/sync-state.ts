/**
 * The state of a node's clock. The first matching row applies:
 *
 * | state            | when                                          | error    | bound, peak                  | an operator may conclude                            |
 * |------------------|-----------------------------------------------|----------|------------------------------|-----------------------------------------------------|
 * | `unreachable`    | no answer, or no poll for three intervals     | withheld | withheld                     | nothing: the error can be of any size               |
 * | `unsynchronised` | leap status 3, or stratum 0                   | formula  | formula                      | chronyd has no valid time                           |
 * | `local`          | reference id 7F7F0101 and no address          | withheld | withheld                     | chronyd follows itself: its 0 ms means nothing      |
 * | `stepped`        | a step that chronyd has not noticed           | withheld | formula and the sum of steps | the clock was set: chronyd's offset is outdated     |
 * | `stale`          | the followed source: reach 0 and a sample     | formula  | formula                      | the source is gone, the error grows                 |
 * |                  | older than two polls; or no good sample for   |          |                              |                                                     |
 * |                  | eight polls or twice the longest age; or the  |          |                              |                                                     |
 * |                  | reference, if the source is not known         |          |                              |                                                     |
 * | `synchronised`   | otherwise                                     | formula  | formula                      | the clock is within the bound                       |
 *
 * `local` withholds all values because the formula gives 0. With an address it is not `local`: with
 * `copy`, a client shows the id of its server. `stepped` (unseen-steps.ts) also withholds bound and peak
 * when the size of the step is not known. `stale`: source-watch.ts.
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

/** Which values are published in each state. */
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

/** All states, best first. */
export const SYNC_STATES = Object.keys(PUBLISHES) as readonly SyncState[];

/** The lowest age at which a source is stale, however often it is polled. */
export const STALE_FLOOR_SECONDS = 16;

const INTERVALS_UNTIL_STALE = 8;

/** chronyd's default for the longest polling interval (`maxpoll 10`), used when none is known. */
const DEFAULT_LONGEST_INTERVAL_SECONDS = 1024;

/** The input of {@link syncState}. */
export type StateFacts = {
  /** The newest report; `undefined` when chronyd did not answer. */
  readonly tracking: Tracking | undefined;
  readonly unseenSteps: UnseenSteps | undefined;
  /** The followed source; `undefined` when it is not known. */
  readonly source: SourceWatch | undefined;
  /** The least possible age of chronyd's reference. */
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

/** The age of the newest sample; of the reference when there is no sample or no source. */
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
  // The update interval alone is not enough: after a burst it is very short.
  const intervalSeconds = Math.max(
    tracking.updateIntervalSeconds,
    longestPollSeconds ?? DEFAULT_LONGEST_INTERVAL_SECONDS,
  );
  return Math.max(INTERVALS_UNTIL_STALE * intervalSeconds, staleFloorSeconds);
}
