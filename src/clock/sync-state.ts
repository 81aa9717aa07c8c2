/**
 * What can be concluded about a node's clock. The first row that fits:
 *
 * | state            | when                                          | error, bound, peak | an operator may conclude                       |
 * |------------------|-----------------------------------------------|--------------------|------------------------------------------------|
 * | `unreachable`    | no answer, or none for three readings         | withheld           | nothing: the clock may be anything             |
 * | `unsynchronised` | leap status 3, or stratum 0                   | the formula        | chronyd has no time to go by                   |
 * | `local`          | reference id 7F7F0101                         | withheld           | chronyd follows itself: its 0 ms means nothing |
 * | `stale`          | no update for 8 intervals, and for the floor  | the formula        | the source is gone, the error grows            |
 * | `synchronised`   | otherwise                                     | the formula        | the clock is within the bound                  |
 *
 * `local` withholds because the formula says 0 there. Eight intervals: AWS clock-bound calls a clock
 * free-running from there. The floor is there because after `iburst` the interval reads 2 s for a minute.
 */
import type { Tracking } from "../chrony/tracking.ts";

export type SyncState = "synchronised" | "stale" | "local" | "unsynchronised" | "unreachable";

/** Whether the error, the bound and the peak are published in a state. */
export const PUBLISHES_ERROR: Readonly<Record<SyncState, boolean>> = {
  synchronised: true,
  stale: true,
  local: false,
  unsynchronised: true,
  unreachable: false,
};

/** All states, the best first. */
export const SYNC_STATES = Object.keys(PUBLISHES_ERROR) as readonly SyncState[];

/** What chronyd's `local` directive puts for a reference id: 127.127.1.1. */
export const LOCAL_REFERENCE_ID = 0x7f7f0101;

const INTERVALS_UNTIL_STALE = 8;
const REFERENCE_CLOCK_FLOOR_SECONDS = 16;
const NTP_SOURCE_FLOOR_SECONDS = 150;

/**
 * The state of a node's clock.
 * @param tracking the newest report, or `undefined` when chronyd did not answer
 * @param ageSeconds what the age of chronyd's reference is at least, in seconds
 */
export function syncState(tracking: Tracking | undefined, ageSeconds: number): SyncState {
  if (tracking === undefined) {
    return "unreachable";
  }
  if (tracking.leapStatus === "unsynchronised" || tracking.stratum === 0) {
    return "unsynchronised";
  }
  if (tracking.referenceId === LOCAL_REFERENCE_ID) {
    return "local";
  }
  if (ageSeconds > staleAfterSeconds(tracking)) {
    return "stale";
  }
  return "synchronised";
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
