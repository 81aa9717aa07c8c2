/**
 * What the readings of one chronyd mean: a fold over them, pure, with every time as an argument.
 */
import type { ChronyError } from "../chrony/chrony-error.ts";
import type { Tracking } from "../chrony/tracking.ts";
import type { Result } from "../result.ts";
import { clockErrorBoundMs, clockErrorMs } from "./clock-error.ts";
import type { ClockPair } from "./clock-pair.ts";
import { EMPTY_PEAK_WINDOW, type PeakWindow, peakOf, withValue } from "./peak.ts";
import {
  leastReferenceAgeSeconds,
  type ReferenceSighting,
  referenceAgeSeconds,
  sightReference,
} from "./reference-age.ts";
import { isSharp, stepBetween } from "./step-detector.ts";
import { PUBLISHES_ERROR, type SyncState, syncState } from "./sync-state.ts";

/** One question to chronyd and how it ended. */
export type Reading = {
  /** Counts the agent's readings, from 1. */
  readonly number: number;
  /** The node's clocks when it ended. */
  readonly clocks: ClockPair;
  readonly durationSeconds: number;
  readonly tracking: Result<Tracking, ChronyError>;
};

/** What is kept from one reading to the next. */
export type ClockHistory = {
  readonly newest: Reading;
  readonly sighting: ReferenceSighting | undefined;
  readonly peak: PeakWindow;
  /** The newest reading of the clocks that was sharp enough to tell a step by. */
  readonly sharpClocks: ClockPair | undefined;
  readonly steps: number;
  /** The step that the newest reading showed, in milliseconds; `undefined` when there was none. */
  readonly stepMs: number | undefined;
  /** The last step that any reading showed. */
  readonly lastStepMs: number | undefined;
};

/** What may be said about the clock at one moment. What is `undefined` is not known, or withheld. */
export type Assessment = {
  readonly state: SyncState;
  /** The node's clocks at the moment that all of it belongs to. */
  readonly clocks: ClockPair;
  /** The newest report, unless the state is `unreachable`. */
  readonly tracking: Tracking | undefined;
  readonly clockErrorMs: number | undefined;
  readonly clockErrorBoundMs: number | undefined;
  readonly clockErrorPeakMs: number | undefined;
  readonly referenceAgeSeconds: number | undefined;
  /** Steps of the wall clock since the agent started. */
  readonly steps: number;
  /** The size of the last one; positive is forward. */
  readonly lastStepSeconds: number | undefined;
};

/** How many readings may fail to come before the newest one counts for nothing. */
const READINGS_UNTIL_UNREACHABLE = 3;

/**
 * The history after a reading.
 * @param peakWidthMs how long a value counts for the peak, in milliseconds
 */
export function withReading(
  history: ClockHistory | undefined,
  reading: Reading,
  peakWidthMs: number,
): ClockHistory {
  const { clocks, tracking } = reading;
  const sighting = tracking.ok
    ? sightReference(history?.sighting, tracking.value, clocks)
    : history?.sighting;

  const before = history?.peak ?? EMPTY_PEAK_WINDOW;
  const state = stateAt(reading, sighting);
  const peak =
    tracking.ok && PUBLISHES_ERROR[state]
      ? withValue(before, clockErrorMs(tracking.value), clocks.monotonicMs, peakWidthMs)
      : before;

  const sharpBefore = history?.sharpClocks;
  const stepMs =
    sharpBefore !== undefined && isSharp(clocks) ? stepBetween(sharpBefore, clocks) : undefined;

  return {
    newest: reading,
    sighting,
    peak,
    sharpClocks: isSharp(clocks) ? clocks : sharpBefore,
    steps: (history?.steps ?? 0) + (stepMs === undefined ? 0 : 1),
    stepMs,
    lastStepMs: stepMs ?? history?.lastStepMs,
  };
}

/**
 * What may be said now.
 * @param now the node's clocks at this moment: readings that stopped coming count for nothing
 * @param intervalMs between two readings, in milliseconds
 */
export function assess(history: ClockHistory, now: ClockPair, intervalMs: number): Assessment {
  const { newest, sighting } = history;
  const { steps } = history;
  const lastStepSeconds = history.lastStepMs === undefined ? undefined : history.lastStepMs / 1000;

  const overdue =
    now.monotonicMs - newest.clocks.monotonicMs > READINGS_UNTIL_UNREACHABLE * intervalMs;
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
      steps,
      lastStepSeconds,
    };
  }

  const tracking = newest.tracking.value;
  const state = stateAt(newest, sighting);
  const published = PUBLISHES_ERROR[state];
  return {
    state,
    clocks,
    tracking,
    clockErrorMs: published ? clockErrorMs(tracking) : undefined,
    clockErrorBoundMs: published ? clockErrorBoundMs(tracking) : undefined,
    clockErrorPeakMs: published ? peakOf(history.peak) : undefined,
    referenceAgeSeconds: referenceAgeSeconds(sighting, clocks.monotonicMs),
    steps,
    lastStepSeconds,
  };
}

function stateAt(reading: Reading, sighting: ReferenceSighting | undefined): SyncState {
  return syncState(
    reading.tracking.ok ? reading.tracking.value : undefined,
    leastReferenceAgeSeconds(sighting, reading.clocks.monotonicMs),
  );
}
