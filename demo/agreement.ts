/**
 * Whether values in Prometheus agree with chronyd's own reports.
 *
 * The error changes all the time, so a value is compared with what it must have been when the agent polled
 * chronyd. Between two updates the error is linear: the last offset and the root delay stay the same,
 * and the root dispersion grows by skew + |residual frequency| + maxclockerror (REF_GetTrackingReport in
 * chrony's reference.c). So one report gives the error at any time until the next update. The reference time,
 * which is in Prometheus too, identifies the update.
 */

/** One tracking report of chronyd. */
export type ChronydReport = {
  readonly referenceTimeSeconds: number;
  readonly errorMs: number;
  readonly errorGrowthMsPerSecond: number;
  /** The report was made between these times, in milliseconds since 1970. */
  readonly askedMs: number;
  readonly answeredMs: number;
};

/** One value of `chrony_clock_error_ms` in Prometheus. */
export type ErrorSample = {
  readonly errorMs: number;
  /** The reference time at that poll. */
  readonly referenceTimeSeconds: number;
  /** Its time in Prometheus, in milliseconds since 1970. */
  readonly wallMs: number;
};

/** When chronyd was polled for a sample, relative to the sample's time, in milliseconds. */
export type PollWindow = { readonly fromMs: number; readonly toMs: number };

/** How a comparison ended. */
export type Comparison =
  | { readonly kind: "agree"; readonly compared: number }
  | {
      readonly kind: "disagree";
      readonly sample: ErrorSample;
      readonly leastMs: number;
      readonly mostMs: number;
    }
  | { readonly kind: "nothing to compare" };

/** The default of chronyd's `maxclockerror`. */
const MAX_CLOCK_ERROR_PPM = 1;

/** `chronyc -c` rounds to nanoseconds. Three of its numbers are added, and the rounded growth. */
const ROUNDING_MS = 0.000_01;

/** Prometheus stores the reference time as a floating-point number, which is exact to 0.3 µs. */
const SAME_REFERENCE_SECONDS = 0.000_001;

/**
 * Reads the output of `chronyc -c tracking`.
 * @param askedMs the start of chronyc, in milliseconds since 1970
 * @param answeredMs the end of chronyc
 */
export function readReport(
  fields: readonly string[],
  askedMs: number,
  answeredMs: number,
): ChronydReport {
  // In order: reference id, address, stratum, reference time, system time, last offset, RMS offset,
  // frequency, residual frequency, skew, root delay, root dispersion, update interval, leap status.
  const number = (index: number) => Number(fields[index]);
  const [lastOffsetSeconds, rootDelaySeconds, rootDispersionSeconds] = [
    number(5),
    number(10),
    number(11),
  ];
  const [residualFrequencyPpm, skewPpm] = [number(8), number(9)];
  const growthPpm = skewPpm + Math.abs(residualFrequencyPpm) + MAX_CLOCK_ERROR_PPM;
  return {
    referenceTimeSeconds: number(3),
    errorMs: (Math.abs(lastOffsetSeconds) + rootDispersionSeconds + rootDelaySeconds / 2) * 1_000,
    errorGrowthMsPerSecond: growthPpm / 1_000,
    askedMs,
    answeredMs,
  };
}

/** Compares each sample with a report of the same reference. Samples without such a report are skipped. */
export function compare(
  samples: readonly ErrorSample[],
  reports: readonly ChronydReport[],
  window: PollWindow,
): Comparison {
  let compared = 0;
  for (const sample of samples) {
    const report = reports.find(
      ({ referenceTimeSeconds }) =>
        Math.abs(referenceTimeSeconds - sample.referenceTimeSeconds) < SAME_REFERENCE_SECONDS,
    );
    if (report === undefined) {
      continue;
    }
    const { errorMs, errorGrowthMsPerSecond, askedMs, answeredMs } = report;
    const errorAfter = (elapsedMs: number) =>
      errorMs + (errorGrowthMsPerSecond * elapsedMs) / 1_000;
    const leastMs = errorAfter(sample.wallMs + window.fromMs - answeredMs) - ROUNDING_MS;
    const mostMs = errorAfter(sample.wallMs + window.toMs - askedMs) + ROUNDING_MS;
    const agrees = sample.errorMs >= leastMs && sample.errorMs <= mostMs;
    if (!agrees) {
      return { kind: "disagree", sample, leastMs, mostMs };
    }
    compared += 1;
  }
  return compared === 0 ? { kind: "nothing to compare" } : { kind: "agree", compared };
}
