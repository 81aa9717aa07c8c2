/**
 * The alerts, written once. `npm run alerts` derives from them what each place wants.
 *
 * An expression gives one series for each node or cluster in trouble, and nothing else. It follows
 * these rules:
 * - One series a node, however the node reports: by push, by pull or by both. So nothing selects or
 *   groups by `job`.
 * - A gap of up to five minutes (a rollout, a restart) neither fires nor ends an alert.
 * - Every selector names its metric, because Azure's managed Prometheus requires it.
 * - No `$`, because Grafana's provisioning would read it as an environment variable.
 * - How wrong a clock can be is judged by the peak, the largest of error and bound: the error alone can
 *   be thousandths of a millisecond while hundreds are being slewed away.
 * - One page for an incident: where many nodes have the same fault, an alert of the cluster fires and
 *   those of its nodes do not.
 * - Names begin with Clock, Chronyd, TimeSource or ChronyTracker, so that none is another product's.
 */
import { EXPECTED, SILENT, withNodeName } from "./expected-nodes.ts";
import { lastSeen, NODE, ofNode, REPORTING, REPORTING_COUNT, sumOfTwoLargest } from "./promql.ts";
import { THRESHOLDS } from "./thresholds.ts";

/** How urgent: critical wakes someone, warning is for today, info is for later. */
export type Severity = "critical" | "warning" | "info";

/** What an alert is about: this decides the labels of its series. */
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

/**
 * How long an alert goes on firing after its expression gives nothing more. A critical alert of a cluster does,
 * so that a fault that comes and goes is one page.
 */
export function keepsFiringFor({ subject, severity }: Alert): string | undefined {
  return subject === "cluster" && severity === "critical" ? THRESHOLDS.keepFiringFor : undefined;
}

/** Alerts that are evaluated together. */
export type AlertGroup = {
  readonly name: string;
  readonly alerts: readonly Alert[];
};

/** Nodes that were in a state for most of the last five minutes, with or without interruptions. */
const mostlyInState = (state: string) =>
  `${ofNode(`avg_over_time(chrony_sync_state{state="${state}"}[5m])`)} > 0.5`;

/** Nodes whose state keeps changing and that are synchronised for about half of the time or less. */
const RARELY_SYNCHRONISED = "cluster_node:chrony_sync_state:rarely_synchronised";

const SOURCE = `${NODE}, source_address, source_name`;

/** A metric of the sources that chronyd reports in one of these states. */
const ofSources = (metric: string, states: string) =>
  ofNode(`${metric} and on (${SOURCE}) chrony_sources_state_info{source_state=~"${states}"}`);

/**
 * Nodes whose source fell silent while another one answers. chronyd keeps the first for about 64 of
 * its polls and then takes the other (seen with chrony 4.3). Until then nobody has to do anything.
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

const isAbove = (ms: number) => `${lastSeen("chrony_clock_error_peak_ms")} > ${ms}`;
/**
 * Clocks that can be wrong by more than this: now, or again and again in the last hour, so that no wait
 * of some minutes would see it. A node that is new has no such hour.
 */
const errorAbove = (ms: number) => `(
  ${isAbove(ms)}
  or (
    ${ofNode(`quantile_over_time(${THRESHOLDS.errorOftenQuantile}, chrony_clock_error_peak_ms[1h])`)} > ${ms}
    and ${ofNode(`max_over_time(chrony_clock_error_peak_ms[${THRESHOLDS.errorOftenWithin}])`)} > ${ms}
    and ${ofNode("last_over_time(chrony_up[5m] offset 55m)")}
  )
)`;
const ERROR_TOO_LARGE = errorAbove(THRESHOLDS.errorWarningMs);
const ERROR_CRITICAL = `(${isAbove(THRESHOLDS.errorCriticalMs)})`;
const MOSTLY_NOT_SYNCHRONISED = `${ofNode('avg_over_time(chrony_sync_state{state="synchronised"}[5m])')} < 0.5`;
const NOT_SYNCHRONISED = `(
  ${MOSTLY_NOT_SYNCHRONISED}
  unless on (${NODE}) (${mostlyInState("stale")} and on (${NODE}) ${FAILS_OVER})
)`;

/** More bad nodes than this are one incident: a share of all, but at least three, and at most 20. */
const limitOf = (count: string) =>
  `clamp(${THRESHOLDS.manyNodesShare} * ${count}, ${THRESHOLDS.manyNodesCount - 1}, ${THRESHOLDS.manyNodesAtAnyShare - 1})`;

/** The nodes in a bad state, without those that have the alert for changing states or a critical error. */
const inOneState = (bad: string) => `
${bad}
unless on (${NODE}) (${RARELY_SYNCHRONISED} or ${ERROR_CRITICAL})`;

/** Clusters with so many bad nodes that the cause is not in the nodes. The value is their number. */
const manyOf = (bad: string, all: string) =>
  `(count by (cluster) (${bad}) > ${limitOf(`count by (cluster) (${all})`)})`;

/** The nodes of an alert, without those of clusters in which there are too many of them. */
const unlessMany = (bad: string, many: string) => `
${bad}
unless on (cluster) ${many}`;

/** Clocks that were stepped a short while ago, or so often that the alert would come and go with each step. */
const STEPPED = `(
  ${ofNode(`increase(chrony_clock_steps_total[${THRESHOLDS.stepToldFor}])`)} > 0
  or ${ofNode("increase(chrony_clock_steps_total[1h])")} > ${THRESHOLDS.stepsAnHour - 0.5}
)`;
const MANY_STEPPED = manyOf(STEPPED, REPORTING);

/** Nodes that have the alert of a state without a source, in which the error grows. */
const WITHOUT_SOURCE = `(${SOURCE_GONE} or ${mostlyInState("unsynchronised")})`;

const OFF = `(${ERROR_TOO_LARGE} or ${NOT_SYNCHRONISED} or ${RARELY_SYNCHRONISED})`;
const MANY_OFF = manyOf(OFF, REPORTING);

/**
 * Growth in both half hours is no jump to another level. Between two updates the error of every clock
 * grows: that is normal while a source is polled every few hours, and has TimeSourceStale where the
 * source is gone. So the updates come (within 20 minutes: longer than 1024 s, the longest interval that
 * chronyd uses by default), and the error grows all the same.
 */
const GROWING = `(
  ${ofNode("min_over_time(chrony_clock_error_peak_ms[20m])")} > ${THRESHOLDS.errorGrowthFloorMs}
  and ${ofNode("min_over_time(chrony_clock_error_peak_ms[20m]) - max_over_time(chrony_clock_error_peak_ms[20m] offset 30m)")} > ${THRESHOLDS.errorGrowthMs}
  and ${ofNode("min_over_time(chrony_clock_error_peak_ms[20m] offset 30m) - max_over_time(chrony_clock_error_peak_ms[20m] offset 1h)")} > ${THRESHOLDS.errorGrowthMs}
  and on (${NODE}) (${ofNode("chrony_reference_age_seconds")} < 1200)
)`;
const MANY_GROWING = manyOf(GROWING, REPORTING);

/**
 * The source says so itself, or the stratum does: `local` and `orphan` serve at stratum 10 by default,
 * and no chain of real servers is that long.
 */
const RUNS_FREE = `(
  ${ofNode("avg_over_time(chrony_upstream_local[5m])")} > 0.5
  or
  ${ofNode("chrony_tracking_stratum")} >= 11 < 16
    and on (${NODE}) ${ofNode('chrony_sync_state{state=~"synchronised|stale|stepped"}')} == 1
)`;
const MANY_RUN_FREE = manyOf(RUNS_FREE, REPORTING);

/** Nodes that report a state in which there is an error to publish, and not the error. */
const ERROR_MISSING = `(
  ${ofNode('chrony_sync_state{state=~"synchronised|stale|unsynchronised"}')} == 1
  unless on (${NODE}) (
    ${lastSeen("chrony_clock_error_ms")}
    and ${lastSeen("chrony_clock_error_bound_ms")}
    and ${lastSeen("chrony_clock_error_peak_ms")}
  )
)`;
const MANY_ERRORS_MISSING = manyOf(ERROR_MISSING, REPORTING);

/**
 * Clusters in which two clocks can be too far apart, although neither is critical by itself. If one
 * were, its own alert would have woken someone.
 */
const SKEW_TOO_LARGE = `(
  ${sumOfTwoLargest(lastSeen("chrony_clock_error_peak_ms"))} > ${THRESHOLDS.clockSkewMs}
  unless on (cluster) ${ERROR_CRITICAL}
)`;

/**
 * The distance of a node's clock from another one, whatever chronyd reports: from the collector's when a
 * push arrives; and from the clock that gives samples their time, if it is not the node's own. By pull
 * that is Prometheus': chronyd's reference time plus its age is the node's clock, exact to a poll of
 * chronyd.
 */
const BEHIND_COLLECTOR = "chrony_collector_offset_seconds";
const BEHIND_SAMPLE_TIME =
  "(timestamp(chrony_tracking_reference_timestamp_seconds) - chrony_tracking_reference_timestamp_seconds - chrony_reference_age_seconds)";
const COMPARED = `(${ofNode(BEHIND_COLLECTOR)} or ${ofNode(BEHIND_SAMPLE_TIME)})`;
/**
 * Nodes whose clock is more than so many seconds away: behind (""), ahead ("-") or either ("abs").
 * Those whose chronyd reports a critical error itself have the alert for that, and are left out.
 */
const awayBy = (seconds: number, side: "" | "-" | "abs") => `(
  (
    ${ofNode(`${side}(${BEHIND_COLLECTOR})`)} > ${seconds}
    or ${ofNode(`${side}(${BEHIND_SAMPLE_TIME})`)} > ${Math.max(seconds, THRESHOLDS.clockFarCriticalSeconds)}
  )
  unless on (${NODE}) ${ERROR_CRITICAL}
)`;
const FAR = awayBy(THRESHOLDS.collectorOffsetSeconds, "abs");
const VERY_FAR = awayBy(THRESHOLDS.clockFarCriticalSeconds, "abs");
/**
 * Clocks that every NTP server contradicts (UTC_CHECK_SERVERS), without those that are far from the
 * collector's and have that alert.
 */
const CONTRADICTED = `(
  ${lastSeen("chrony_utc_contradiction")} == 1
  unless on (${NODE}) ${FAR}
)`;
const MANY_CONTRADICTED = manyOf(CONTRADICTED, REPORTING);
const NEARLY_ALL = `${THRESHOLDS.collectorClockShare} * count by (cluster) (${COMPARED})`;
const nearlyAllAway = (side: "" | "-") => `
  count by (cluster) (${awayBy(THRESHOLDS.collectorOffsetSeconds, side)})
    > clamp_min(${NEARLY_ALL}, ${THRESHOLDS.manyNodesCount - 1})`;
/** When nearly all nodes are behind one clock, or ahead of it, that clock is wrong. */
const COLLECTOR_OFF = `(${nearlyAllAway("")}
  or${nearlyAllAway("-")}
)`;
/** Too many for an alert each, or nearly all but not on one side, so that the collector is not to blame. */
const MANY_FAR = `(
  count by (cluster) (${FAR})
    > clamp(${NEARLY_ALL}, ${THRESHOLDS.manyNodesCount - 1}, ${THRESHOLDS.manyNodesAtAnyShare - 1})
  unless on (cluster) ${COLLECTOR_OFF}
)`;

/** These nodes without the new ones, because agents of new nodes are still starting. */
const settled = (nodes: string) => `(
  ${nodes}
  and on (${NODE}) ${ofNode(withNodeName(`last_over_time(kube_node_info[5m] offset ${THRESHOLDS.newNodeFor})`))}
)`;
const MANY_SILENT = `(
  ${manyOf(settled(SILENT), settled(EXPECTED))}
  or
  count by (cluster) (${settled(SILENT)}) == count by (cluster) (${settled(EXPECTED)})
)`;

/** Without clusters whose nodes kube-state-metrics names, or named within this time. */
const KNOWS_NODES = (within: string) => `
unless on (cluster) count by (cluster) (last_over_time(kube_node_info[${within}]))
unless on () count(last_over_time(kube_node_info{cluster=""}[${within}]))`;

/** The lowest number of reporting nodes in the hours before a node that is now silent fell silent. */
const USUAL_COUNT = `min_over_time(cluster:chrony_up:count[${THRESHOLDS.usualNodeCountOver}] offset ${THRESHOLDS.silentNodeRemembered})`;

/** The same without kube-state-metrics: far fewer nodes report than in the hours before. */
const MANY_GONE = `(
  (
    ${REPORTING_COUNT} < ${USUAL_COUNT} - ${limitOf(USUAL_COUNT)}
    or on (cluster)
    0 * ${USUAL_COUNT} unless on (cluster) ${REPORTING_COUNT}
  )
  ${KNOWS_NODES(THRESHOLDS.usualNodeCountOver)}
)`;

/** Nodes that came back after a silence more often than restarts explain. */
const RETURNED = `count_over_time(cluster_node:chrony_up:returned[${THRESHOLDS.returnsCountedFor}]) >= ${THRESHOLDS.returns}`;
const MANY_RETURNED = manyOf(
  RETURNED,
  ofNode(`last_over_time(chrony_up[${THRESHOLDS.silentNodeRemembered}])`),
);

/** Nodes whose pushes fail. The last five minutes are checked, so that an outage that is over does not fire. */
const PUSHES_FAIL = `(
  ${ofNode('increase(chrony_tracker_exports_total{result="failure"}[15m])')}
    / (
      ${ofNode('increase(chrony_tracker_exports_total{result="failure"}[15m])')}
      + ${ofNode('increase(chrony_tracker_exports_total{result="success"}[15m])')}
    )
    > ${THRESHOLDS.failedPushesShare}
  and ${ofNode('increase(chrony_tracker_exports_total{result="failure"}[5m])')} > 0
)`;
const MANY_PUSHES_FAIL = manyOf(PUSHES_FAIL, REPORTING);

/** The reference id `PHC0`, as chrony_exporter writes reference ids. */
const PHC0 = "50484330";
const FOLLOWS_PHC0 = ofNode(`chrony_tracking_info{tracking_refid="${PHC0}"}`);
const AZURE_LINUX = withNodeName('kube_node_info{os_image=~".*(Azure Linux|Mariner).*"}');

/**
 * A node that prefers NTP and has PHC0 in reserve is fine. PHC0 is lost when it answers no poll, or
 * when it was followed and is now neither followed nor in reserve.
 */
const HOST_CLOCK_LOST = `(
  (
    ${ofNode('chrony_sources_reachability_ratio{source_address="PHC0"}')} == 0
    or
    ${ofNode(`count_over_time(chrony_tracking_info{tracking_refid="${PHC0}"}[${THRESHOLDS.hostClockRemembered}])`)} > 10
    unless on (${NODE}) chrony_sources_state_info{source_address="PHC0",source_state=~"sync|candidate|outlier"}
  )
  and on (${NODE}) ${ofNode('chrony_sync_state{state=~"synchronised|stale|stepped"}')} == 1
  unless on (${NODE}) ${FOLLOWS_PHC0}
)`;
const MANY_HOST_CLOCKS_LOST = manyOf(HOST_CLOCK_LOST, REPORTING);

/**
 * The image of Ubuntu names /dev/ptp0, which is the network card's where that came first; Azure
 * Linux names /dev/ptp_hyperv, which is right where it exists. Outside Azure a PHC0 was chosen on
 * purpose.
 */
const PHC_NOT_HOST = `(
  ${FOLLOWS_PHC0}
  and on (${NODE}) chrony_ptp_clock_info{clock_name!="hyperv"}
  unless on (${NODE}) chrony_ptp_clock_info{device=~"(/dev/)?ptp0",clock_name="hyperv"}
  unless on (${NODE}) (chrony_ptp_clock_info{clock_name="hyperv"} and on (k8s_node_name) ${AZURE_LINUX})
  unless on (k8s_node_name) ${withNodeName('kube_node_info{provider_id!~"azure://.*"}')}
)`;
const MANY_PHCS_NOT_HOST = manyOf(PHC_NOT_HOST, REPORTING);

const CLOCKS: readonly Alert[] = [
  {
    name: "ClockErrorHigh",
    subject: "node",
    severity: "warning",
    expression: unlessMany(
      `${ERROR_TOO_LARGE} <= ${THRESHOLDS.errorCriticalMs} unless on (${NODE}) ${WITHOUT_SOURCE}`,
      `(${MANY_OFF} or ${SKEW_TOO_LARGE})`,
    ),
    for: THRESHOLDS.errorWarningFor,
    summary: `the clock can be wrong by more than ${THRESHOLDS.errorWarningMs} ms`,
    value: "the largest of error and bound in the last minute, in milliseconds",
  },
  {
    name: "ClockErrorCritical",
    subject: "node",
    severity: "critical",
    expression: unlessMany(errorAbove(THRESHOLDS.errorCriticalMs), MANY_OFF),
    for: THRESHOLDS.errorCriticalFor,
    summary: `the clock can be wrong by more than ${THRESHOLDS.errorCriticalMs} ms`,
    value: "the largest of error and bound in the last minute, in milliseconds",
  },
  {
    name: "ClockErrorGrowing",
    subject: "node",
    severity: "warning",
    expression: unlessMany(
      `${GROWING} unless on (${NODE}) ${isAbove(THRESHOLDS.errorWarningMs)}`,
      `(${MANY_OFF} or ${MANY_GROWING})`,
    ),
    for: "5m",
    summary: "the possible error of the clock has grown for more than an hour",
    value: "the smallest peak of the last 20 minutes, in milliseconds",
  },
  {
    name: "ClockNotSynchronised",
    subject: "node",
    severity: "warning",
    // A clock that never was synchronised reports 1500 ms, and has the alert for that.
    expression: unlessMany(inOneState(mostlyInState("unsynchronised")), MANY_OFF),
    for: THRESHOLDS.notSynchronisedFor,
    summary: "chronyd has no time source to follow",
    value: "the share of the last five minutes in this state",
  },
  {
    name: "ClockLocal",
    subject: "node",
    severity: "warning",
    expression: unlessMany(inOneState(mostlyInState("local")), MANY_OFF),
    for: THRESHOLDS.localFor,
    summary: "chronyd follows its own clock, and the error of the clock is not known",
    value: "the share of the last five minutes in this state",
  },
  {
    name: "TimeSourceStale",
    subject: "node",
    severity: "warning",
    expression: unlessMany(inOneState(SOURCE_GONE), MANY_OFF),
    for: THRESHOLDS.staleFor,
    summary: "the time source is gone, and the error of the clock grows",
    value: "the share of the last five minutes in this state",
  },
  {
    name: "TimeSourceRunsFree",
    subject: "node",
    severity: "warning",
    expression: unlessMany(RUNS_FREE, `(${MANY_OFF} or ${MANY_RUN_FREE})`),
    for: THRESHOLDS.sourceRunsFreeFor,
    summary: "the time source follows nothing but its own clock",
    value: "the share of the last five minutes in which the source reported so, or the stratum",
  },
  {
    name: "TimeSourceContradicted",
    subject: "node",
    severity: "warning",
    expression: unlessMany(CONTRADICTED, MANY_CONTRADICTED),
    for: THRESHOLDS.contradictedFor,
    summary: "no NTP server agrees with the clock: its time source may be wrong",
    value: "always 1",
  },
  {
    name: "ChronydUnreachable",
    subject: "node",
    severity: "warning",
    expression: unlessMany(inOneState(mostlyInState("unreachable")), MANY_OFF),
    for: THRESHOLDS.unreachableFor,
    summary: "chronyd does not answer, and the error of the clock is not known",
    value: "the share of the last five minutes in this state",
  },
  {
    name: "ClockStepped",
    subject: "node",
    severity: "warning",
    // A clock that is wrong since then has that alert.
    expression: unlessMany(
      `${STEPPED} unless on (${NODE}) (${FAR} or ${isAbove(THRESHOLDS.errorWarningMs)})`,
      MANY_STEPPED,
    ),
    for: "3m",
    summary: "the clock was stepped: time was skipped or repeated",
    value: `about how many steps in the last ${THRESHOLDS.stepToldFor}, or in the last hour`,
  },
  {
    name: "ClockRarelySynchronised",
    subject: "node",
    severity: "warning",
    expression: unlessMany(RARELY_SYNCHRONISED, MANY_OFF),
    for: "5m",
    summary: "the clock is synchronised for half of the time or less, and its state keeps changing",
    value: "the share of the last hour that was synchronised",
  },
  {
    name: "ClockErrorMissing",
    subject: "node",
    severity: "warning",
    expression: unlessMany(ERROR_MISSING, MANY_ERRORS_MISSING),
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
    expression: unlessMany(MANY_OFF, MANY_STEPPED),
    for: THRESHOLDS.manyNodesFor,
    summary: "many clocks are too wrong or not synchronised: look at the time source first",
    value: "the number of nodes",
  },
  {
    name: "ClockSkewInCluster",
    subject: "cluster",
    severity: "critical",
    expression: unlessMany(SKEW_TOO_LARGE, `(${MANY_OFF} or ${MANY_STEPPED})`),
    for: THRESHOLDS.clockSkewFor,
    summary: `two clocks of the cluster can be more than ${THRESHOLDS.clockSkewMs} ms apart, although neither is critical by itself`,
    value: "the sum of the two largest peaks of the cluster, in milliseconds",
  },
  {
    name: "ClocksSteppedInCluster",
    subject: "cluster",
    severity: "critical",
    // Clocks that are far off since then have that alert.
    expression: unlessMany(
      manyOf(`${STEPPED} unless on (${NODE}) ${FAR}`, REPORTING),
      `(${MANY_FAR} or ${COLLECTOR_OFF})`,
    ),
    for: "1m",
    summary: "many clocks were stepped: time was skipped or repeated on many nodes",
    value: "the number of nodes",
  },
  {
    name: "ClocksFarInCluster",
    subject: "cluster",
    severity: "critical",
    expression: MANY_FAR,
    for: THRESHOLDS.collectorOffsetFor,
    summary: `many clocks are more than ${THRESHOLDS.collectorOffsetSeconds} s from the collector's, whatever chronyd reports; the collector's clock is probably right`,
    value: "the number of nodes",
  },
  {
    name: "TimeSourcesContradictedInCluster",
    subject: "cluster",
    severity: "warning",
    expression: MANY_CONTRADICTED,
    for: THRESHOLDS.contradictedFor,
    summary:
      "no NTP server agrees with many of the clocks: their time source or the servers are wrong",
    value: "the number of nodes",
  },
  {
    name: "TimeSourceRunsFreeInCluster",
    subject: "cluster",
    severity: "warning",
    expression: unlessMany(MANY_RUN_FREE, MANY_OFF),
    for: THRESHOLDS.sourceRunsFreeFor,
    summary: "the time source of many clocks follows nothing but its own clock",
    value: "the number of nodes",
  },
  {
    name: "ClockErrorGrowingInCluster",
    subject: "cluster",
    severity: "warning",
    expression: unlessMany(MANY_GROWING, MANY_OFF),
    for: "5m",
    summary: "the possible error of many clocks has grown for more than an hour",
    value: "the number of nodes",
  },
  {
    name: "ClockErrorMissingInCluster",
    subject: "cluster",
    severity: "warning",
    expression: MANY_ERRORS_MISSING,
    for: "10m",
    summary: "many nodes report, but the errors of their clocks do not arrive",
    value: "the number of nodes",
  },
  {
    name: "ChronyTrackerCollectorClockOff",
    subject: "cluster",
    severity: "critical",
    expression: COLLECTOR_OFF,
    for: THRESHOLDS.collectorOffsetFor,
    summary: `nearly all clocks are more than ${THRESHOLDS.collectorOffsetSeconds} s from the collector's: check the clock of the collector's node first (by pull alone: Prometheus')`,
    value: "the number of nodes",
  },
  {
    name: "ClockFarFromCollector",
    subject: "node",
    severity: "warning",
    expression: unlessMany(
      `${FAR} unless on (${NODE}) ${VERY_FAR}`,
      `(${COLLECTOR_OFF} or ${MANY_FAR})`,
    ),
    for: THRESHOLDS.collectorOffsetFor,
    summary: `the clock is more than ${THRESHOLDS.collectorOffsetSeconds} s from the collector's, whatever chronyd reports`,
    value: "the distance in seconds, network delay included",
  },
  {
    name: "ClockFarFromCollectorCritical",
    subject: "node",
    severity: "critical",
    expression: unlessMany(VERY_FAR, `(${COLLECTOR_OFF} or ${MANY_FAR})`),
    for: THRESHOLDS.collectorOffsetFor,
    summary: `the clock is more than ${THRESHOLDS.clockFarCriticalSeconds} s from the collector's (by pull, from Prometheus'), whatever chronyd reports`,
    value: "the distance in seconds, network delay included",
  },
];

const PIPELINE: readonly Alert[] = [
  {
    name: "ChronyTrackerNodeNotReporting",
    subject: "node",
    severity: "warning",
    expression: unlessMany(SILENT, MANY_SILENT),
    for: THRESHOLDS.silentFor,
    summary: "the node exists, but its agent does not report",
    value: "always 1",
  },
  {
    name: "ChronyTrackerNodeStoppedReporting",
    subject: "node",
    severity: "warning",
    // Only without kube-state-metrics. During an upgrade nodes go and others come: a
    // node counts as lost only while fewer report than at any time in the hours before.
    expression: `
(
  ${ofNode(`last_over_time(chrony_up[${THRESHOLDS.silentNodeRemembered}])`)}
  unless on (${NODE}) ${REPORTING}
)
and on (cluster) (${REPORTING_COUNT} < ${USUAL_COUNT})
${KNOWS_NODES(THRESHOLDS.nodesKnownFor)}
unless on (cluster) ${MANY_GONE}`,
    for: THRESHOLDS.silentFor,
    summary: "the node reported within the last hour, and no longer does",
    value: "chrony_up when it was last seen",
  },
  {
    name: "ChronyTrackerManyNotReporting",
    subject: "cluster",
    severity: "critical",
    expression: `
${MANY_SILENT}
or
${MANY_GONE}
or
${MANY_RETURNED}`,
    for: "10m",
    summary:
      "many nodes or all do not report, or stop and start again: look at the collector first",
    value:
      "the number of these nodes; where kube-state-metrics is not collected, the number that report",
  },
  {
    name: "ChronyTrackerNodeComesAndGoes",
    subject: "node",
    severity: "warning",
    expression: unlessMany(RETURNED, MANY_RETURNED),
    for: "5m",
    summary: "the node stops reporting and starts again, repeatedly",
    value: `how often it came back in the last ${THRESHOLDS.returnsCountedFor}`,
  },
  {
    name: "ChronyTrackerClusterGone",
    subject: "cluster",
    severity: "warning",
    // Not the agents alone: kube-state-metrics of the same cluster is gone, too, though not longer than
    // ChronyTrackerManyNotReporting waits for it.
    expression: `
count by (cluster) (last_over_time(chrony_up[${THRESHOLDS.silentNodeRemembered}]))
and on (cluster) count by (cluster) (last_over_time(kube_node_info[${THRESHOLDS.usualNodeCountOver}]))
unless on (cluster) ${REPORTING_COUNT}
unless on (cluster) count by (cluster) (kube_node_info)`,
    for: THRESHOLDS.silentFor,
    summary:
      "neither the agents nor kube-state-metrics of the cluster report: it was stopped, or its egress is blocked",
    value: "the number of nodes that reported in the last hour",
  },
  {
    name: "ChronyTrackerManyPushesFailing",
    subject: "cluster",
    severity: "warning",
    expression: MANY_PUSHES_FAIL,
    for: THRESHOLDS.failedPushesFor,
    summary: "pushes to the collector fail on many nodes: look at the collector first",
    value: "the number of nodes",
  },
  {
    name: "ChronyTrackerPushesFailing",
    subject: "node",
    severity: "warning",
    // Where every push fails, only pull shows it; by push that is silence, and ChronyTrackerNodeNotReporting.
    expression: unlessMany(PUSHES_FAIL, MANY_PUSHES_FAIL),
    for: THRESHOLDS.failedPushesFor,
    summary: "pushes to the collector fail",
    value: "the share of the pushes that failed in the last 15 minutes",
  },
  {
    name: "ChronyTrackerBacklogDropped",
    subject: "cluster",
    severity: "info",
    expression: `count by (cluster) (${ofNode("increase(chrony_tracker_backlog_dropped_points_total[30m])")} > 0)`,
    summary: "an outage was longer than agents keep points: the history has a gap",
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
    value: `about how many points in the last ${THRESHOLDS.droppedPointsToldFor}`,
  },
  {
    name: "ChronyTrackerCollectorRestarts",
    subject: "cluster",
    severity: "warning",
    expression: `sum by (cluster) (resets(otelcol_process_uptime[30m])) >= ${THRESHOLDS.collectorRestarts}`,
    summary: "the collector keeps restarting",
    value: "restarts in the last 30 minutes",
  },
];

const AZURE: readonly Alert[] = [
  {
    name: "TimeSourceHostClockLost",
    subject: "node",
    severity: "warning",
    expression: unlessMany(HOST_CLOCK_LOST, MANY_HOST_CLOCKS_LOST),
    for: THRESHOLDS.hostClockLostFor,
    summary: "the host's clock (PHC0) is gone, and the node follows another source",
    value: `0 when PHC0 answers no poll, else in how many samples of the last ${THRESHOLDS.hostClockRemembered} it was followed`,
  },
  {
    name: "TimeSourcePhcNotHost",
    subject: "node",
    severity: "warning",
    expression: unlessMany(PHC_NOT_HOST, MANY_PHCS_NOT_HOST),
    for: THRESHOLDS.phcNotHostFor,
    summary: "the clock follows a PHC that is not the Azure host's",
    value: "always 1",
  },
  {
    name: "TimeSourceHostClockLostInCluster",
    subject: "cluster",
    severity: "warning",
    expression: MANY_HOST_CLOCKS_LOST,
    for: THRESHOLDS.hostClockLostFor,
    summary: "the clocks of the hosts (PHC0) of many nodes are gone: look at the node image first",
    value: "the number of nodes",
  },
  {
    name: "TimeSourcePhcNotHostInCluster",
    subject: "cluster",
    severity: "warning",
    expression: MANY_PHCS_NOT_HOST,
    for: THRESHOLDS.phcNotHostFor,
    summary: "many clocks follow a PHC that is not the Azure host's: look at the node image first",
    value: "the number of nodes",
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
