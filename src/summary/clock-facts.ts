/**
 * What the page, `status` and the demo show of a node's clock, whoever asked chronyd. What is
 * `undefined` is not known, or withheld: it is shown as such, and never as a number.
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
  /** Takes readings over a while: only an agent knows it. */
  readonly peakMs: number | undefined;
  /** Since chronyd last took its source's time. */
  readonly referenceAgeSeconds: number | undefined;
  /** chronyd's last update is later than now by the wall clock: somebody set the clock back since. */
  readonly referenceTimeIsAhead: boolean;
  /** The age beyond which the state is `stale`; `undefined` in states that no age leads to it from. */
  readonly staleAfterSeconds: number | undefined;
  /** chronyd's own report, without whom the clock follows. */
  readonly tracking: TrackingFacts | undefined;
  /** The source that the clock follows; `undefined` also when it follows none, or itself. */
  readonly source: SourceInUse | undefined;
  /** Whether that source says of itself that it follows its own clock; `undefined` when that is not known. */
  readonly upstreamIsLocal: boolean | undefined;
  /** In chronyd's order, unresolved ones left out. */
  readonly sources: readonly SourceFacts[] | undefined;
  /** Only an agent checks; `undefined` when it does not (UTC_CHECK_SERVERS is not set). */
  readonly utcCheck: UtcCheckFacts | undefined;
};

export type TrackingFacts = Omit<Tracking, "referenceId" | "address">;

/** Whom the clock follows. */
export type SourceInUse = {
  readonly address: string;
  /** What chronyd calls it; the address where the sources are not known. */
  readonly name: string;
};

export type SourceFacts = {
  /** An address, or a reference clock's id. */
  readonly address: string;
  readonly name: string;
  readonly mode: SourceMode;
  readonly state: SourceState;
  /** Its own. 0 for a reference clock, and before the first measurement. */
  readonly stratum: number;
  readonly pollSeconds: number;
  /** How many of the last eight polls were answered. */
  readonly answeredOfLastEight: number;
  readonly lastSampleAgeSeconds: number | undefined;
  /** Positive: the clock was ahead of the source, with what was corrected since. */
  readonly offsetSeconds: number | undefined;
  /** What that offset may be wrong by, either way. */
  readonly offsetErrorSeconds: number | undefined;
};

/** Nothing is known but that chronyd does not answer. */
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
  // Of several reference clocks with one id, the selected one is followed.
  const details =
    sources?.find(
      (source) => source.state === "selected" && source.address.startsWith(`${text}#`),
    ) ?? sources?.find((source) => source.address === text);
  return { address: details?.address ?? text, name: details?.name ?? text };
}

/** The source that the clock follows, as one of chronyd's; `undefined` where it is not among them. */
export function followedSource({
  source,
  sources,
}: Pick<ClockFacts, "source" | "sources">): SourceFacts | undefined {
  return sources?.find(({ address }) => address === source?.address);
}

function setBits(register: number): number {
  return register.toString(2).replaceAll("0", "").length;
}
