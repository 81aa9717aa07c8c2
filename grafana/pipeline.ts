/** Whether the numbers can be believed to be all there: the agents, their pushes, and the collector. */
import type { Dashboard } from "@grafana/grafana-foundation-sdk/dashboard";
import { clustersVariable, dashboard, UIDS } from "./dashboard.ts";
import {
  COUNT_THRESHOLDS,
  type PanelText,
  type Query,
  stacked,
  stat,
  timeSeries,
  worstFirst,
} from "./panel.ts";
import {
  CHOSEN_CLUSTERS,
  fleet,
  NEEDS_RECORDINGS,
  recorded,
  recordedRate,
  recordedSum,
  selector,
} from "./query.ts";

/** Said of every panel of the collector's own metrics. */
const OF_COLLECTOR = "From the collector's own metrics, which it writes itself (push only).";

/** The collector's receiver for agents; another one is for its own metrics. */
const FROM_AGENTS = 'receiver="otlp"';

/** The dashboard of what carries the numbers. */
export function pipeline(): Dashboard {
  return dashboard({
    uid: UIDS.pipeline,
    title: "Chrony Tracker: pipeline",
    description: "The agents, their pushes and the collector: whether all numbers arrive.",
    variables: [clustersVariable()],
    rows: [
      {
        title: "Now",
        panels: [
          agentsReporting(),
          failures(
            "Failed pushes (push only)",
            "cluster_result:chrony_tracker_exports:delta1m",
            "Pushes that the collector did not accept.",
          ),
          failures(
            "Failed readings",
            "cluster_result:chrony_tracker_readings:delta1m",
            "Questions that chronyd did not answer.",
          ),
          oldestPush(),
          collectors(),
          pointsNotWritten(),
        ],
      },
      {
        title: "Agents",
        panels: [
          byResult(
            "Pushes by all agents (push only)",
            "cluster_result:chrony_tracker_exports:delta1m",
            "A failed push is told by the next one that succeeds, so a long outage shows at its end.",
          ),
          byResult(
            "Readings by all agents",
            "cluster_result:chrony_tracker_readings:delta1m",
            "Failures: chronyd does not answer on some nodes.",
          ),
          pushAges(),
          backlog(),
          readingDuration(),
          versions(),
          medianOffset(),
        ],
      },
      {
        title: "Collector",
        panels: [received(), dropped(), written(), writes(), memory(), processor(), uptime()],
      },
    ],
  });
}

const TILE = { width: 4, height: 4 };
const HALF: Pick<PanelText, "width" | "height"> = { width: 12, height: 8 };

function agentsReporting() {
  return stat(
    { ...TILE, title: "Agents", description: "Nodes whose agent reports now.", unit: "none" },
    [{ expression: `count(${fleet("chrony_tracker_build_info")})`, legend: "agents" }],
  );
}

function failures(title: string, recording: string, meaning: string) {
  return stat(
    {
      ...TILE,
      title,
      description: `${meaning} In the time shown, on all nodes. ${NEEDS_RECORDINGS}`,
      unit: "short",
    },
    [{ expression: recordedSum(recording, 'result="failure"'), legend: "failures" }],
    COUNT_THRESHOLDS,
  )
    .decimals(0)
    .noValue("not recorded");
}

const PUSH_AGE = `time() - ${fleet("chrony_tracker_last_export_success_timestamp_seconds")}`;

function oldestPush() {
  return stat(
    {
      ...TILE,
      title: "Oldest push (push only)",
      description:
        "The longest that any agent that still shows has been without an accepted push. An agent that " +
        "is only pushed shows for five minutes.",
      unit: "s",
    },
    [{ expression: `max(${PUSH_AGE})`, legend: "oldest" }],
  );
}

function collectors() {
  return stat(
    {
      ...TILE,
      title: "Collectors",
      description: `Processes of the collector that report. ${OF_COLLECTOR}`,
      unit: "none",
    },
    [{ expression: `count(${ofEachCollector("otelcol_process_uptime")})`, legend: "collectors" }],
  );
}

function pointsNotWritten() {
  const failed = selector("otelcol_exporter_send_failed_metric_points", CHOSEN_CLUSTERS);
  return stat(
    {
      ...TILE,
      title: "Points not written",
      description:
        "Points that the backend did not take, in the time shown. The agents push them again when it " +
        `was away. The series is there only after the first. ${OF_COLLECTOR}`,
      unit: "short",
    },
    [{ expression: `sum(increase(${failed}[$__range]))`, legend: "points" }],
    COUNT_THRESHOLDS,
  )
    .decimals(0)
    .noValue("none seen");
}

function byResult(title: string, recording: string, meaning: string) {
  const description = `${meaning} ${NEEDS_RECORDINGS}`;
  return timeSeries({ ...HALF, title, description, unit: "ops" }, [
    { expression: recordedRate(recording, "result"), legend: "{{result}}" },
  ]).min(0);
}

function pushAges() {
  return worstFirst(
    timeSeries(
      {
        ...HALF,
        title: "Time since a push was accepted, the ten longest (push only)",
        description: `All agents at once: the collector or what it writes to. One agent: its network, or its token. ${NEEDS_RECORDINGS}`,
        unit: "s",
      },
      [
        {
          expression: `topk(10, ${recorded("cluster_node:chrony_tracker_push_age_seconds:topk10")})`,
          legend: "{{k8s_node_name}}",
        },
      ],
    ),
  ).min(0);
}

function backlog() {
  const droppedPoints = recorded("cluster_reason:chrony_tracker_backlog_dropped_points:delta1m");
  return timeSeries(
    {
      ...HALF,
      title: "Points that wait in the agents (push only)",
      description:
        "Points that the collector did not accept yet; they go again and land at their own time. Dropped: too " +
        `old, no room, or rejected; these are lost. An outage is told when it is over. ${NEEDS_RECORDINGS}`,
      unit: "short",
    },
    [
      {
        expression: `sum(${recorded("cluster:chrony_tracker_backlog_points:sum")})`,
        legend: "waiting",
      },
      {
        expression: `sum by (reason) (sum_over_time(${droppedPoints}[$__rate_interval]))`,
        legend: "dropped: {{reason}}",
      },
    ],
  ).min(0);
}

function readingDuration() {
  return timeSeries(
    {
      ...HALF,
      title: "Duration of a reading",
      description: `How long chronyd takes to answer: on the slowest node, and on half of each cluster's nodes at most. ${NEEDS_RECORDINGS}`,
      unit: "s",
    },
    [
      {
        expression: `max(${recorded("cluster:chrony_tracker_reading_duration_seconds:max")})`,
        legend: "slowest",
      },
      {
        expression: recorded("cluster:chrony_tracker_reading_duration_seconds:median"),
        legend: "median of {{cluster}}",
      },
    ],
  ).min(0);
}

function versions() {
  const nodes = recorded("cluster_version:chrony_tracker_build_info:count");
  return stacked(
    {
      ...HALF,
      title: "Agents by version",
      description: `How far a rollout has come. ${NEEDS_RECORDINGS}`,
      unit: "none",
    },
    [{ expression: `sum by (version) (${nodes})`, legend: "{{version}}" }],
  ).min(0);
}

function medianOffset() {
  return timeSeries(
    {
      ...HALF,
      title: "The collector's clock minus the median node's (push only)",
      description:
        "Off by more than the network's delay: the clock of the collector's own node is wrong, and the " +
        `offsets of all nodes with it. ${NEEDS_RECORDINGS}`,
      unit: "s",
    },
    [
      {
        expression: recorded("cluster:chrony_collector_offset_seconds:median"),
        legend: "{{cluster}}",
      },
    ],
  );
}

/** A metric of the collector's own, one value a process. */
function ofEachCollector(metric: string): string {
  return `max by (cluster, instance) (${selector(metric, CHOSEN_CLUSTERS)})`;
}

/** How fast counters of the collectors grow, all processes together. */
function rates(
  counters: Readonly<Record<string, string>>,
  ...matchers: readonly string[]
): Query[] {
  return Object.entries(counters).map(([legend, counter]) => ({
    expression: `sum(rate(${selector(counter, CHOSEN_CLUSTERS, ...matchers)}[$__rate_interval]))`,
    legend,
  }));
}

function collectorSeries(title: string, meaning: string, unit: string, queries: readonly Query[]) {
  const description = `${meaning} ${OF_COLLECTOR}`;
  return timeSeries({ ...HALF, title, description, unit }, queries).min(0);
}

function received() {
  return collectorSeries(
    "Points received",
    "Refused: the backend did not take them, the memory limit is reached, or the sender is not known; the agent was told.",
    "cps",
    rates(
      {
        accepted: "otelcol_receiver_accepted_metric_points",
        refused: "otelcol_receiver_refused_metric_points",
        failed: "otelcol_receiver_failed_metric_points",
      },
      FROM_AGENTS,
    ),
  );
}

function dropped() {
  const counter = selector(
    "otelcol_processor_filter_datapoints_filtered",
    CHOSEN_CLUSTERS,
    'filter!="filter/own"',
  );
  return collectorSeries(
    "Points dropped by the guards",
    "Points that the collector accepted and did not write, because they would harm other nodes' series: " +
      "filter/future, more than two minutes ahead of the collector's clock; filter/old, older than 25 minutes; " +
      "filter/names, metrics that no agent has. Zero while all senders are agents of this version.",
    "cps",
    [
      {
        expression: `sum by (filter) (rate(${counter}[$__rate_interval]))`,
        legend: "{{filter}}",
      },
    ],
  );
}

function written() {
  return collectorSeries(
    "Points written",
    "Not written: the backend is away, throttles or refuses. Shows from the first time on.",
    "cps",
    rates({
      written: "otelcol_exporter_sent_metric_points",
      "not written": "otelcol_exporter_send_failed_metric_points",
    }),
  );
}

function writes() {
  return collectorSeries(
    "Writes",
    "Requests to the backend, successful or not. Azure takes 15,000 a minute, which is 250 a second.",
    "reqps",
    rates({ requests: "otelcol_exporter_prometheusremotewrite_sent_batches" }),
  );
}

function ofProcesses(metric: string): Query[] {
  return [{ expression: ofEachCollector(metric), legend: "{{instance}}" }];
}

function memory() {
  return collectorSeries(
    "Memory",
    "Resident. Pushes are refused from four fifths of MEMORY_LIMIT_MIB on.",
    "bytes",
    ofProcesses("otelcol_process_memory_rss"),
  );
}

function processor() {
  const seconds = selector("otelcol_process_cpu_seconds", CHOSEN_CLUSTERS);
  return collectorSeries("Processor", "Share of one core.", "percentunit", [
    {
      expression: `max by (cluster, instance) (rate(${seconds}[$__rate_interval]))`,
      legend: "{{instance}}",
    },
  ]);
}

function uptime() {
  return collectorSeries(
    "Uptime",
    "Back to zero: the process was restarted. The agents' pushes of that moment failed and came again.",
    "s",
    ofProcesses("otelcol_process_uptime"),
  );
}
