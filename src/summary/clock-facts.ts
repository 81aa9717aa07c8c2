/**
 * The facts about a node's clock that the page, `status` and the demo show. `undefined` means not known
 * or withheld. It is shown as such, never as a number.
 */
import type { OfSource, OptionalReports } from "../chrony/optional-reports.ts";
import { sourceAt, sourceText } from "../chrony/source.ts";
import type { SourceData, SourceMode, SourceState } from "../chrony/source-data.ts";
import { followsItself, type Tracking } from "../chrony/tracking.ts";
import type { Assessment } from "../clock/assessment.ts";
import type { SyncState } from "../clock/sync-state.ts";
import type { UtcCheckFacts } from "./utc-check-facts.ts";

export type ClockFacts = {
  readonly state: SyncState;
  readonly errorMs: number | undefined;
  readonly boundMs: number | undefined;
  /** Known only to an agent, because it covers many polls. */
  readonly peakMs: number | undefined;
  /** Time since the last update from the source. */
  readonly referenceAgeSeconds: number | undefined;
  /** The last update is in the future by the wall clock: the clock has been set back since. */
  readonly referenceTimeIsAhead: boolean;
  /** The age beyond which the state is `stale`; `undefined` in states that age does not change. */
  readonly staleAfterSeconds: number | undefined;
  /** chronyd's TRACKING report, without the source. */
  readonly tracking: TrackingFacts | undefined;
  /** The source that the clock follows; `undefined` also when it follows none, or itself. */
  readonly source: SourceInUse | undefined;
  /** Whether that source reports that it follows its own clock; `undefined` when not known. */
  readonly upstreamIsLocal: boolean | undefined;
  /** In chronyd's order, without unresolved ones. */
  readonly sources: readonly SourceFacts[] | undefined;
  /** Only an agent checks; `undefined` when it does not (UTC_CHECK_SERVERS is not set). */
  readonly utcCheck: UtcCheckFacts | undefined;
};

export type TrackingFacts = Omit<Tracking, "referenceId" | "address">;

/** The source that the clock follows. */
export type SourceInUse = {
  readonly address: string;
  /** chronyd's name for it; its address if the sources are not known. */
  readonly name: string;
};

export type SourceFacts = {
  /** An address, or a reference clock's id. */
  readonly address: string;
  readonly name: string;
  readonly mode: SourceMode;
  readonly state: SourceState;
  /** The stratum of the source. 0 for a reference clock, and before the first measurement. */
  readonly stratum: number;
  readonly pollSeconds: number;
  /** How many of the last eight polls were answered. */
  readonly answeredOfLastEight: number;
  readonly lastSampleAgeSeconds: number | undefined;
  /** Adjusted for corrections since. Positive: the clock was ahead of the source. */
  readonly offsetSeconds: number | undefined;
  /** How wrong that offset may be, in either direction. */
  readonly offsetErrorSeconds: number | undefined;
};

/** The facts when chronyd does not answer: nothing else is known. */
export const UNREACHABLE: ClockFacts = {
  state: "unreachable",
  errorMs: undefined,
  boundMs: undefined,
  peakMs: undefined,
  referenceAgeSeconds: undefined,
  referenceTimeIsAhead: false,
  staleAfterSeconds: undefined,
  tracking: undefined,
  source: undefined,
  upstreamIsLocal: undefined,
  sources: undefined,
  utcCheck: undefined,
};

/**
 * The facts that an assessment of readings holds, with what chronyd said of its sources.
 * @param utcCheck what NTP servers say of the clock, where an agent asks some
 */
export function clockFacts(
  assessment: Assessment,
  optional: Pick<OptionalReports, "sources"> | undefined,
  utcCheck?: UtcCheckFacts,
): ClockFacts {
  const { state, tracking } = assessment;
  if (tracking === undefined) {
    return { ...UNREACHABLE, utcCheck };
  }
  const sources = optional?.sources?.ok ? optional.sources.value.map(sourceFacts) : undefined;
  const { referenceId, address, ...trackingFacts } = tracking;
  return {
    state,
    errorMs: assessment.clockErrorMs,
    boundMs: assessment.clockErrorBoundMs,
    peakMs: assessment.clockErrorPeakMs,
    referenceAgeSeconds: assessment.referenceAgeSeconds,
    referenceTimeIsAhead:
      tracking.referenceTimeSeconds !== undefined && assessment.referenceAgeSeconds === undefined,
    staleAfterSeconds: assessment.staleAfterSeconds,
    tracking: trackingFacts,
    source: sourceInUse(tracking, sources),
    upstreamIsLocal: assessment.upstreamIsLocal,
    sources,
    utcCheck,
  };
}

function sourceFacts({ address, name, content }: OfSource<SourceData>): SourceFacts {
  const { latestMeasurement } = content;
  return {
    address,
    name,
    mode: content.mode,
    state: content.state,
    stratum: content.stratum,
    pollSeconds: 2 ** content.pollLog2Seconds,
    answeredOfLastEight: setBits(content.reachability),
    lastSampleAgeSeconds: latestMeasurement?.ageSeconds,
    offsetSeconds: latestMeasurement?.offsetSeconds,
    offsetErrorSeconds: latestMeasurement?.errorSeconds,
  };
}

function sourceInUse(
  tracking: Tracking,
  sources: readonly SourceFacts[] | undefined,
): SourceInUse | undefined {
  const { address, referenceId, stratum } = tracking;
  if (stratum === 0 || referenceId === 0 || followsItself(tracking)) {
    return undefined;
  }
  const text = sourceText(sourceAt(address, referenceId));
  // If several reference clocks have the same id, the selected one is followed.
  const details =
    sources?.find(
      (source) => source.state === "selected" && source.address.startsWith(`${text}#`),
    ) ?? sources?.find((source) => source.address === text);
  return { address: details?.address ?? text, name: details?.name ?? text };
}

/** The followed one in chronyd's list of sources; `undefined` when it is not in the list. */
export function followedSource({
  source,
  sources,
}: Pick<ClockFacts, "source" | "sources">): SourceFacts | undefined {
  return sources?.find(({ address }) => address === source?.address);
}

function setBits(register: number): number {
  return register.toString(2).replaceAll("0", "").length;
}
