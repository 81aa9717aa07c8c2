/** What a running agent says of the clock: {@link clockFacts}, read back from its /metrics. */
import { SYNC_STATES } from "../clock/sync-state.ts";
import { MODE_LABELS, STATE_LABELS } from "../metrics/sources.ts";
import {
  type ClockFacts,
  type SourceFacts,
  type SourceInUse,
  UNREACHABLE,
} from "../summary/clock-facts.ts";
import { labelsOf, type Samples, seriesValue } from "./exposition.ts";

export type AgentFacts = {
  readonly version: string;
  readonly clock: ClockFacts;
};

/** `undefined` when these are not the samples of an agent. */
export function agentFacts(samples: Samples): AgentFacts | undefined {
  const version = labelsOf(samples, "chrony_tracker_build_info")[0]?.["version"];
  const labels = labelsOf(samples, "chrony_sync_state")[0];
  const state = SYNC_STATES.find((candidate) => candidate === labels?.["state"]);
  if (version === undefined || state === undefined) {
    return undefined;
  }
  if (state === "unreachable") {
    return { version, clock: UNREACHABLE };
  }
  const tracking = (name: string) => seriesValue(samples, `chrony_tracking_${name}`);
  const referenceAgeSeconds = seriesValue(samples, "chrony_reference_age_seconds");
  const sources = sourcesOf(samples);
  return {
    version,
    clock: {
      state,
      errorMs: seriesValue(samples, "chrony_clock_error_ms"),
      boundMs: seriesValue(samples, "chrony_clock_error_bound_ms"),
      peakMs: seriesValue(samples, "chrony_clock_error_peak_ms"),
      referenceAgeSeconds,
      referenceTimeIsAhead:
        tracking("reference_timestamp_seconds") !== undefined && referenceAgeSeconds === undefined,
      staleAfterSeconds: undefined,
      stratum: tracking("stratum"),
      leapStatus: undefined,
      source: sourceInUse(samples, sources),
      upstreamIsLocal: upstreamIsLocal(samples),
      systemTimeOffsetSeconds: tracking("system_time_seconds"),
      lastOffsetSeconds: tracking("last_offset_seconds"),
      rootDelaySeconds: tracking("root_delay_seconds"),
      rootDispersionSeconds: tracking("root_dispersion_seconds"),
      frequencyPpm: tracking("frequency_ppms"),
      skewPpm: tracking("skew_ppms"),
      sources,
    },
  };
}

/** `undefined` where the agent gives no sources: it was not told to, or chronyd has none. */
function sourcesOf(samples: Samples): readonly SourceFacts[] | undefined {
  const sources = labelsOf(samples, "chrony_sources_state_info").flatMap((labels) => {
    const { source_address: address, source_name: name } = labels;
    const state = keyOf(STATE_LABELS, labels["source_state"]);
    const mode = keyOf(MODE_LABELS, labels["source_mode"]);
    if (address === undefined || name === undefined || !state || !mode) {
      return [];
    }
    const number = (metric: string) =>
      seriesValue(samples, `chrony_sources_${metric}`, {
        source_address: address,
        source_name: name,
      });
    const reachabilityRatio = number("reachability_ratio");
    return [
      {
        address,
        name,
        mode,
        state,
        stratum: number("stratum"),
        pollSeconds: number("polling_interval_seconds"),
        answeredOfLastEight:
          reachabilityRatio === undefined ? undefined : Math.round(8 * reachabilityRatio),
        lastSampleAgeSeconds: number("last_sample_age_seconds"),
        offsetSeconds: number("last_sample_offset_seconds"),
        offsetErrorSeconds: number("last_sample_error_margin_seconds"),
      },
    ];
  });
  return sources.length === 0 ? undefined : sources;
}

function sourceInUse(
  samples: Samples,
  sources: readonly SourceFacts[] | undefined,
): SourceInUse | undefined {
  const labels = labelsOf(samples, "chrony_tracking_info")[0];
  const { tracking_address: address, tracking_name: name } = labels ?? {};
  const followsAnother = seriesValue(samples, "chrony_tracking_remote_reference") === 1;
  const stratum = seriesValue(samples, "chrony_tracking_stratum");
  if (!address || !name || !followsAnother || stratum === 0) {
    return undefined;
  }
  return { address, name, details: sources?.find((source) => source.address === address) };
}

function upstreamIsLocal(samples: Samples): boolean | undefined {
  const value = seriesValue(samples, "chrony_upstream_local");
  return value === undefined ? undefined : value === 1;
}

function keyOf<Key extends string>(
  labels: Readonly<Record<Key, string>>,
  label: string | undefined,
): Key | undefined {
  return (Object.keys(labels) as Key[]).find((key) => labels[key] === label);
}
