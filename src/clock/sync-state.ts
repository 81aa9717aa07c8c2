/**
 * What can be concluded about a node's clock. The first row that fits:
 *
 * | state            | when                                          | error    | bound, peak                  | an operator may conclude                            |
 * |------------------|-----------------------------------------------|----------|------------------------------|-----------------------------------------------------|
 * | `unreachable`    | no answer, or none for three readings         | withheld | withheld                     | nothing: the clock may be anything                  |
 * | `unsynchronised` | leap status 3, or stratum 0                   | formula  | formula                      | chronyd has no time to go by                        |
 * | `local`          | reference id 7F7F0101 and no address          | withheld | withheld                     | chronyd follows itself: its 0 ms means nothing      |
 * | `stepped`        | a step that chronyd has not seen              | withheld | formula and the sum of steps | somebody set the clock: chronyd's offset is the old |
 * | `stale`          | no update for 8 intervals, and for the floor  | formula  | formula                      | the source is gone, the error grows                 |
 * | `synchronised`   | otherwise                                     | formula  | formula                      | the clock is within the bound                       |
 *
 * `local` withholds because the formula says 0 there; with an address it is a follower of a server
 * whose id it shows (`copy`). `stepped`: unseen-steps.ts. Eight intervals: AWS clock-bound calls a clock
 * free-running from there. The floor is there because after `iburst` the interval reads 2 s for a minute.
 */
import type { Tracking } from "../chrony/tracking.ts";

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

/** What chronyd's `local` directive puts for a reference id: 127.127.1.1. */
export const LOCAL_REFERENCE_ID = 0x7f7f0101;

const INTERVALS_UNTIL_STALE = 8;
const REFERENCE_CLOCK_FLOOR_SECONDS = 16;
const NTP_SOURCE_FLOOR_SECONDS = 150;

/**
 * The state of a node's clock.
 * @param tracking the newest report, or `undefined` when chronyd did not answer
 * @param hasUnseenSteps whether the clock was stepped and chronyd made no update since
 * @param ageSeconds what the age of chronyd's reference is at least, in seconds
 */
export function syncState(
  tracking: Tracking | undefined,
  hasUnseenSteps: boolean,
  ageSeconds: number,
): SyncState {
  if (tracking === undefined) {
    return "unreachable";
  }
  if (tracking.leapStatus === "unsynchronised" || tracking.stratum === 0) {
    return "unsynchronised";
  }
  if (followsItself(tracking)) {
    return "local";
  }
  if (hasUnseenSteps) {
    return "stepped";
  }
  if (ageSeconds > staleAfterSeconds(tracking)) {
    return "stale";
  }
  return "synchronised";
}

/** Whether chronyd follows its own clock. A follower of such a server by `copy` has its id, but an address. */
export function followsItself({ referenceId, address }: Tracking): boolean {
  return referenceId === LOCAL_REFERENCE_ID && address.family === "unspecified";
}

/** The age of chronyd's reference, in seconds, beyond which its source counts as gone. */
export function staleAfterSeconds(tracking: Tracking): number {
  const floorSeconds = followsReferenceClock(tracking)
    ? REFERENCE_CLOCK_FLOOR_SECONDS
    : NTP_SOURCE_FLOOR_SECONDS;
  return Math.max(INTERVALS_UNTIL_STALE * tracking.updateIntervalSeconds, floorSeconds);
}

/** Whether the source is a reference clock (a PHC, a PPS): it has a reference id and no address. */
export function followsReferenceClock(tracking: Tracking): boolean {
  return (
    tracking.address.family === "unspecified" &&
    tracking.referenceId !== 0 &&
    tracking.referenceId !== LOCAL_REFERENCE_ID
  );
}
