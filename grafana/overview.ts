/** The clusters at one look: is any clock wrong, which one, since when. */
import { PanelBuilder as BarGaugeBuilder } from "@grafana/grafana-foundation-sdk/bargauge";
import {
  GraphThresholdsStyleConfigBuilder,
  GraphThresholdsStyleMode,
  HeatmapCellLayout,
  ReduceDataOptionsBuilder,
  VizOrientation,
} from "@grafana/grafana-foundation-sdk/common";
import type { Dashboard } from "@grafana/grafana-foundation-sdk/dashboard";
import {
  PanelBuilder as HeatmapBuilder,
  HeatmapColorMode,
  HeatmapColorOptionsBuilder,
  RowsHeatmapOptionsBuilder,
  YAxisConfigBuilder,
} from "@grafana/grafana-foundation-sdk/heatmap";
import { PromQueryFormat } from "@grafana/grafana-foundation-sdk/prometheus";
import { sumOfTwoLargest } from "../alerts/promql.ts";
import { ALERT_GROUPS } from "../alerts/rules.ts";
import { THRESHOLDS } from "../alerts/thresholds.ts";
import {
  BLUE,
  CRITICAL_MS,
  GREEN,
  GREY,
  ORANGE,
  SKY,
  STATE_COLOURS,
  VERMILION,
  WARNING_MS,
  YELLOW,
} from "./colours.ts";
import { clustersVariable, dashboard, UIDS } from "./dashboard.ts";
import {
  absolute,
  bars,
  COUNT_THRESHOLDS,
  DATA_SOURCE,
  ERROR_THRESHOLDS,
  errorSeries,
  fixedColour,
  instantQuery,
  type PanelText,
  rangeQuery,
  refId,
  stacked,
  stat,
  table,
  timeSeries,
  titled,
  valueField,
  withStateColours,
  worstFirst,
} from "./panel.ts";
import {
  among,
  CHOSEN_CLUSTERS,
  fleet,
  NEEDS_RECORDINGS,
  ofEachNode,
  recorded,
  recordedSum,
  selector,
} from "./query.ts";

const PEAK = fleet("chrony_clock_error_peak_ms");
const COLLECTOR_OFFSET = fleet("chrony_collector_offset_seconds");
const FARTHEST = recorded("cluster_node:chrony_collector_offset_seconds:topk10");

/** States in which no error is published, because none is known. */
const ERROR_UNKNOWN = fleet("chrony_sync_state", 'state=~"local|unreachable"');

/**
 * The nodes to look at first: those whose error is not known, then those with the largest error. 1e12 is
 * larger than any error: chronyd reports 1500 ms before it is synchronised, and a dispersion can reach
 * days.
 */
const WORST_NODES = `topk(20, (${ERROR_UNKNOWN} == 1) * 1e12 or ${PEAK})`;

/**
 * The nodes of kube-state-metrics that can run the agent: neither Windows nor virtual ones. In a
 * Prometheus of the cluster's own they have no label `cluster`.
 */
const KUBERNETES_NODES = selector(
  "kube_node_info",
  'cluster=~"$cluster|"',
  'os_image!~"Windows.*"',
  'kubelet_version!~".*-vk-.*"',
  'node!~"virtual-?(node|kubelet).*"',
);

const ALERT_NAMES = ALERT_GROUPS.flatMap(({ alerts }) => alerts.map(({ name }) => name));

const OURS = [CHOSEN_CLUSTERS, `alertname=~"${ALERT_NAMES.join("|")}"`];
const FIRING = selector("ALERTS", ...OURS, 'alertstate="firing"');

/**
 * There while the data source has the series ALERTS at all: of any alert now, or of one of ours in the
 * time that is shown. Not every ruler writes it; Azure does not say whether its own does.
 */
const ALERTS_EXIST = `(count(ALERTS) or count(last_over_time(${selector("ALERTS", ...OURS)}[$__range])))`;

/** The dashboard of all nodes. */
export function overview(): Dashboard {
  return dashboard({
    uid: UIDS.overview,
    title: "Chrony Tracker: overview",
    description: "How wrong the clock of each node can be now, the worst nodes first.",
    variables: [clustersVariable()],
    rows: [
      {
        title: "Now",
        panels: [
          worstError(),
          nodesReporting(),
          notSynchronised(),
          errorUnknown(),
          stepsCounted(),
          alertsFiring(),
        ],
      },
      { title: "Worst nodes", panels: [worstNodes()] },
      { title: "Errors", panels: [errorOverTime(), distribution(), heatmap()] },
      { title: "Between two clocks", panels: [skew(), skewOverTime()] },
      {
        title: "Events",
        panels: [statesOverTime(), steps(), collectorOffset(), firingAlerts()],
      },
    ],
  });
}

const TILE = { width: 4, height: 4 };

function worstError() {
  return stat(
    {
      ...TILE,
      title: "Largest clock error",
      description:
        "The largest peak of any node: the largest of error and bound in the last minute. The true time is " +
        "within this distance of the node's clock, as far as chronyd can know. Nodes whose error is not " +
        "known are not included: see the tile for them.",
      unit: "ms",
    },
    [{ expression: `max(${PEAK})`, legend: "worst" }],
    ERROR_THRESHOLDS,
  );
}

function nodesReporting() {
  const inKubernetes = `count by (cluster) (max by (cluster, node) (${KUBERNETES_NODES}))`;
  const up = selector("chrony_up", CHOSEN_CLUSTERS);
  const seen = `count by (cluster) (${ofEachNode(`last_over_time(${up}[1h])`)})`;
  return stat(
    {
      ...TILE,
      title: "Nodes",
      description:
        "Nodes that report now, and those that should: the Linux nodes of kube-state-metrics. Without " +
        "kube-state-metrics: all nodes that reported within the last hour, including removed ones. By push, " +
        "a silent node counts as reporting for five more minutes.",
      unit: "none",
    },
    [
      { expression: `count(${fleet("chrony_up")})`, legend: "reporting" },
      {
        expression: `sum(${inKubernetes} or ${seen} unless on () kube_node_info{cluster=""})`,
        legend: "expected",
      },
    ],
  );
}

function notSynchronised() {
  return stat(
    {
      ...TILE,
      title: "Not synchronised",
      description: "Nodes whose last reported state is not synchronised.",
      unit: "none",
    },
    [
      {
        expression: `sum(${fleet("chrony_sync_state", 'state!="synchronised"')})`,
        legend: "nodes",
      },
    ],
    COUNT_THRESHOLDS,
  );
}

function errorUnknown() {
  return stat(
    {
      ...TILE,
      title: "Error not known",
      description:
        "Nodes whose chronyd does not answer or follows its own clock. Their clocks may be wrong by any " +
        "amount, so they have no error.",
      unit: "none",
    },
    [{ expression: `sum(${ERROR_UNKNOWN})`, legend: "nodes" }],
    COUNT_THRESHOLDS,
  );
}

function stepsCounted() {
  return stat(
    {
      ...TILE,
      title: "Steps",
      description: `Steps of clocks by 10 ms or more, on all nodes, in the selected time range. ${NEEDS_RECORDINGS}`,
      unit: "none",
    },
    [{ expression: recordedSum("cluster_node:chrony_clock_steps:delta1m"), legend: "steps" }],
    COUNT_THRESHOLDS,
  ).noValue("not recorded");
}

function alertsFiring() {
  return stat(
    {
      ...TILE,
      title: "Alerts firing",
      description:
        "Firing alerts of Chrony Tracker, from the series ALERTS of this data source. The series is missing " +
        "if the rules run elsewhere, if their results are not written here, or if no alert was pending or " +
        "firing in the selected time range. Azure does not document whether its rules write it; see Azure " +
        "Monitor's list of alerts.",
      unit: "none",
    },
    [
      {
        expression: `count(${ofEachNode(FIRING, "alertname")}) or 0 * ${ALERTS_EXIST}`,
        legend: "alerts",
      },
    ],
    COUNT_THRESHOLDS,
  ).noValue("no ALERTS here");
}

function worstNodes() {
  const column = (name: string, title: string, unit: string, expression: string) => ({
    name,
    title,
    unit,
    expression: among(expression, WORST_NODES),
  });
  const coloured = { thresholds: ERROR_THRESHOLDS };
  const state = ofEachNode(selector("chrony_sync_state", CHOSEN_CLUSTERS), "state");
  const source = ofEachNode(selector("chrony_tracking_info", CHOSEN_CLUSTERS), "tracking_name");
  const rank = { name: "rank", title: "Rank", unit: "none", expression: WORST_NODES };
  return table(
    {
      width: 24,
      height: 9,
      title: "The 20 worst nodes",
      description:
        "First the nodes whose error is not known, then those with the largest peak. An empty cell means that " +
        "the value is not known. A node's name links to its dashboard.",
    },
    [
      column("state", "", "none", `${state} == 1`),
      { ...column("peak", "Peak", "ms", PEAK), ...coloured },
      { ...column("error", "Error", "ms", fleet("chrony_clock_error_ms")), ...coloured },
      { ...column("bound", "Bound", "ms", fleet("chrony_clock_error_bound_ms")), ...coloured },
      column("source", "", "none", source),
      column("age", "Reference age", "s", fleet("chrony_reference_age_seconds")),
      column("step", "Last step", "s", fleet("chrony_clock_last_step_seconds")),
      column("offset", "Collector's clock minus the node's", "s", COLLECTOR_OFFSET),
      rank,
    ],
    rank.title,
    [valueField("state"), valueField("source")],
  )
    .overrideByName(valueField("rank"), [
      titled(rank.title),
      // Out of sight and not excluded: a table is sorted by a column that it has.
      { id: "custom.hidden", value: true },
    ])
    .overrideByName("cluster", [titled("Cluster")])
    .overrideByName("k8s_node_name", [
      titled("Node"),
      {
        id: "links",
        value: [
          {
            title: "This node in detail",
            url: `/d/${UIDS.node}?var-datasource=\${datasource}&var-cluster=\${__data.fields.cluster}&var-node=\${__value.text}&\${__url_time_range}`,
          },
        ],
      },
    ])
    .overrideByName("tracking_name", [titled("Source")])
    .overrideByName("state", [
      titled("State"),
      { id: "custom.cellOptions", value: { type: "color-text" } },
      {
        id: "mappings",
        value: [
          {
            type: "value",
            options: Object.fromEntries(
              Object.entries(STATE_COLOURS).map(([name, color], index) => [name, { color, index }]),
            ),
          },
        ],
      },
    ]);
}

function errorOverTime() {
  return worstFirst(
    errorSeries(
      {
        width: 24,
        height: 9,
        title: "Largest clock error: the ten worst nodes at each time",
        description:
          `The peak, which the alerts compare. Dashed: ${WARNING_MS} and ${CRITICAL_MS} ms. A line ends when the error is not ` +
          `known any more, or when the node is no longer among the ten. ${NEEDS_RECORDINGS}`,
      },
      [
        {
          expression: `topk(10, ${recorded("cluster_node:chrony_clock_error_peak_ms:topk10")})`,
          legend: "{{k8s_node_name}}",
        },
      ],
    ),
  );
}

/** The classes of the distribution: up to how many milliseconds; each begins where the one before ends. */
const ERROR_CLASSES = [
  { upToMs: 0.1, colour: BLUE },
  { upToMs: 1, colour: SKY },
  { upToMs: 10, colour: GREEN },
  { upToMs: WARNING_MS, colour: YELLOW },
  { upToMs: CRITICAL_MS, colour: ORANGE },
  { upToMs: Number.POSITIVE_INFINITY, colour: VERMILION },
] as const;

function distribution() {
  const classes = ERROR_CLASSES.map(({ upToMs, colour }, index) => {
    const aboveMs = ERROR_CLASSES[index - 1]?.upToMs ?? 0;
    return Number.isFinite(upToMs)
      ? { legend: `up to ${upToMs} ms`, colour, expression: nodesWithin(aboveMs, upToMs) }
      : { legend: `above ${aboveMs} ms`, colour, expression: `sum(${PEAK} > bool ${aboveMs})` };
  });
  const unknown = { legend: "not known", colour: GREY, expression: `sum(${ERROR_UNKNOWN})` };
  const panel = new BarGaugeBuilder()
    .title("Nodes by their largest error")
    .description(
      "Number of nodes by the size of their peak, the largest of error and bound in the last minute.",
    )
    .unit("none")
    .span(8)
    .height(9)
    .datasource(DATA_SOURCE)
    .orientation(VizOrientation.Horizontal)
    .reduceOptions(new ReduceDataOptionsBuilder().calcs(["lastNotNull"]))
    .thresholds(absolute([{ value: null, color: GREY }]))
    .min(0);
  [...classes, unknown].forEach(({ legend, colour, expression }, index) => {
    panel
      .withTarget(instantQuery(refId(index), { expression, legend }))
      .overrideByName(legend, [fixedColour(colour)]);
  });
  return panel;
}

/** How many nodes have an error above one bound and up to another. */
function nodesWithin(aboveMs: number, upToMs: number): string {
  return `sum((${PEAK} > bool ${aboveMs}) * (${PEAK} <= bool ${upToMs}))`;
}

function heatmap() {
  const nodes = `sum by (le) (${recorded("cluster_le:chrony_clock_error_peak_ms:count")})`;
  return new HeatmapBuilder()
    .title("Largest errors of all nodes")
    .description(
      "Number of nodes by the size of their peak, over time. If a whole band widens or moves up, look at the " +
        `time source. A single cell above it is one node. ${NEEDS_RECORDINGS}`,
    )
    .unit("none")
    .span(16)
    .height(9)
    .datasource(DATA_SOURCE)
    .interval("1m")
    .calculate(false)
    .rowsFrame(new RowsHeatmapOptionsBuilder().layout(HeatmapCellLayout.Le))
    .yAxis(new YAxisConfigBuilder().unit("ms"))
    .color(
      new HeatmapColorOptionsBuilder().mode(HeatmapColorMode.Scheme).scheme("Viridis").steps(64),
    )
    .withTarget(
      rangeQuery("A", { expression: nodes, legend: "{{le}}" }).format(PromQueryFormat.Heatmap),
    );
}

const SKEW_THRESHOLDS = [
  { value: null, color: BLUE },
  { value: THRESHOLDS.clockSkewMs, color: VERMILION },
];

const UNKNOWN_NODES = "nodes not known";

function skew() {
  const reporting = fleet("chrony_up");
  return stat(
    {
      width: 6,
      height: 8,
      title: "Largest possible distance",
      description:
        "The largest possible distance of two clocks of one cluster in the last minute: the sum of the two " +
        "largest peaks. Below it: the number of reporting nodes without a peak, which are not included. The " +
        "graph beside it also counts nodes that do not report. With fewer than two peaks there is no value.",
      unit: "ms",
    },
    [
      { expression: `max(${sumOfTwoLargest(PEAK)})`, legend: "apart" },
      {
        expression: `count(${reporting} unless ${PEAK}) or 0 * count(${reporting})`,
        legend: UNKNOWN_NODES,
      },
    ],
    SKEW_THRESHOLDS,
  ).overrideByName(UNKNOWN_NODES, [
    { id: "unit", value: "none" },
    { id: "thresholds", value: absolute(COUNT_THRESHOLDS).build() },
  ]);
}

function skewOverTime() {
  return timeSeries(
    {
      width: 18,
      height: 8,
      title: "How far two clocks can be apart",
      description:
        "The sum of the two largest peaks of each cluster: no two of its clocks were further apart in the last " +
        `minute. Dashed: the alert's ${THRESHOLDS.clockSkewMs} ms. Right axis: nodes whose error is not known, including ` +
        `nodes of kube-state-metrics that do not report. ${NEEDS_RECORDINGS}`,
      unit: "ms",
    },
    [
      { expression: recorded("cluster:chrony_clock_skew_bound_ms"), legend: "{{cluster}}" },
      {
        expression: recorded("cluster:chrony_clock_skew_unknown_nodes"),
        legend: `{{cluster}}, ${UNKNOWN_NODES}`,
      },
    ],
  )
    .thresholds(absolute(SKEW_THRESHOLDS))
    .thresholdsStyle(new GraphThresholdsStyleConfigBuilder().mode(GraphThresholdsStyleMode.Dashed))
    .fillOpacity(0)
    .overrideByRegexp(`/, ${UNKNOWN_NODES}$/`, [
      { id: "unit", value: "none" },
      { id: "custom.axisPlacement", value: "right" },
    ]);
}

const HALF: Pick<PanelText, "width" | "height"> = { width: 12, height: 8 };

function statesOverTime() {
  return withStateColours(
    stacked(
      {
        ...HALF,
        title: "Nodes by state",
        description:
          "A node that does not report has no state, so the stack becomes lower. With both push and pull, a " +
          `node whose state changes can count twice until both have reported. ${NEEDS_RECORDINGS}`,
        unit: "none",
      },
      [
        {
          expression: `sum by (state) (${recorded("cluster_state:chrony_sync_state:sum")})`,
          legend: "{{state}}",
        },
      ],
    ).min(0),
  );
}

function steps() {
  return bars(
    {
      ...HALF,
      title: "Steps of a clock",
      description:
        "Steps by 10 ms or more. For programs on the node, time was skipped or repeated. A bar shows the " +
        `time in which the step is counted, not its length. ${NEEDS_RECORDINGS}`,
      unit: "none",
    },
    [
      {
        expression: `sum_over_time(${recorded("cluster_node:chrony_clock_steps:delta1m")}[$__rate_interval])`,
        legend: "{{k8s_node_name}}",
      },
    ],
  );
}

function collectorOffset() {
  return timeSeries(
    {
      ...HALF,
      title: "The collector's clock minus the node's (push only)",
      description:
        "A check that does not depend on chrony, but includes the network's delay. If the median is off, the " +
        `collector's clock is wrong. If one node is off, its clock is wrong. ${NEEDS_RECORDINGS}`,
      unit: "s",
    },
    [
      {
        expression: among(FARTHEST, `topk(10, abs(${FARTHEST}))`),
        legend: "{{k8s_node_name}}",
      },
      {
        expression: recorded("cluster:chrony_collector_offset_seconds:median"),
        legend: "median of {{cluster}}",
      },
    ],
  );
}

function firingAlerts() {
  return table(
    {
      ...HALF,
      title: "Alerts firing",
      description:
        "Firing alerts and their nodes, from the series ALERTS of this data source. Also empty if that series " +
        "is missing: see the tile of the same name.",
    },
    [
      {
        name: "firing",
        title: "Firing",
        unit: "none",
        expression: ofEachNode(FIRING, "alertname", "severity"),
      },
    ],
    "Alert",
    [valueField("firing")],
  )
    .overrideByName("alertname", [titled("Alert")])
    .overrideByName("severity", [titled("Severity")])
    .overrideByName("cluster", [titled("Cluster")])
    .overrideByName("k8s_node_name", [titled("Node")])
    .noValue("none, or no ALERTS here");
}
