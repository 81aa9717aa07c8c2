/**
 * The facts about a clock as JSON. The agent serves them at `/status`; `status` reads them there and
 * prints them with `--json`. Keys end in the unit, and are the names of the metrics where a metric
 * exists. Every key is always present; a value that is not known or withheld is null.
 */
import { MOST_SOURCES } from "../chrony/optional-reports.ts";
import type { SourceMode, SourceState } from "../chrony/source-data.ts";
import { LEAP_STATUSES } from "../chrony/tracking.ts";
import { SYNC_STATES } from "../clock/sync-state.ts";
import {
  BOOLEAN,
  listOf,
  NON_NEGATIVE,
  NUMBER,
  type ObjectShape,
  object,
  oneOf,
  orNull,
  type Shape,
  TEXT,
} from "../json-shape.ts";
import { MOST_UTC_CHECK_SERVERS } from "../settings.ts";
import type { ClockFacts, SourceFacts, TrackingFacts } from "./clock-facts.ts";
import { MODE_WORDS, USE_WORDS } from "./source-words.ts";
import type { UtcCheckFacts, UtcServerFacts } from "./utc-check-facts.ts";

const TRACKING: Shape<TrackingFacts> = object({
  stratum: ["stratum", NON_NEGATIVE],
  leapStatus: ["leap_status", oneOf(LEAP_STATUSES)],
  referenceTimeSeconds: ["reference_time_seconds", orNull(NUMBER)],
  systemTimeOffsetSeconds: ["system_time_offset_seconds", NUMBER],
  lastOffsetSeconds: ["last_offset_seconds", NUMBER],
  rmsOffsetSeconds: ["rms_offset_seconds", NUMBER],
  frequencyPpm: ["frequency_ppm", NUMBER],
  residualFrequencyPpm: ["residual_frequency_ppm", NUMBER],
  skewPpm: ["skew_ppm", NUMBER],
  rootDelaySeconds: ["root_delay_seconds", NON_NEGATIVE],
  rootDispersionSeconds: ["root_dispersion_seconds", NON_NEGATIVE],
  updateIntervalSeconds: ["update_interval_seconds", NON_NEGATIVE],
});

const SOURCE: Shape<SourceFacts> = object({
  address: ["address", TEXT],
  name: ["name", TEXT],
  mode: ["mode", oneOf(Object.keys(MODE_WORDS) as SourceMode[])],
  state: ["state", oneOf(Object.keys(USE_WORDS) as SourceState[])],
  stratum: ["stratum", NON_NEGATIVE],
  pollSeconds: ["poll_seconds", NON_NEGATIVE],
  answeredOfLastEight: ["answered_of_last_eight", oneOf([0, 1, 2, 3, 4, 5, 6, 7, 8])],
  lastSampleAgeSeconds: ["last_sample_age_seconds", orNull(NUMBER)],
  offsetSeconds: ["offset_seconds", orNull(NUMBER)],
  offsetErrorSeconds: ["offset_error_seconds", orNull(NON_NEGATIVE)],
});

const UTC_SERVER: Shape<UtcServerFacts> = object({
  server: ["server", TEXT],
  offsetSeconds: ["offset_seconds", orNull(NUMBER)],
  marginSeconds: ["margin_seconds", orNull(NON_NEGATIVE)],
  problem: ["problem", orNull(TEXT)],
});

const UTC_CHECK: Shape<UtcCheckFacts> = object({
  ageSeconds: ["age_seconds", orNull(NON_NEGATIVE)],
  contradiction: ["contradiction", orNull(BOOLEAN)],
  servers: ["servers", listOf(UTC_SERVER, MOST_UTC_CHECK_SERVERS)],
});

/** One source beyond the limit is allowed, because the followed one is never left out. */
export const CLOCK: ObjectShape<ClockFacts> = object({
  state: ["state", oneOf(SYNC_STATES)],
  errorMs: ["clock_error_ms", orNull(NON_NEGATIVE)],
  boundMs: ["clock_error_bound_ms", orNull(NON_NEGATIVE)],
  peakMs: ["clock_error_peak_ms", orNull(NON_NEGATIVE)],
  referenceAgeSeconds: ["reference_age_seconds", orNull(NUMBER)],
  referenceTimeIsAhead: ["reference_time_is_ahead", BOOLEAN],
  staleAfterSeconds: ["stale_after_seconds", orNull(NON_NEGATIVE)],
  tracking: ["tracking", orNull(TRACKING)],
  source: ["source", orNull(object({ address: ["address", TEXT], name: ["name", TEXT] }))],
  upstreamIsLocal: ["upstream_local", orNull(BOOLEAN)],
  sources: ["sources", orNull(listOf(SOURCE, MOST_SOURCES + 1))],
  utcCheck: ["utc_check", orNull(UTC_CHECK)],
});
