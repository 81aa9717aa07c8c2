/**
 * Detects that the followed source is gone, by its own polls. chronyd's update interval is no measure
 * for this: it is only the last gap, which is short after a burst and long after an outage.
 */
import { sourceText } from "../chrony/source.ts";
import type { SourceData } from "../chrony/source-data.ts";

/** The newest report of the followed source, and what is kept from earlier ones. */
export type SourceWatch = {
  readonly report: SourceData;
  /** Its longest polling interval since its newest sample came. */
  readonly pollSeconds: number;
  /** The greatest age of its newest sample while it was reachable. */
  readonly reachedAgeSeconds: number;
  /** The greatest age at which a sample was replaced while the source was reachable; `undefined` before that. */
  readonly longestAgeSeconds: number | undefined;
};

/** Polls without a good sample until a source is stale. Eight without an answer set the reachability to 0. */
const POLLS_UNTIL_STALE = 8;

/** At reachability 0, the age of a sample in polls beyond which the source is stale and not just briefly offline. */
const POLLS_OFFLINE = 2;

/** The most polls that `filter` combines into a sample. Assumed until a sample was replaced. */
const POLLS_OF_FILTER = 64;

/** The watch after a report. It starts again when the clock follows another source. */
export function watchSource(before: SourceWatch | undefined, report: SourceData): SourceWatch {
  const pollSeconds = 2 ** report.pollLog2Seconds;
  const ageSeconds = report.latestMeasurement?.ageSeconds ?? 0;
  const reachedAgeSeconds = report.reachability === 0 ? 0 : ageSeconds;
  if (before === undefined || sourceText(before.report.source) !== sourceText(report.source)) {
    return { report, pollSeconds, reachedAgeSeconds, longestAgeSeconds: undefined };
  }
  if (isNewSample(before.report, report)) {
    const longestAgeSeconds = Math.max(before.longestAgeSeconds ?? 0, before.reachedAgeSeconds);
    return { report, pollSeconds, reachedAgeSeconds, longestAgeSeconds };
  }
  return {
    report,
    pollSeconds: Math.max(pollSeconds, before.pollSeconds),
    reachedAgeSeconds: Math.max(reachedAgeSeconds, before.reachedAgeSeconds),
    longestAgeSeconds: before.longestAgeSeconds,
  };
}

function isNewSample(
  { latestMeasurement: before }: SourceData,
  { latestMeasurement: after }: SourceData,
): boolean {
  return (
    before !== undefined &&
    after !== undefined &&
    (after.ageSeconds < before.ageSeconds ||
      after.originalOffsetSeconds !== before.originalOffsetSeconds)
  );
}

/**
 * The age of the newest sample, in seconds, beyond which the followed source is stale.
 * @param floorSeconds the lower limit
 */
export function staleAfterSeconds(
  { report, pollSeconds, longestAgeSeconds }: SourceWatch,
  floorSeconds: number,
): number {
  if (report.reachability === 0) {
    return Math.max(POLLS_OFFLINE * pollSeconds, floorSeconds);
  }
  // A source that answers without a new sample is filtered (`filter` makes one of many), or not good enough.
  const filteredSeconds =
    longestAgeSeconds === undefined ? POLLS_OF_FILTER * pollSeconds : 2 * longestAgeSeconds;
  return Math.max(POLLS_UNTIL_STALE * pollSeconds, filteredSeconds, floorSeconds);
}

/** Slightly negative ages are normal, because chronyd reports whole seconds and may timestamp a sample early. */
const LEAST_AGE_SECONDS = -2;

/** Whether the newest sample is in the future: the clock has been set back since. */
export function clockWasSetBack({ report: { latestMeasurement } }: SourceWatch): boolean {
  return latestMeasurement !== undefined && latestMeasurement.ageSeconds < LEAST_AGE_SECONDS;
}
