/**
 * Steps of the wall clock that chronyd has not seen. Until its next update it goes on to report the
 * offsets of before: 0.003 ms, though the clock is seconds off.
 *
 * What says that chronyd made an update is its last offset, its RMS offset or its update interval. Its reference time says
 * nothing: chronyd moves it along with each of its own corrections (`handle_slew` in chrony's
 * reference.c). That is how its own steps are known:
 *
 *  - `makestep` as a command steps by what is left to correct, and the reference time moves by as much;
 *  - `makestep` in the configuration steps at an update, by the offset of this update and what was left
 *    to correct from before it (`REF_SetReference`); nothing is left to correct then.
 */
import type { Tracking } from "../chrony/tracking.ts";
import { SMALLEST_STEP_MS } from "./step-detector.ts";

/** Steps since chronyd's last update. */
export type UnseenSteps = {
  /** Their sum, in milliseconds; positive is forward. */
  readonly sumMs: number;
  /** The first report after the last of them; `undefined` before there is one. */
  readonly report: Tracking | undefined;
};

/** How exactly the size of a step is known. */
const TOLERANCE_MS = SMALLEST_STEP_MS / 2;

/**
 * What chronyd has not seen after a reading; `undefined` when it is nothing.
 * @param stepMs the step since the reading before, if there was one; no leap second
 * @param before the last report before this reading, if there was one
 * @param after this reading's report, if there is one
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
  // A clock that was set back to where it had been is right again.
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
  // What was left to correct may have been slewed away in part before the step.
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
