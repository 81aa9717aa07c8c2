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

const ERROR_TOO_LARGE = `${lastSeen("chrony_clock_error_peak_ms")} > ${THRESHOLDS.errorWarningMs}`;
const MOSTLY_NOT_SYNCHRONISED = `${ofNode('avg_over_time(chrony_sync_state{state="synchronised"}[5m])')} < 0.5`;

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
const HOST_CLOCK = "50484330";

const CLOCKS: readonly Alert[] = [
  {
    name: "ClockErrorHigh",
    subject: "node",
    severity: "warning",
    expression: ERROR_TOO_LARGE,
    for: THRESHOLDS.errorWarningFor,
    summary: `the clock can be wrong by more than ${THRESHOLDS.errorWarningMs} ms`,
    value: "the largest error of the last minute, in milliseconds",
  },
  {
    name: "ClockErrorCritical",
    subject: "node",
    severity: "critical",
    expression: `${lastSeen("chrony_clock_error_peak_ms")} > ${THRESHOLDS.errorCriticalMs}`,
    for: THRESHOLDS.errorCriticalFor,
    summary: `the clock can be wrong by more than ${THRESHOLDS.errorCriticalMs} ms`,
    value: "the largest error of the last minute, in milliseconds",
  },
  {
    name: "ClockErrorGrowing",
    subject: "node",
    severity: "warning",
    // Twenty minutes are longer than the longest polling interval that chronyd uses by default
    // (1024 s), within which the error of a healthy clock rises and falls. Growth in both half hours
    // is no jump to another level.
    expression: `
${ofNode("min_over_time(chrony_clock_error_ms[20m])")} > ${THRESHOLDS.errorGrowthFloorMs}
and ${ofNode("min_over_time(chrony_clock_error_ms[20m]) - max_over_time(chrony_clock_error_ms[20m] offset 30m)")} > ${THRESHOLDS.errorGrowthMs}
and ${ofNode("min_over_time(chrony_clock_error_ms[20m] offset 30m) - max_over_time(chrony_clock_error_ms[20m] offset 1h)")} > ${THRESHOLDS.errorGrowthMs}`,
    for: "5m",
    summary: "the error of the clock has grown for more than an hour",
    value: "the smallest error of the last 20 minutes, in milliseconds",
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
    summary: "chronyd follows itself, and nobody knows how wrong the clock is",
    value: "the share of the last five minutes",
  },
  {
    name: "TimeSourceStale",
    subject: "node",
    severity: "warning",
    expression: mostlyInState("stale"),
    for: THRESHOLDS.staleFor,
    summary: "the time source is gone, and the error of the clock grows",
    value: "the share of the last five minutes",
  },
  {
    name: "ChronydUnreachable",
    subject: "node",
    severity: "warning",
    expression: mostlyInState("unreachable"),
    for: THRESHOLDS.unreachableFor,
    summary: "chronyd does not answer, and nobody knows how wrong the clock is",
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
    name: "ManyClocksOff",
    subject: "cluster",
    severity: "critical",
    expression: manyOf(`${ERROR_TOO_LARGE} or ${MOSTLY_NOT_SYNCHRONISED}`, REPORTING),
    for: THRESHOLDS.manyNodesFor,
    summary: "many clocks are too wrong or not synchronised: look at the time source first",
    value: "the share of the nodes",
  },
  {
    name: "CollectorClockOff",
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
    name: "NodeNotReporting",
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
    name: "NodeStoppedReporting",
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
    name: "ManyNodesNotReporting",
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
    name: "PushesFailing",
    subject: "node",
    severity: "warning",
    // Where every push fails, only pull can tell; by push that is silence, and NodeNotReporting.
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
    name: "PushBacklogDropped",
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
    name: "HostClockNotUsed",
    subject: "node",
    severity: "warning",
    // An AKS node is known by its name or its provider. Azure Linux without a host clock among its
    // sources is made to follow time.windows.com.
    expression: `
(
  ${ofNode(`chrony_tracking_info{tracking_refid!="${HOST_CLOCK}",k8s_node_name=~"aks-.+"}`)}
  or
  ${ofNode(`chrony_tracking_info{tracking_refid!="${HOST_CLOCK}"}`)}
  and on (k8s_node_name) ${withNodeName('kube_node_info{provider_id=~"azure://.+"}')}
)
and on (${NODE}) ${ofNode('chrony_sync_state{state=~"synchronised|stale"}')} == 1
unless on (k8s_node_name) (
  ${withNodeName('kube_node_info{os_image=~".*(Azure Linux|Mariner).*"}')}
  unless on (k8s_node_name) chrony_sources_state_info{source_address="PHC0"}
)`,
    for: THRESHOLDS.hostClockNotUsedFor,
    summary: "the clock of this Azure node does not follow the host's clock (PHC0)",
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
