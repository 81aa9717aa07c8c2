/**
 * Steps of the wall clock that chronyd has not noticed. Until its next update, chronyd keeps reporting
 * the old offset: 0.003 ms, although the clock is seconds off.
 *
 * An update of chronyd is recognised by a change of its last offset, RMS offset or update interval. The
 * reference time does not show it, because chronyd also moves it with each of its own corrections
 * (`handle_slew` in chrony's reference.c). chronyd's own steps are recognised as follows:
 *
 *  - The command `makestep` steps by the remaining correction, and the reference time moves by the same
 *    amount.
 *  - The directive `makestep` steps at an update, by the offset of this update plus the correction that
 *    remained from before (`REF_SetReference`). No correction remains afterwards.
 */
import type { Tracking } from "../chrony/tracking.ts";
import { SMALLEST_STEP_MS } from "./step-detector.ts";

/** Steps since chronyd's last update. */
export type UnseenSteps = {
  /** The sum of the steps, in milliseconds; positive is forward. */
  readonly sumMs: number;
  /** The first report after the last step; `undefined` before it arrives. */
  readonly report: Tracking | undefined;
};

/** How accurately the size of a step is known. */
const TOLERANCE_MS = SMALLEST_STEP_MS / 2;

/**
 * The unseen steps after a poll; `undefined` when there are none.
 * @param stepMs the step since the previous poll, if any; leap seconds excluded
 * @param before the last report before this poll, if any
 * @param after the report of this poll, if any
 */
export function unseenSteps(
  unseen: UnseenSteps | undefined,
  stepMs: number | undefined,
  before: Tracking | undefined,
  after: Tracking | undefined,
): UnseenSteps | undefined {
  const open = unseen && withReport(unseen, after);
  if (stepMs === undefined || isChronydsOwn(stepMs, before, after)) {
    return open;
  }
  const sumMs = (open?.sumMs ?? 0) + stepMs;
  // A clock that was set back to its old time is correct again.
  return Math.abs(sumMs) <= TOLERANCE_MS ? undefined : { sumMs, report: after };
}

function withReport(unseen: UnseenSteps, report: Tracking | undefined): UnseenSteps | undefined {
  if (report === undefined) {
    return unseen;
  }
  if (unseen.report === undefined) {
    return { ...unseen, report };
  }
  return madeUpdate(unseen.report, report) ? undefined : unseen;
}

function isChronydsOwn(
  stepMs: number,
  before: Tracking | undefined,
  after: Tracking | undefined,
): boolean {
  if (before?.referenceTimeSeconds === undefined || after?.referenceTimeSeconds === undefined) {
    return false;
  }
  if (!madeUpdate(before, after)) {
    const movedMs = (after.referenceTimeSeconds - before.referenceTimeSeconds) * 1000;
    return Math.abs(movedMs - stepMs) <= TOLERANCE_MS;
  }
  // Part of the remaining correction may have been slewed before the step.
  const offsetMs = -after.lastOffsetSeconds * 1000;
  const leftMs = before.systemTimeOffsetSeconds * 1000;
  return (
    Math.abs(after.systemTimeOffsetSeconds * 1000) <= TOLERANCE_MS &&
    stepMs >= offsetMs + Math.min(leftMs, 0) - TOLERANCE_MS &&
    stepMs <= offsetMs + Math.max(leftMs, 0) + TOLERANCE_MS
  );
}

/** Whether chronyd made an update between two reports. */
function madeUpdate(before: Tracking, after: Tracking): boolean {
  return (
    before.lastOffsetSeconds !== after.lastOffsetSeconds ||
    before.rmsOffsetSeconds !== after.rmsOffsetSeconds ||
    before.updateIntervalSeconds !== after.updateIntervalSeconds
  );
}
