/**
 * Turns the polls of one chronyd into a verdict on the clock. Pure functions: every time is an argument.
 */
import type { ChronyError } from "../chrony/chrony-error.ts";
import type { SourceData } from "../chrony/source-data.ts";
import type { LeapStatus, Tracking } from "../chrony/tracking.ts";
import type { Result } from "../result.ts";
import { clockErrorBoundMs, clockErrorMs } from "./clock-error.ts";
import { type ClockPair, timeWithSleepMs } from "./clock-pair.ts";
import { isLeapSecond, isLeapSecondNow } from "./leap-second.ts";
import { EMPTY_PEAK_WINDOW, type PeakWindow, peakOf, withValue } from "./peak.ts";
import {
  leastReferenceAgeSeconds,
  type ReferenceSighting,
  referenceAgeSeconds,
  sightReference,
} from "./reference-age.ts";
import { type SourceWatch, watchSource } from "./source-watch.ts";
import { isSharp, stepBetween } from "./step-detector.ts";
import {
  PUBLISHES,
  STALE_FLOOR_SECONDS,
  type SyncState,
  staleLimitSeconds,
  syncState,
} from "./sync-state.ts";
import { type UnseenSteps, unseenSteps } from "./unseen-steps.ts";

/** One poll of chronyd and its result. */
export type Reading = {
  /** The number of the poll, from 1. */
  readonly number: number;
  /** The node's clocks at the end of the poll. */
  readonly clocks: ClockPair;
  readonly durationSeconds: number;
  readonly tracking: Result<Tracking, ChronyError>;
  /** The followed source at the same moment; `undefined` when it is not known. */
  readonly followed: SourceData | undefined;
  /** Whether that source reports that it follows its own clock; `undefined` when not known. */
  readonly upstreamIsLocal: boolean | undefined;
};

/** The state that is kept from one poll to the next. */
export type ClockHistory = {
  readonly newest: Reading;
  /** The state after the newest poll. */
  readonly state: SyncState;
  /** The age of the newest sample beyond which the state is `stale`; `undefined` in states that age does not change. */
  readonly staleAfterSeconds: number | undefined;
  /** The followed source, as last reported. */
  readonly source: SourceWatch | undefined;
  /** The longest polling interval of a followed source. */
  readonly longestPollSeconds: number | undefined;
  /** The last TRACKING report received. */
  readonly report: Tracking | undefined;
  readonly sighting: ReferenceSighting | undefined;
  readonly peak: PeakWindow;
  /** The last clock reading precise enough to detect a step. */
  readonly sharpClocks: ClockPair | undefined;
  readonly steps: number;
  /** The step found by the newest poll, in milliseconds; `undefined` when there was none. */
  readonly stepMs: number | undefined;
  /** The last step found by any poll. */
  readonly lastStepMs: number | undefined;
  /** Steps that chronyd has not noticed yet. */
  readonly unseenSteps: UnseenSteps | undefined;
  /** The last leap status that was not `unsynchronised`. */
  readonly announcedLeap: LeapStatus | undefined;
  /** Whether the newest poll found a leap second, which is not a step. */
  readonly leapSecond: boolean;
};

/** What is known about the clock at one moment. `undefined`: not known, or withheld. */
export type Assessment = {
  readonly state: SyncState;
  /** The node's clocks at the moment of the assessment. */
  readonly clocks: ClockPair;
  /** The newest report, unless the state is `unreachable`. */
  readonly tracking: Tracking | undefined;
  readonly clockErrorMs: number | undefined;
  readonly clockErrorBoundMs: number | undefined;
  readonly clockErrorPeakMs: number | undefined;
  readonly referenceAgeSeconds: number | undefined;
  /** The followed source; `undefined` when it is not known. */
  readonly followed: SourceData | undefined;
  /** Whether that source reports that it follows its own clock; `undefined` when not known. */
  readonly upstreamIsLocal: boolean | undefined;
  /** The age of the newest sample beyond which the state is `stale`; `undefined` in states that age does not change. */
  readonly staleAfterSeconds: number | undefined;
  /** The sum of the steps that chronyd has not noticed; positive is forward, 0 when there are none. */
  readonly unseenStepMs: number;
  /** An announced leap second is in progress: chronyd reports itself unsynchronised for about 2 s. */
  readonly leapSecondPasses: boolean;
  /** Steps of the wall clock since the agent started. */
  readonly steps: number;
  /** The size of the last step; positive is forward. */
  readonly lastStepSeconds: number | undefined;
};

/** How many polls may be missing before the newest one is too old to use. */
const READINGS_UNTIL_UNREACHABLE = 3;

/**
 * The history after a poll.
 * @param peakWidthMs how long a value counts for the peak, in milliseconds
 * @param staleFloorSeconds the lowest age at which a source can be stale
 */
export function withReading(
  history: ClockHistory | undefined,
  reading: Reading,
  peakWidthMs: number,
  staleFloorSeconds = STALE_FLOOR_SECONDS,
): ClockHistory {
  const { clocks } = reading;
  const report = reading.tracking.ok ? reading.tracking.value : undefined;
  const sighting =
    report === undefined ? history?.sighting : sightReference(history?.sighting, report, clocks);

  const sharpBefore = history?.sharpClocks;
  const jumpMs =
    sharpBefore !== undefined && isSharp(clocks) ? stepBetween(sharpBefore, clocks) : undefined;
  const leapSecond =
    jumpMs !== undefined &&
    sharpBefore !== undefined &&
    isLeapSecond(jumpMs, history?.announcedLeap, sharpBefore, clocks);
  const stepMs = leapSecond ? undefined : jumpMs;
  const unseen = unseenSteps(history?.unseenSteps, stepMs, history?.report, report);

  const source =
    reading.followed === undefined
      ? history?.source
      : watchSource(history?.source, reading.followed);
  const longestPollSeconds = larger(history?.longestPollSeconds, source?.pollSeconds);
  const facts = {
    tracking: report,
    unseenSteps: unseen,
    source: reading.followed && source,
    referenceAgeSeconds: leastReferenceAgeSeconds(sighting, clocks),
    longestPollSeconds,
    staleFloorSeconds,
  };
  const state = syncState(facts);
  const { errorMs, boundMs } = figuresOf(report, state, unseen);
  const before = history?.peak ?? EMPTY_PEAK_WINDOW;
  const peak =
    boundMs === undefined
      ? before
      : withValue(before, Math.max(errorMs ?? boundMs, boundMs), clocks.monotonicMs, peakWidthMs);

  return {
    newest: reading,
    state,
    staleAfterSeconds:
      report !== undefined && (state === "synchronised" || state === "stale")
        ? staleLimitSeconds(facts, report)
        : undefined,
    source,
    longestPollSeconds,
    report: report ?? history?.report,
    sighting,
    peak,
    sharpClocks: isSharp(clocks) ? clocks : sharpBefore,
    steps: (history?.steps ?? 0) + (stepMs === undefined ? 0 : 1),
    stepMs,
    lastStepMs: stepMs ?? history?.lastStepMs,
    unseenSteps: unseen,
    announcedLeap:
      report === undefined || report.leapStatus === "unsynchronised"
        ? history?.announcedLeap
        : report.leapStatus,
    leapSecond,
  };
}

/**
 * Assesses the clock now.
 * @param now the node's current clocks, to detect that polls have stopped
 * @param intervalMs time between two polls, in milliseconds
 */
export function assess(history: ClockHistory, now: ClockPair, intervalMs: number): Assessment {
  const { newest, sighting, steps } = history;
  const lastStepSeconds = history.lastStepMs === undefined ? undefined : history.lastStepMs / 1000;
  const unseenStepMs = history.unseenSteps?.sumMs ?? 0;

  const overdue =
    timeWithSleepMs(now) - timeWithSleepMs(newest.clocks) > READINGS_UNTIL_UNREACHABLE * intervalMs;
  const clocks = overdue ? now : newest.clocks;
  if (overdue || !newest.tracking.ok) {
    return {
      state: "unreachable",
      clocks,
      tracking: undefined,
      clockErrorMs: undefined,
      clockErrorBoundMs: undefined,
      clockErrorPeakMs: undefined,
      referenceAgeSeconds: undefined,
      followed: undefined,
      upstreamIsLocal: undefined,
      staleAfterSeconds: undefined,
      unseenStepMs,
      leapSecondPasses: false,
      steps,
      lastStepSeconds,
    };
  }

  const tracking = newest.tracking.value;
  const { state } = history;
  const { errorMs, boundMs } = figuresOf(tracking, state, history.unseenSteps);
  return {
    state,
    clocks,
    tracking,
    clockErrorMs: errorMs,
    clockErrorBoundMs: boundMs,
    clockErrorPeakMs: boundMs === undefined ? undefined : peakOf(history.peak),
    referenceAgeSeconds: referenceAgeSeconds(sighting, clocks),
    followed: newest.followed,
    upstreamIsLocal: newest.upstreamIsLocal,
    staleAfterSeconds: history.staleAfterSeconds,
    unseenStepMs,
    leapSecondPasses:
      tracking.leapStatus === "unsynchronised" && isLeapSecondNow(history.announcedLeap, clocks),
    steps,
    lastStepSeconds,
  };
}

/** The error and the bound that may be published in a state. */
function figuresOf(
  tracking: Tracking | undefined,
  state: SyncState,
  unseen: UnseenSteps | undefined,
): { readonly errorMs: number | undefined; readonly boundMs: number | undefined } {
  if (tracking === undefined) {
    return { errorMs: undefined, boundMs: undefined };
  }
  const { error, boundAndPeak } = PUBLISHES[state];
  if (state === "stepped") {
    // Without a sum, the step happened before the agent started, and its size is unknown.
    const boundMs = unseen && clockErrorBoundMs(tracking) + Math.abs(unseen.sumMs);
    return { errorMs: undefined, boundMs };
  }
  return {
    errorMs: error ? clockErrorMs(tracking) : undefined,
    boundMs: boundAndPeak ? clockErrorBoundMs(tracking) : undefined,
  };
}

function larger(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || other === undefined ? (one ?? other) : Math.max(one, other);
}
