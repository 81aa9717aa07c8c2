/**
 * Whether the source that the clock follows is gone, by its own polls. chronyd's update interval does
 * not say it: that is the last gap, short after a burst and long after an outage.
 */
import { sourceText } from "../chrony/source.ts";
import type { SourceData } from "../chrony/source-data.ts";

/** The followed source's report, and what is kept of those before it. */
export type SourceWatch = {
  readonly report: SourceData;
  /** Its longest polling interval since its newest sample came. */
  readonly pollSeconds: number;
  /** The greatest age of its newest sample while it was reached. */
  readonly reachedAgeSeconds: number;
  /** The greatest age at which a sample was replaced, while it was reached; `undefined` before one was. */
  readonly longestAgeSeconds: number | undefined;
};

/** How many polls without an answer make the reachability 0, and without a good sample a source stale. */
const POLLS_UNTIL_STALE = 8;

/** Without an answer in eight polls, an older sample than this many polls is not a moment offline. */
const POLLS_OFFLINE = 2;

/** As many are taken together by `filter`, at the most, as long as no sample was seen to be replaced. */
const POLLS_OF_FILTER = 64;

/** What is known of the followed source after a report; nothing of another source. */
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
 * The age of its newest sample, in seconds, beyond which the followed source counts as gone.
 * @param floorSeconds it is never less
 */
export function staleAfterSeconds(
  { report, pollSeconds, longestAgeSeconds }: SourceWatch,
  floorSeconds: number,
): number {
  if (report.reachability === 0) {
    return Math.max(POLLS_OFFLINE * pollSeconds, floorSeconds);
  }
  // A source that answers and gives no sample is filtered (`filter` takes one of many), or not good enough.
  const filteredSeconds =
    longestAgeSeconds === undefined ? POLLS_OF_FILTER * pollSeconds : 2 * longestAgeSeconds;
  return Math.max(POLLS_UNTIL_STALE * pollSeconds, filteredSeconds, floorSeconds);
}

/** chronyd reports whole seconds, and a sample may be taken a moment before its time. */
const LEAST_AGE_SECONDS = -2;

/** Whether its newest sample lies in the future: somebody set the clock back since. */
export function clockWasSetBack({ report: { latestMeasurement } }: SourceWatch): boolean {
  return latestMeasurement !== undefined && latestMeasurement.ageSeconds < LEAST_AGE_SECONDS;
}
