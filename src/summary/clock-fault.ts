/** Describes a fault of the clock for the log. */
import { sourceText } from "../chrony/source.ts";
import type { Assessment } from "../clock/assessment.ts";

/**
 * What is wrong with the clock, as a sentence; `undefined` when nothing is, or when chronyd does not answer.
 * @param otherSource the name of another source that answers, if there is one
 */
export function describeClockFault(
  assessment: Assessment,
  otherSource: string | undefined,
): string | undefined {
  switch (assessment.state) {
    case "synchronised":
    case "unreachable":
      return undefined;
    case "stale":
      return describeStaleSource(assessment, otherSource);
    case "stepped":
      return assessment.unseenStepMs === 0
        ? "The wall clock was set back before the agent started, and chronyd has made no update since: its offset is from before that (see: chronyc tracking)."
        : `The wall clock was stepped by ${seconds(assessment.unseenStepMs)} and chronyd has made no update since: its offset is from before the step (see: chronyc tracking).`;
    case "local":
      return "chronyd follows its own clock (local directive): the error of the clock is not known.";
    case "unsynchronised":
      return assessment.leapSecondPasses
        ? "A leap second passes: chronyd is not synchronised for about 2 s around it."
        : "chronyd is not synchronised: it has no time source to follow (see: chronyc sources).";
  }
}

function describeStaleSource(
  { followed, referenceAgeSeconds }: Assessment,
  otherSource: string | undefined,
): string {
  const ageSeconds = followed?.latestMeasurement?.ageSeconds ?? referenceAgeSeconds ?? 0;
  const source =
    followed === undefined
      ? "chronyd's time source"
      : `The time source ${sourceText(followed.source)}, polled every ${2 ** followed.pollLog2Seconds} s,`;
  const until =
    otherSource === undefined
      ? ""
      : ` until chronyd switches to ${otherSource}, about 64 polls after the last answer`;
  return `${source} has given no sample for ${Math.round(ageSeconds)} s: the clock runs free, and its error grows${until} (see: chronyc sources).`;
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(3)} s`;
}
