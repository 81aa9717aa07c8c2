/**
 * The report as one object for other programs. Units are in the names, which are the metrics' where
 * there is one. Every key is always there; what is not known, or means nothing in this state, is
 * null. A key is never renamed or taken away without a new `format`.
 */
import { STATUS_EXIT } from "../exit-codes.ts";
import type { SourceFacts } from "../summary/clock-facts.ts";
import { conclusion } from "../summary/state-words.ts";
import type { StatusReport } from "./report.ts";

const FORMAT = 1;

export function jsonView(report: StatusReport): Readonly<Record<string, unknown>> {
  const { clock, judgement, thresholds, agent } = report;
  return {
    format: FORMAT,
    node: report.node,
    time: new Date(report.wallMs).toISOString(),
    verdict: judgement.verdict,
    exit_code: STATUS_EXIT[judgement.verdict],
    state: clock.state,
    conclusion: conclusion(clock),
    reason: judgement.reason ?? null,
    problems: report.problems,
    said_by: report.saidBy,
    chrony_address: report.chronyAddress,
    clock_error_ms: clock.errorMs ?? null,
    clock_error_bound_ms: clock.boundMs ?? null,
    clock_error_peak_ms: clock.peakMs ?? null,
    warning_ms: thresholds.warningMs,
    critical_ms: thresholds.criticalMs,
    reference_age_seconds: clock.referenceAgeSeconds ?? null,
    stale_after_seconds: clock.staleAfterSeconds ?? null,
    stratum: clock.stratum ?? null,
    leap_status: clock.leapStatus ?? null,
    system_time_offset_seconds: clock.systemTimeOffsetSeconds ?? null,
    last_offset_seconds: clock.lastOffsetSeconds ?? null,
    root_delay_seconds: clock.rootDelaySeconds ?? null,
    root_dispersion_seconds: clock.rootDispersionSeconds ?? null,
    frequency_ppm: clock.frequencyPpm ?? null,
    skew_ppm: clock.skewPpm ?? null,
    source:
      clock.source === undefined
        ? null
        : { address: clock.source.address, name: clock.source.name },
    upstream_local: clock.upstreamIsLocal ?? null,
    sources: clock.sources?.map(sourceObject) ?? null,
    agent:
      agent.facts === undefined
        ? null
        : { url: agent.url, version: agent.facts.version, state: agent.facts.clock.state },
  };
}

function sourceObject(source: SourceFacts): Readonly<Record<string, unknown>> {
  return {
    address: source.address,
    name: source.name,
    mode: source.mode,
    state: source.state,
    stratum: source.stratum ?? null,
    poll_seconds: source.pollSeconds ?? null,
    answered_of_last_eight: source.answeredOfLastEight ?? null,
    last_sample_age_seconds: source.lastSampleAgeSeconds ?? null,
    offset_seconds: source.offsetSeconds ?? null,
    offset_error_seconds: source.offsetErrorSeconds ?? null,
  };
}
