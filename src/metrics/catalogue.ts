/** The catalogue of all metrics. */
import { ACTIVITY_METRICS } from "./activity.ts";
import { AGENT_METRICS } from "./agent.ts";
import { CLOCK_METRICS } from "./clock.ts";
import type { Metric } from "./metric.ts";
import { NTP_DATA_METRICS } from "./ntp-data.ts";
import { SERVER_STATISTICS_METRICS } from "./server-statistics.ts";
import { SOURCE_STATISTICS_METRICS } from "./source-statistics.ts";
import { SOURCE_METRICS } from "./sources.ts";
import { TRACKING_METRICS } from "./tracking.ts";
import { UTC_CHECK_METRICS } from "./utc-check.ts";

/** The groups that CHRONY_METRICS can select, by their names there. */
const CHOSEN = {
  tracking: TRACKING_METRICS,
  sources: SOURCE_METRICS,
  sourcestats: SOURCE_STATISTICS_METRICS,
  ntpdata: NTP_DATA_METRICS,
  serverstats: SERVER_STATISTICS_METRICS,
  activity: ACTIVITY_METRICS,
} satisfies Record<string, readonly Metric[]>;

/** An optional group of metrics. */
export type MetricGroup = keyof typeof CHOSEN;

/** All metrics, including those that are not selected. */
export const METRICS: readonly Metric[] = [
  ...CLOCK_METRICS,
  ...UTC_CHECK_METRICS,
  ...Object.values(CHOSEN).flat(),
  ...AGENT_METRICS,
];

/** The metrics of an agent with these groups. The clock's and the agent's own are always included. */
export function catalogueOf(groups: readonly MetricGroup[]): readonly Metric[] {
  return [
    ...CLOCK_METRICS,
    ...UTC_CHECK_METRICS,
    ...groups.flatMap((group) => CHOSEN[group]),
    ...AGENT_METRICS,
  ];
}

/**
 * The series that the shipped collector adds to a push: its own clock minus the node's, from the header
 * with the time of sending (otel-collector/common.yaml).
 */
export const COLLECTOR_OFFSET = {
  name: "chrony_collector_offset_seconds",
  help: "The collector's clock minus the node's when a push arrives, in seconds.",
};
