/** Whether all data arrive: the agents, their pushes, and the collector. */
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

/** A note for every panel of the collector's own metrics. */
const OF_COLLECTOR = "From the collector's own metrics, which it writes itself (push only).";

/** The collector's receiver for agents; another one is for its own metrics. */
const FROM_AGENTS = 'receiver="otlp"';

/** The dashboard of agents, pushes and collector. */
export function pipeline(): Dashboard {
  return dashboard({
    uid: UIDS.pipeline,
    title: "Chrony Tracker: pipeline",
    description: "Whether all data arrive: the agents, their pushes and the collector.",
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
            "Failed polls",
            "cluster_result:chrony_tracker_readings:delta1m",
            "Polls that chronyd did not answer.",
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
            "A failed push appears with the next successful one, so a long outage shows when it ends.",
          ),
          byResult(
            "Polls by all agents",
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
      description: `${meaning} On all nodes, in the selected time range. ${NEEDS_RECORDINGS}`,
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
        "The longest time since an accepted push, of all agents that report. With push alone an agent counts " +
        "for five minutes after its last push.",
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
      description: `Collector processes that report. ${OF_COLLECTOR}`,
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
        "Points that the backend did not accept, in the selected time range. If it was away, the agents push " +
        `them again. The series exists only after the first failure. ${OF_COLLECTOR}`,
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
        description: `All agents at once: look at the collector or the backend. One agent: its network, or its token. ${NEEDS_RECORDINGS}`,
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
      title: "Points waiting in the agents (push only)",
      description:
        "Points that the collector has not accepted yet. They are pushed again with their own time. Dropped " +
        `points are lost: too old, backlog full, or rejected. An outage shows when it is over. ${NEEDS_RECORDINGS}`,
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
      title: "Duration of a poll",
      description: `How long chronyd takes to answer: on the slowest node, and the median of each cluster. ${NEEDS_RECORDINGS}`,
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
      description: `Progress of a rollout. ${NEEDS_RECORDINGS}`,
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
        "If it is larger than the network's delay, the clock of the collector's node is wrong, and so are the " +
        `offsets of all nodes. ${NEEDS_RECORDINGS}`,
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
    "Refused: the backend did not accept them, the memory limit was reached, or the sender is not an agent. The agent got an error.",
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
    "Points that the collector accepted but did not write, because they would harm other nodes' series: " +
      "filter/future, more than two minutes ahead of the collector's clock; filter/old, older than 25 minutes; " +
      "filter/names, metrics that no agent has. Zero if all senders are agents of this version.",
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
    "Not written: the backend is away, throttles or rejects. This series exists only after the first failure.",
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
    "Resident memory. Pushes are rejected when the heap is above four fifths of MEMORY_LIMIT_MIB.",
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
    "Falls to zero when the process restarts. Agents send the pushes that failed then again.",
    "s",
    ofProcesses("otelcol_process_uptime"),
  );
}
