/** The errors of a node's clock over time, and the periods in which they are above the limit. */
import { PUBLISHES } from "../clock/sync-state.ts";
import type { Question } from "./question.ts";
import type { NodeName, RawSeries } from "./raw-series.ts";
import { byTime, type Cut, cutter, numbersOf, type Point } from "./sample-pairs.ts";
import { clipped, overlay, type Segment } from "./segments.ts";
import { statesOf } from "./states.ts";
import type { Writer } from "./writers.ts";

/** An error in milliseconds, that of the reference included, and the time of its sample. */
export type ErrorAt = { readonly errorMs: number; readonly atMs: number };

/** A period above the limit without interruption; of length 0 when it is a single sample. */
export type Exceedance = {
  readonly node: NodeName;
  readonly fromMs: number;
  readonly toMs: number;
  readonly largest: ErrorAt;
};

/** The known errors of one writer. */
export type KnownErrors = {
  readonly segments: readonly Segment<ErrorAt>[];
  /** Samples that cover no time before them. */
  readonly moments: readonly ErrorAt[];
};

/**
 * The errors that one writer reported, by the rules in node-figures.ts.
 * @param isWithPeak whether the node has samples of the peak
 */
export function knownErrors(
  writer: Writer,
  restarts: readonly Cut[],
  isWithPeak: boolean,
  { peakWindowMs, referenceErrorMs }: Question,
): KnownErrors {
  const samples = largestOf(
    isWithPeak
      ? (writer.chrony_clock_error_peak_ms ?? [])
      : [...(writer.chrony_clock_error_bound_ms ?? []), ...(writer.chrony_clock_error_ms ?? [])],
  );
  const unknownAt = statesOf(writer)
    .filter(({ state }) => !PUBLISHES[state].boundAndPeak)
    .map(({ atMs }) => ({ fromMs: atMs, toMs: atMs }));
  const isCut = cutter([...restarts, ...unknownAt]);
  const segments: Segment<ErrorAt>[] = [];
  const moments: ErrorAt[] = [];
  let beforeMs: number | undefined;
  for (const { atMs, value } of samples) {
    const error = { errorMs: value + referenceErrorMs, atMs };
    const isTooFar = !isWithPeak && beforeMs !== undefined && atMs - beforeMs > peakWindowMs;
    if (beforeMs === undefined || isTooFar || isCut(beforeMs, atMs)) {
      moments.push(error);
    } else {
      segments.push({ fromMs: Math.max(beforeMs, atMs - peakWindowMs), toMs: atMs, value: error });
    }
    beforeMs = atMs;
  }
  return { segments, moments };
}

/** The largest number at each time, in order. */
function largestOf(series: readonly RawSeries[]): Point[] {
  const largest = new Map<number, number>();
  for (const { atMs, value } of series.flatMap(numbersOf)) {
    largest.set(atMs, Math.max(value, largest.get(atMs) ?? value));
  }
  return byTime([...largest].map(([atMs, value]) => ({ atMs, value })));
}

/** The errors of several writers in the range. Where they overlap, the larger error applies. */
export function mergedErrors(
  byWriter: readonly KnownErrors[],
  { fromMs, toMs }: Question,
): KnownErrors {
  return {
    segments: overlay(
      byWriter.map(({ segments }) => clipped(segments, fromMs, toMs)),
      worseError,
    ),
    moments: byWriter.flatMap(({ moments }) =>
      moments.filter(({ atMs }) => atMs > fromMs && atMs <= toMs),
    ),
  };
}

/** The largest error; `undefined` when there is none. */
export function largestError({ segments, moments }: KnownErrors): ErrorAt | undefined {
  const errors = [...segments.map(({ value }) => value), ...moments];
  return errors.reduce<ErrorAt | undefined>(
    (largest, one) => worseError(largest ?? one, one),
    undefined,
  );
}

/** The larger error; the earlier one of two equal ones. */
export function worseError(one: ErrorAt, other: ErrorAt): ErrorAt {
  if (one.errorMs === other.errorMs) {
    return one.atMs <= other.atMs ? one : other;
  }
  return one.errorMs > other.errorMs ? one : other;
}

/** The exceedances of a node: segments above the limit that touch are one, a moment outside of them is one of its own. */
export function exceedancesOf(
  node: NodeName,
  { segments, moments }: KnownErrors,
  limitMs: number,
): Exceedance[] {
  const above = [
    ...segments.map(({ fromMs, toMs, value }) => ({ fromMs, toMs, largest: value })),
    ...moments.map((largest) => ({ fromMs: largest.atMs, toMs: largest.atMs, largest })),
  ]
    .filter(({ largest }) => largest.errorMs > limitMs)
    .toSorted((one, other) => one.fromMs - other.fromMs || one.toMs - other.toMs);
  const found: { node: NodeName; fromMs: number; toMs: number; largest: ErrorAt }[] = [];
  for (const one of above) {
    const last = found.at(-1);
    if (last !== undefined && one.fromMs <= last.toMs) {
      last.toMs = Math.max(last.toMs, one.toMs);
      last.largest = worseError(last.largest, one.largest);
    } else {
      found.push({ node, ...one });
    }
  }
  return found;
}
