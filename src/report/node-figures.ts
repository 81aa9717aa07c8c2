/**
 * The figures of one node, computed from its samples. The rules, which docs/report.md explains:
 *
 * - The error is the **peak**; at a node without peak, the larger of error and bound.
 * - A sample of the peak covers the time back to the sample before it in its series, but no more than
 *   the peak's window. It covers no time when no sample is before it, when the agent restarted between
 *   the two, or when a state between them publishes no bound. Error and bound are values of a moment:
 *   between two of them that are at most a window apart, the later one applies.
 * - Time that no sample covers is **not known**. It is never within the limit.
 * - The time between two states that are at most a window apart has the worse of them.
 * - Where two series cover the same time (push and pull), the larger error and the worse state apply.
 */
import { SYNC_STATES, type SyncState } from "../clock/sync-state.ts";
import { type Growth, growthOf, restartsOf, totalGrowth } from "./counters.ts";
import {
  type ErrorAt,
  type Exceedance,
  exceedancesOf,
  type KnownErrors,
  knownErrors,
  largestError,
  mergedErrors,
} from "./errors.ts";
import { type SourceTime, sourceTimes } from "./followed-sources.ts";
import type { Question } from "./question.ts";
import {
  METRICS_WITHOUT_PEAK,
  type NodeName,
  type NodeSamples,
  type RawSeries,
  USED_METRICS,
  type UsedMetric,
} from "./raw-series.ts";
import { clipped, overlay, type Segment, totalMs } from "./segments.ts";
import { stateSegments, statesOf, worseState } from "./states.ts";
import { type Writer, writersOf } from "./writers.ts";

/** Times of one node, or the sums of several, in milliseconds. The first three make up the whole range. */
export type Times = {
  readonly withinMs: number;
  readonly aboveMs: number;
  readonly notKnownMs: number;
  /** The time in each state. */
  readonly states: Readonly<Record<SyncState, number>>;
  readonly stateNotKnownMs: number;
};

export type NodeFigures = Times & {
  readonly node: NodeName;
  /** `undefined` when there is neither. */
  readonly judgedBy: "peak" | "error and bound" | undefined;
  /** The first and last sample in the range, of any metric. */
  readonly firstSampleMs: number | undefined;
  readonly lastSampleMs: number | undefined;
  readonly largest: ErrorAt | undefined;
  /** `undefined` when the backend does not have this counter. */
  readonly steps: number | undefined;
  readonly restarts: number | undefined;
  /** The longest followed first. */
  readonly sources: readonly SourceTime[];
  readonly exceedances: readonly Exceedance[];
  /** The metrics of which the node has no sample. */
  readonly lacks: readonly UsedMetric[];
};

/** One writer of a node's series, with what is computed of it first. */
type JudgedWriter = {
  readonly writer: Writer;
  readonly restarts: readonly Growth[];
  readonly errors: KnownErrors;
};

/** The figures of one node. */
export function nodeFigures({ node, series }: NodeSamples, question: Question): NodeFigures {
  const { fromMs, toMs, limitMs, peakWindowMs } = question;
  const present = new Set(
    series.filter(({ timesMs }) => timesMs.length > 0).map(({ metric }) => metric),
  );
  const isWithPeak = present.has("chrony_clock_error_peak_ms");
  const isWithoutPeak = METRICS_WITHOUT_PEAK.some((metric) => present.has(metric));
  const writers = writersOf(series).map((writer): JudgedWriter => {
    const restarts = restartsOf(writer.chrony_tracker_readings_total ?? []);
    return { writer, restarts, errors: knownErrors(writer, restarts, isWithPeak, question) };
  });
  const errors = mergedErrors(
    writers.map((one) => one.errors),
    question,
  );
  const states = overlay(
    writers.map(({ writer, restarts }) =>
      clipped(stateSegments(statesOf(writer), restarts, peakWindowMs), fromMs, toMs),
    ),
    worseState,
  );
  return {
    node,
    judgedBy: isWithPeak ? "peak" : isWithoutPeak ? "error and bound" : undefined,
    ...firstAndLastSample(series, question),
    largest: largestError(errors),
    ...timesOf(errors.segments, states, question),
    ...countsOf(writers, present, question),
    sources: sourceTimes(writers, question),
    exceedances: exceedancesOf(node, errors, limitMs),
    lacks: USED_METRICS.filter(
      (metric) => !present.has(metric) && !(isWithPeak && METRICS_WITHOUT_PEAK.includes(metric)),
    ),
  };
}

function firstAndLastSample(series: readonly RawSeries[], { fromMs, toMs }: Question) {
  let firstSampleMs: number | undefined;
  let lastSampleMs: number | undefined;
  for (const atMs of series.flatMap(({ timesMs }) => timesMs)) {
    if (atMs > fromMs && atMs <= toMs) {
      firstSampleMs = Math.min(firstSampleMs ?? atMs, atMs);
      lastSampleMs = Math.max(lastSampleMs ?? atMs, atMs);
    }
  }
  return { firstSampleMs, lastSampleMs };
}

function countsOf(
  writers: readonly JudgedWriter[],
  present: ReadonlySet<UsedMetric>,
  question: Question,
) {
  const steps = writers.map(({ writer, restarts }) =>
    growthOf(writer.chrony_clock_steps_total ?? [], restarts),
  );
  const restarts = writers.map((one) => one.restarts);
  const total = (metric: UsedMetric, byWriter: readonly (readonly Growth[])[]) =>
    present.has(metric) ? totalGrowth(byWriter, question) : undefined;
  return {
    steps: total("chrony_clock_steps_total", steps),
    restarts: total("chrony_tracker_readings_total", restarts),
  };
}

function timesOf(
  known: readonly Segment<ErrorAt>[],
  states: readonly Segment<SyncState>[],
  { fromMs, toMs, limitMs }: Question,
): Times {
  const knownMs = totalMs(known);
  const aboveMs = totalMs(known.filter(({ value }) => value.errorMs > limitMs));
  return {
    withinMs: knownMs - aboveMs,
    aboveMs,
    notKnownMs: toMs - fromMs - knownMs,
    states: Object.fromEntries(
      SYNC_STATES.map((state) => [state, totalMs(states.filter(({ value }) => value === state))]),
    ) as Record<SyncState, number>,
    stateNotKnownMs: toMs - fromMs - totalMs(states),
  };
}
