/**
 * The alerts, written once. `npm run alerts` derives from them what each place wants.
 *
 * An expression gives a series for each node or cluster in trouble, and none else. It follows these
 * rules:
 * - One series a node, however the node reports: by push, by pull or by both. So nothing selects or
 *   groups by `job`.
 * - A gap of up to five minutes (a rollout, a restart) neither fires nor ends an alert.
 * - Every selector names its metric: Azure's managed Prometheus wants it.
 * - No `$`, which Grafana's provisioning would take for an environment variable.
 * - How wrong a clock can be is judged by the peak, the largest of error and bound: the error alone can
 *   be thousandths of a millisecond while hundreds are being slewed away.
 * - Names begin with Clock, Chronyd, TimeSource or ChronyTracker, so that none is another product's.
 */
import { THRESHOLDS } from "./thresholds.ts";

/** How urgent: someone is woken, someone looks today, someone may want to know. */
export type Severity = "critical" | "warning" | "info";

/** What an alert speaks of, and so the labels of its series. */
export type Subject = "node" | "cluster";

/** One alert. */
export type Alert = {
  readonly name: string;
  readonly subject: Subject;
  readonly severity: Severity;
  /** PromQL. */
  readonly expression: string;
  /** How long the expression must hold, as Prometheus writes durations; at once when left out. */
  readonly for?: string;
  /** What is wrong, without its subject: "its clock can be wrong by too much". */
  readonly summary: string;
  /** What the value of the expression is, after "Value: ". */
  readonly value: string;
};

/** Alerts that are evaluated together. */
export type AlertGroup = {
  readonly name: string;
  readonly alerts: readonly Alert[];
};

const NODE = "cluster, k8s_node_name";

/** The largest value of each node, so that push and pull give one series. */
const ofNode = (expression: string) => `max by (${NODE}) (${expression})`;

/** A gauge as it was last seen, across the gap that a restarted agent leaves. */
const lastSeen = (selector: string) => ofNode(`last_over_time(${selector}[5m])`);

/** The nodes that report. */
const REPORTING = lastSeen("chrony_up");
const REPORTING_COUNT = `count by (cluster) (${REPORTING})`;

/** Nodes that were in a state for most of the last five minutes, however often it came and went. */
const mostlyInState = (state: string) =>
  `${ofNode(`avg_over_time(chrony_sync_state{state="${state}"}[5m])`)} > 0.5`;

const SOURCE = `${NODE}, source_address, source_name`;

/** A metric of those sources that chronyd calls so. */
const ofSources = (metric: string, states: string) =>
  ofNode(`${metric} and on (${SOURCE}) chrony_sources_state_info{source_state=~"${states}"}`);

/**
 * Nodes whose source fell silent while another one answers. chronyd keeps the first for about 64 of
 * its polls and takes the other then (seen with chrony 4.3): until then, nobody need do anything.
 */
const FAILS_OVER = `(
  ${ofSources("chrony_sources_reachability_ratio", "candidate|outlier")} > 0
  and on (${NODE}) ${ofNode("chrony_reference_age_seconds")}
    < ${THRESHOLDS.failoverPolls} * ${ofSources("chrony_sources_polling_interval_seconds", "sync")}
)`;

const SOURCE_GONE = `(
  ${mostlyInState("stale")}
  unless on (${NODE}) ${FAILS_OVER}
)`;

const ERROR_TOO_LARGE = `${lastSeen("chrony_clock_error_peak_ms")} > ${THRESHOLDS.errorWarningMs}`;
const MOSTLY_NOT_SYNCHRONISED = `${ofNode('avg_over_time(chrony_sync_state{state="synchronised"}[5m])')} < 0.5`;
const NOT_SYNCHRONISED = `(
  ${MOSTLY_NOT_SYNCHRONISED}
  unless on (${NODE}) (${mostlyInState("stale")} and on (${NODE}) ${FAILS_OVER})
)`;

/** Clusters in which so many of the nodes are among the bad ones that it is not the nodes. Gives their share. */
const manyOf = (bad: string, all: string) => `
count by (cluster) (${bad})
  / count by (cluster) (${all})
  > ${THRESHOLDS.manyNodesShare}
and count by (cluster) (${bad}) >= ${THRESHOLDS.manyNodesCount}`;

const COLLECTOR_OFFSET = ofNode("abs(chrony_collector_offset_seconds)");
const FAR_FROM_COLLECTOR = `${COLLECTOR_OFFSET} > ${THRESHOLDS.collectorOffsetSeconds}`;
const MANY_FAR_FROM_COLLECTOR = manyOf(FAR_FROM_COLLECTOR, COLLECTOR_OFFSET);

/** kube-state-metrics calls a node `node`; here it is called as in the agents' series. */
const withNodeName = (selector: string) => `label_join(${selector}, "k8s_node_name", "", "node")`;

/** Nodes that no agent runs on: Windows, and virtual nodes, which have no clock of their own. */
const HAS_AGENT =
  'os_image!~"Windows.*",kubelet_version!~".*-vk-.*",node!~"virtual-?(node|kubelet).*"';

/** The lowest number of reporting nodes in the hours before a node that is now silent fell silent. */
const USUAL_COUNT = `min_over_time(${REPORTING_COUNT}[${THRESHOLDS.usualNodeCountOver}:5m] offset ${THRESHOLDS.silentNodeRemembered})`;

/** The reference id `PHC0`, as chrony_exporter writes reference ids. */
const PHC0 = "50484330";
const FOLLOWS_PHC0 = ofNode(`chrony_tracking_info{tracking_refid="${PHC0}"}`);
const AZURE_LINUX = withNodeName('kube_node_info{os_image=~".*(Azure Linux|Mariner).*"}');

const CLOCKS: readonly Alert[] = [
  {
    name: "ClockErrorHigh",
    subject: "node",
    severity: "warning",
    expression: ERROR_TOO_LARGE,
    for: THRESHOLDS.errorWarningFor,
    summary: `the clock can be wrong by more than ${THRESHOLDS.errorWarningMs} ms`,
    value: "the largest of error and bound in the last minute, in milliseconds",
  },
  {
    name: "ClockErrorCritical",
    subject: "node",
    severity: "critical",
    expression: `${lastSeen("chrony_clock_error_peak_ms")} > ${THRESHOLDS.errorCriticalMs}`,
    for: THRESHOLDS.errorCriticalFor,
    summary: `the clock can be wrong by more than ${THRESHOLDS.errorCriticalMs} ms`,
    value: "the largest of error and bound in the last minute, in milliseconds",
  },
  {
    name: "ClockErrorGrowing",
    subject: "node",
    severity: "warning",
    // Growth in both half hours is no jump to another level. Between two updates the error of every
    // clock grows: that is no news while a source is polled every few hours. So either the updates
    // come (within 20 minutes: longer than 1024 s, the longest interval that chronyd uses by default),
    // and the error grows all the same, or the state says that the source is gone.
    expression: `
${ofNode("min_over_time(chrony_clock_error_peak_ms[20m])")} > ${THRESHOLDS.errorGrowthFloorMs}
and ${ofNode("min_over_time(chrony_clock_error_peak_ms[20m]) - max_over_time(chrony_clock_error_peak_ms[20m] offset 30m)")} > ${THRESHOLDS.errorGrowthMs}
and ${ofNode("min_over_time(chrony_clock_error_peak_ms[20m] offset 30m) - max_over_time(chrony_clock_error_peak_ms[20m] offset 1h)")} > ${THRESHOLDS.errorGrowthMs}
and on (${NODE}) (
  ${ofNode("chrony_reference_age_seconds")} < 1200
  or ${ofNode('chrony_sync_state{state="stale"}')} == 1
)`,
    for: "5m",
    summary: "what the clock can be wrong by has grown for more than an hour",
    value: "the smallest peak of the last 20 minutes, in milliseconds",
  },
  {
    name: "ClockNotSynchronised",
    subject: "node",
    severity: "warning",
    expression: mostlyInState("unsynchronised"),
    for: THRESHOLDS.notSynchronisedFor,
    summary: "chronyd has no time to go by",
    value: "the share of the last five minutes",
  },
  {
    name: "ClockLocal",
    subject: "node",
    severity: "warning",
    expression: mostlyInState("local"),
    for: THRESHOLDS.localFor,
    summary: "chronyd follows itself, and how wrong the clock is is not known",
    value: "the share of the last five minutes",
  },
  {
    name: "TimeSourceStale",
    subject: "node",
    severity: "warning",
    expression: SOURCE_GONE,
    for: THRESHOLDS.staleFor,
    summary: "the time source is gone, and the error of the clock grows",
    value: "the share of the last five minutes",
  },
  {
    name: "TimeSourceRunsFree",
    subject: "node",
    severity: "warning",
    // The source says so itself, or the stratum does: `local` and `orphan` serve at stratum 10 by
    // default, and no chain of real servers is that long.
    expression: `
${ofNode("avg_over_time(chrony_upstream_local[5m])")} > 0.5
or
${ofNode("chrony_tracking_stratum")} >= 11 < 16
  and on (${NODE}) ${ofNode('chrony_sync_state{state=~"synchronised|stale|stepped"}')} == 1`,
    for: THRESHOLDS.sourceRunsFreeFor,
    summary: "the time source follows nothing but its own clock",
    value: "1, or the stratum",
  },
  {
    name: "ChronydUnreachable",
    subject: "node",
    severity: "warning",
    expression: mostlyInState("unreachable"),
    for: THRESHOLDS.unreachableFor,
    summary: "chronyd does not answer, and how wrong the clock is is not known",
    value: "the share of the last five minutes",
  },
  {
    name: "ClockStepped",
    subject: "node",
    severity: "warning",
    expression: `${ofNode(`increase(chrony_clock_steps_total[${THRESHOLDS.stepToldFor}])`)} > 0`,
    summary: "the clock was stepped: time was skipped, or came twice",
    value: `steps in the last ${THRESHOLDS.stepToldFor}, about`,
  },
  {
    name: "ClockErrorMissing",
    subject: "node",
    severity: "warning",
    expression: `
${ofNode('chrony_sync_state{state=~"synchronised|stale|unsynchronised"}')} == 1
unless on (${NODE}) (
  ${lastSeen("chrony_clock_error_ms")}
  and ${lastSeen("chrony_clock_error_bound_ms")}
  and ${lastSeen("chrony_clock_error_peak_ms")}
)`,
    for: "10m",
    summary: "the node reports, but the error of its clock does not arrive",
    value: "always 1",
  },
];

const CLUSTER: readonly Alert[] = [
  {
    name: "ClocksOffInCluster",
    subject: "cluster",
    severity: "critical",
    expression: manyOf(`${ERROR_TOO_LARGE} or ${NOT_SYNCHRONISED}`, REPORTING),
    for: THRESHOLDS.manyNodesFor,
    summary: "many clocks are too wrong or not synchronised: look at the time source first",
    value: "the share of the nodes",
  },
  {
    name: "ChronyTrackerCollectorClockOff",
    subject: "cluster",
    severity: "critical",
    expression: MANY_FAR_FROM_COLLECTOR,
    for: THRESHOLDS.collectorOffsetFor,
    summary: `many clocks are more than ${THRESHOLDS.collectorOffsetSeconds} s from the collector's: look at the collector's node first`,
    value: "the share of the nodes",
  },
  {
    name: "ClockFarFromCollector",
    subject: "node",
    severity: "warning",
    expression: `${FAR_FROM_COLLECTOR} unless on (cluster) (${MANY_FAR_FROM_COLLECTOR}\n)`,
    for: THRESHOLDS.collectorOffsetFor,
    summary: `the clock is more than ${THRESHOLDS.collectorOffsetSeconds} s from the collector's, whatever chronyd says`,
    value: "the distance in seconds, network delay included",
  },
];

const PIPELINE: readonly Alert[] = [
  {
    name: "ChronyTrackerNodeNotReporting",
    subject: "node",
    severity: "warning",
    // A Prometheus of one's own often has no label `cluster` on what it scrapes itself.
    expression: `
(
  ${ofNode(withNodeName(`kube_node_info{cluster!="",${HAS_AGENT}}`))}
  unless on (${NODE}) ${REPORTING}
  or
  ${ofNode(withNodeName(`kube_node_info{cluster="",${HAS_AGENT}}`))}
  unless on (k8s_node_name) ${REPORTING}
)
unless on (${NODE})
  ${ofNode(withNodeName('kube_node_spec_taint{key="node.cloudprovider.kubernetes.io/shutdown"}'))}`,
    for: THRESHOLDS.silentFor,
    summary: "the node exists, but nothing is known of its clock",
    value: "always 1",
  },
  {
    name: "ChronyTrackerNodeStoppedReporting",
    subject: "node",
    severity: "warning",
    // Only where nobody knows which nodes there are. During an upgrade nodes go and others come: a
    // node counts as lost only while fewer report than at any time in the hours before.
    expression: `
(
  ${ofNode(`last_over_time(chrony_up[${THRESHOLDS.silentNodeRemembered}])`)}
  unless on (${NODE}) ${REPORTING}
)
and on (cluster) (${REPORTING_COUNT} < ${USUAL_COUNT})
unless on (cluster) count by (cluster) (kube_node_info)
unless on () count(kube_node_info{cluster=""})`,
    for: THRESHOLDS.silentFor,
    summary: "the node reported until a short while ago, and does no more",
    value: "chrony_up when it was last seen",
  },
  {
    name: "ChronyTrackerManyNotReporting",
    subject: "cluster",
    severity: "critical",
    expression: `
(
  ${REPORTING_COUNT}
  or on (cluster) 0 * count by (cluster) (last_over_time(chrony_up[${THRESHOLDS.usualNodeCountOver}]))
)
  < ${round(1 - THRESHOLDS.manyNodesShare)} * ${USUAL_COUNT}
unless on (cluster) (
  ${REPORTING_COUNT}
  >= ${round(1 - THRESHOLDS.manyNodesShare)} * count by (cluster) (${ofNode(withNodeName(`kube_node_info{${HAS_AGENT}}`))})
)`,
    for: "10m",
    summary: "many nodes, or all, stopped reporting at once: look at the collector first",
    value: "the number of nodes that report",
  },
  {
    name: "ChronyTrackerPushesFailing",
    subject: "node",
    severity: "warning",
    // Where every push fails, only pull shows it; by push that is silence, and ChronyTrackerNodeNotReporting.
    // The last five minutes keep an outage that is over from being told late.
    expression: `
${ofNode('increase(chrony_tracker_exports_total{result="failure"}[15m])')}
  / (
    ${ofNode('increase(chrony_tracker_exports_total{result="failure"}[15m])')}
    + ${ofNode('increase(chrony_tracker_exports_total{result="success"}[15m])')}
  )
  > ${THRESHOLDS.failedPushesShare}
and ${ofNode('increase(chrony_tracker_exports_total{result="failure"}[5m])')} > 0`,
    for: THRESHOLDS.failedPushesFor,
    summary: "pushes to the collector fail",
    value: "the share of the pushes that failed in the last 15 minutes",
  },
  {
    name: "ChronyTrackerBacklogDropped",
    subject: "cluster",
    severity: "info",
    expression: `count by (cluster) (${ofNode("increase(chrony_tracker_backlog_dropped_points_total[30m])")} > 0)`,
    summary: "an outage was longer than agents can bridge: there is a gap in the history",
    value: "the number of nodes with a gap",
  },
];

const COLLECTOR: readonly Alert[] = [
  {
    name: "ChronyTrackerPointsDropped",
    subject: "cluster",
    severity: "warning",
    expression: `sum by (cluster) (increase(otelcol_processor_filter_datapoints_filtered{filter=~"filter/(future|names|old)"}[${THRESHOLDS.droppedPointsToldFor}])) > 0`,
    summary: "the collector drops points that no agent should send",
    value: `points in the last ${THRESHOLDS.droppedPointsToldFor}, about`,
  },
  {
    name: "ChronyTrackerCollectorRestarts",
    subject: "cluster",
    severity: "warning",
    expression: `sum by (cluster) (resets(otelcol_process_uptime[30m])) >= ${THRESHOLDS.collectorRestarts}`,
    summary: "the collector restarts again and again",
    value: "restarts in the last 30 minutes",
  },
];

const AZURE: readonly Alert[] = [
  {
    name: "TimeSourceHostClockLost",
    subject: "node",
    severity: "warning",
    // A node that prefers NTP and has PHC0 in reserve is well. Lost is a PHC0 that answers no poll, or
    // one that was followed and is now neither followed nor in reserve.
    expression: `
(
  ${ofNode('chrony_sources_reachability_ratio{source_address="PHC0"}')} == 0
  or
  ${ofNode(`count_over_time(chrony_tracking_info{tracking_refid="${PHC0}"}[1d])`)} > 10
  unless on (${NODE}) chrony_sources_state_info{source_address="PHC0",source_state=~"sync|candidate|outlier"}
)
and on (${NODE}) ${ofNode('chrony_sync_state{state=~"synchronised|stale|stepped"}')} == 1
unless on (${NODE}) ${FOLLOWS_PHC0}`,
    for: THRESHOLDS.hostClockLostFor,
    summary: "the clock of the host (PHC0) is gone, and the node follows another source",
    value: "0 when PHC0 answers no poll, else how often it was seen to be followed in the last day",
  },
  {
    name: "TimeSourcePhcNotHost",
    subject: "node",
    severity: "warning",
    // The image of Ubuntu names /dev/ptp0, which is the network card's where that came first; Azure
    // Linux names /dev/ptp_hyperv, which is right where there is one. Elsewhere than on Azure a PHC0
    // is somebody's choice.
    expression: `
${FOLLOWS_PHC0}
and on (${NODE}) chrony_ptp_clock_info{clock_name!="hyperv"}
unless on (${NODE}) chrony_ptp_clock_info{device=~"(/dev/)?ptp0",clock_name="hyperv"}
unless on (${NODE}) (chrony_ptp_clock_info{clock_name="hyperv"} and on (k8s_node_name) ${AZURE_LINUX})
unless on (k8s_node_name) ${withNodeName('kube_node_info{provider_id!~"azure://.*"}')}`,
    for: THRESHOLDS.phcNotHostFor,
    summary: "the clock follows a PHC that is not the Azure host's",
    value: "always 1",
  },
];

/** Every alert. */
export const ALERT_GROUPS: readonly AlertGroup[] = [
  { name: "chrony-tracker-clocks", alerts: CLOCKS },
  { name: "chrony-tracker-cluster", alerts: CLUSTER },
  { name: "chrony-tracker-pipeline", alerts: PIPELINE },
  { name: "chrony-tracker-collector", alerts: COLLECTOR },
  { name: "chrony-tracker-azure", alerts: AZURE },
];

/** Without the noise of binary fractions: 1 - 0.3 is 0.7. */
function round(share: number): number {
  return Number(share.toFixed(6));
}
