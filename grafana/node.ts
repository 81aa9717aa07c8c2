/** One node: what its clock error is made of, what chronyd has to go by, and how its agent is. */

import { VisibilityMode, VizLegendOptionsBuilder } from "@grafana/grafana-foundation-sdk/common";
import { type Dashboard, MappingType } from "@grafana/grafana-foundation-sdk/dashboard";
import { PanelBuilder as StateTimelineBuilder } from "@grafana/grafana-foundation-sdk/statetimeline";
import { SYNC_STATES } from "../src/clock/sync-state.ts";
import { BLUE, GREEN, ORANGE, STATE_COLOURS } from "./colours.ts";
import { clustersVariable, dashboard, nodeVariable, UIDS } from "./dashboard.ts";
import {
  bars,
  COUNT_THRESHOLDS,
  DATA_SOURCE,
  ERROR_THRESHOLDS,
  errorSeries,
  fixedColour,
  type PanelText,
  rangeQuery,
  stacked,
  stat,
  table,
  timeSeries,
  titled,
  valueField,
  withStateColours,
  word,
} from "./panel.ts";
import { CHOSEN_NODE, increase, node, ofEachNode, selector } from "./query.ts";

const SOURCE_LABELS = ["source_address", "source_name"];

/** A note for panels of optional reports that are off by default. */
const ONLY_WITH = (report: string) => `Needs \`${report}\` in the agent's CHRONY_METRICS.`;

/** The dashboard of one node. */
export function nodeDashboard(): Dashboard {
  return dashboard({
    uid: UIDS.node,
    title: "Chrony Tracker: one node",
    description: "The terms of one node's clock error, and its time sources.",
    variables: [clustersVariable(), nodeVariable()],
    rows: [
      {
        title: "Now",
        panels: [
          stateNow(),
          errorNow(
            "Peak",
            "chrony_clock_error_peak_ms",
            "The largest of error and bound in the last minute. Alerts and colours use it.",
          ),
          errorNow("Bound", "chrony_clock_error_bound_ms", BOUND_MEANING),
          sourceNow(),
          referenceAgeNow(),
          stepsCounted(),
        ],
      },
      { title: "The error", panels: [composition(), errors(), states(), steps()] },
      {
        title: "How chronyd keeps the clock",
        panels: [offsets(), frequency(), referenceAge(), collectorOffset()],
      },
      {
        title: "Sources",
        panels: [
          sources(),
          sourceOffsets(),
          reachability(),
          sourceDeviation(),
          sourceDelay(),
          activity(),
          served(),
        ],
      },
      { title: "The agent", panels: [readings(), readingDuration(), exports(), exportAge()] },
    ],
  });
}

const TILE = { width: 4, height: 4 };
const HALF: Pick<PanelText, "width" | "height"> = { width: 12, height: 8 };

const BOUND_MEANING =
  "From chrony's manual: the offset that is still to be slewed + root dispersion + half the root delay, plus steps that chronyd has not seen. Rely on this one.";

function stateNow() {
  return withStateColours(
    word(
      {
        ...TILE,
        title: "State",
        description: "The state of the clock in the last report.",
      },
      { expression: `${node("chrony_sync_state", "state")} == 1`, legend: "{{state}}" },
    ),
  );
}

function errorNow(title: string, metric: string, meaning: string) {
  return stat(
    {
      ...TILE,
      title,
      description: `${meaning} Empty when the error is not known: chronyd does not answer, or follows its own clock.`,
      unit: "ms",
    },
    [{ expression: node(metric), legend: title }],
    ERROR_THRESHOLDS,
  );
}

function sourceNow() {
  return word(
    {
      ...TILE,
      title: "Time source",
      description: "The source that the clock follows. PHC0 is the clock of the Azure host.",
    },
    { expression: node("chrony_tracking_info", "tracking_name"), legend: "{{tracking_name}}" },
  );
}

function referenceAgeNow() {
  return stat(
    {
      ...TILE,
      title: "Reference age",
      description: "Time since chronyd's last update from its source. The error grows with it.",
      unit: "s",
    },
    [{ expression: node("chrony_reference_age_seconds"), legend: "age" }],
  );
}

function stepsCounted() {
  return stat(
    {
      ...TILE,
      title: "Steps",
      description: "Steps of the clock by 10 ms or more in the selected time range.",
      unit: "none",
    },
    [
      {
        expression: `round(${increase("chrony_clock_steps_total", CHOSEN_NODE, "$__range")})`,
        legend: "steps",
      },
    ],
    COUNT_THRESHOLDS,
  );
}

function trackingMs(name: string): string {
  return `${node(`chrony_tracking_${name}_seconds`)} * 1e3`;
}

function composition() {
  return stacked(
    {
      ...HALF,
      title: "Terms of the error",
      description:
        "The sum of the three terms is the clock error. Offset: measured at the last update. Dispersion: error " +
        "that accumulates with time and with each hop. Delay: half the network's round trip.",
      unit: "ms",
    },
    [
      { expression: `abs(${trackingMs("last_offset")})`, legend: "|last offset|" },
      { expression: trackingMs("root_dispersion"), legend: "root dispersion" },
      { expression: `${trackingMs("root_delay")} / 2`, legend: "½ root delay" },
    ],
  )
    .min(0)
    .overrideByName("|last offset|", [fixedColour(BLUE)])
    .overrideByName("root dispersion", [fixedColour(ORANGE)])
    .overrideByName("½ root delay", [fixedColour(GREEN)]);
}

function errors() {
  return errorSeries(
    {
      ...HALF,
      title: "Error, bound and peak",
      description: `Peak: the largest of both in the last minute. Error: far too small while a large offset is slewed away. Bound: ${BOUND_MEANING}`,
    },
    [
      { expression: node("chrony_clock_error_ms"), legend: "error" },
      { expression: node("chrony_clock_error_bound_ms"), legend: "bound" },
      { expression: node("chrony_clock_error_peak_ms"), legend: "peak" },
    ],
  );
}

/** The state as a number, 0 for the best; the worst where push and pull do not agree. */
const STATE_NUMBER = ofEachNode(
  SYNC_STATES.map(
    (state, index) =>
      `${selector("chrony_sync_state", CHOSEN_NODE, `state="${state}"`)} * ${index}`,
  ).join(" or "),
);

function states() {
  return new StateTimelineBuilder()
    .title("State")
    .description("The state of the clock over time. A gap means that the node did not report.")
    .unit("none")
    .span(HALF.width)
    .height(5)
    .datasource(DATA_SOURCE)
    .interval("30s")
    .withTarget(rangeQuery("A", { expression: STATE_NUMBER, legend: "state" }))
    .showValue(VisibilityMode.Auto)
    .legend(new VizLegendOptionsBuilder().showLegend(false))
    .mappings([
      {
        type: MappingType.ValueToText,
        options: Object.fromEntries(
          SYNC_STATES.map((state, index) => [
            String(index),
            { text: state, color: STATE_COLOURS[state], index },
          ]),
        ),
      },
    ]);
}

function steps() {
  return bars(
    {
      width: HALF.width,
      height: 5,
      title: "Size of the last step",
      description:
        "Shown for a short time after a step. Positive: the clock was set forward. Negative: it was set back, and time was repeated.",
      unit: "s",
    },
    [
      {
        expression: `${node("chrony_clock_last_step_seconds")} and ${increase("chrony_clock_steps_total", CHOSEN_NODE, "$__rate_interval")} > 0`,
        legend: "step",
      },
    ],
  ).axisCenteredZero(true);
}

function offsets() {
  return timeSeries(
    {
      ...HALF,
      title: "Offsets",
      description:
        "Last offset: positive means that the clock was ahead. Still to be slewed: positive means that it is behind.",
      unit: "s",
    },
    [
      { expression: node("chrony_tracking_last_offset_seconds"), legend: "last offset" },
      { expression: node("chrony_tracking_system_time_seconds"), legend: "still to be slewed" },
      { expression: node("chrony_tracking_rms_offset_seconds"), legend: "long-term average" },
    ],
  );
}

function frequency() {
  return timeSeries(
    {
      ...HALF,
      title: "Frequency",
      description:
        "Frequency error of the clock without chronyd's correction. It changes with temperature, after a live " +
        "migration or on another host. A skew that stays large means that the source is unsteady.",
      unit: "ppm",
    },
    [
      { expression: node("chrony_tracking_frequency_ppms"), legend: "frequency" },
      { expression: node("chrony_tracking_residual_frequency_ppms"), legend: "residual" },
      { expression: node("chrony_tracking_skew_ppms"), legend: "skew" },
    ],
  );
}

function referenceAge() {
  return timeSeries(
    {
      ...HALF,
      title: "Reference age",
      description:
        "Time since chronyd's last update from its source. Normally it rises to the update interval and falls to " +
        "0. After eight polls without an answer the state is stale.",
      unit: "s",
    },
    [
      { expression: node("chrony_reference_age_seconds"), legend: "age" },
      { expression: node("chrony_tracking_update_interval_seconds"), legend: "update interval" },
    ],
  );
}

function collectorOffset() {
  return timeSeries(
    {
      ...HALF,
      title: "The collector's clock minus the node's (push only)",
      description:
        "A check that does not depend on chrony, but includes the network's delay. Compare with other nodes: if " +
        "all are off, the collector's clock is wrong.",
      unit: "s",
    },
    [{ expression: node("chrony_collector_offset_seconds"), legend: "collector minus node" }],
  );
}

function sources() {
  const column = (name: string, title: string, unit: string, metric = name) => ({
    name,
    title,
    unit,
    expression: node(`chrony_sources_${metric}`, ...SOURCE_LABELS),
  });
  return table(
    {
      width: 24,
      height: 6,
      title: "Sources",
      description:
        "The state that chronyd reports for each source. sync: followed. unreach: does not answer. falseticker: " +
        "disagrees with the others. jittery: varies too much.",
    },
    [
      {
        name: "state",
        title: "",
        unit: "none",
        expression: node(
          "chrony_sources_state_info",
          ...SOURCE_LABELS,
          "source_state",
          "source_mode",
        ),
      },
      column("stratum", "Stratum", "none"),
      column("reach", "Reach of the last eight polls", "percentunit", "reachability_ratio"),
      column("age", "Last measurement", "s", "last_sample_age_seconds"),
      column("offset", "Offset", "s", "last_sample_offset_seconds"),
      column("margin", "Error margin", "s", "last_sample_error_margin_seconds"),
      column("poll", "Polling interval", "s", "polling_interval_seconds"),
    ],
    "State",
    [valueField("state"), "cluster", "k8s_node_name"],
  )
    .overrideByName("source_name", [titled("Source")])
    .overrideByName("source_address", [titled("Address")])
    .overrideByName("source_state", [titled("State")])
    .overrideByName("source_mode", [titled("Mode")]);
}

function ofSources(metric: string, legend = "{{source_name}}") {
  return { expression: node(metric, ...SOURCE_LABELS), legend };
}

function sourceOffsets() {
  return timeSeries(
    {
      ...HALF,
      title: "Last measured offset of each source",
      description:
        "Positive: the clock was ahead of the source. If two sources differ by more than their error margins, one is wrong.",
      unit: "s",
    },
    [ofSources("chrony_sources_last_sample_offset_seconds")],
  );
}

function reachability() {
  return timeSeries(
    {
      ...HALF,
      title: "Reachability",
      description: "Share of the last eight polls of each source that were answered.",
      unit: "percentunit",
    },
    [ofSources("chrony_sources_reachability_ratio")],
  )
    .min(0)
    .max(1);
}

function sourceDeviation() {
  return timeSeries(
    {
      ...HALF,
      title: "Stability of the sources",
      description: `Standard deviation of each source's measurements, and the offset estimated from them. ${ONLY_WITH("sourcestats")}`,
      unit: "s",
    },
    [
      ofSources("chrony_sourcestats_stddev", "{{source_name}} standard deviation"),
      ofSources("chrony_sourcestats_offset", "{{source_name}} offset"),
    ],
  );
}

function sourceDelay() {
  return timeSeries(
    {
      ...HALF,
      title: "Last response of each NTP source",
      description: `Network delay to the source and back, and the offset of that response. ${ONLY_WITH("ntpdata")}`,
      unit: "s",
    },
    [
      ofSources("chrony_sources_peer_delay_seconds", "{{source_name}} delay"),
      ofSources("chrony_sources_peer_offset_seconds", "{{source_name}} offset"),
    ],
  );
}

function activity() {
  return stacked(
    {
      ...HALF,
      title: "NTP sources by condition",
      description: `Sources that chronyd polls (online), does not poll (offline), or whose name it could not resolve. ${ONLY_WITH("activity")}`,
      unit: "none",
    },
    [{ expression: node("chrony_activity_sources", "state"), legend: "{{state}}" }],
  ).min(0);
}

function servedPerSecond(counter: string): string {
  const counted = selector(`chrony_serverstats_${counter}_total`, CHOSEN_NODE);
  return ofEachNode(`rate(${counted}[$__rate_interval])`);
}

function served() {
  return timeSeries(
    {
      ...HALF,
      title: "chronyd as a server",
      description: `NTP requests and commands that chronyd received. Commands include the agent's own polls. ${ONLY_WITH("serverstats")}`,
      unit: "ops",
    },
    [
      { expression: servedPerSecond("ntp_packets_received"), legend: "NTP requests" },
      { expression: servedPerSecond("ntp_packets_dropped"), legend: "NTP requests dropped" },
      { expression: servedPerSecond("command_packets_received"), legend: "commands" },
    ],
  ).min(0);
}

function perSecond(counter: string) {
  const rate = `rate(${selector(counter, CHOSEN_NODE)}[$__rate_interval])`;
  return { expression: ofEachNode(rate, "result"), legend: "{{result}}" };
}

function readings() {
  return timeSeries(
    {
      ...HALF,
      title: "Polls of chronyd",
      description:
        "Polls a second, by result. Failure: chronyd does not answer, or its answer is invalid.",
      unit: "ops",
    },
    [perSecond("chrony_tracker_readings_total")],
  ).min(0);
}

function readingDuration() {
  return timeSeries(
    {
      ...HALF,
      title: "Duration of a poll",
      description:
        "Duration of the last poll. Normally below 1 ms. 1 s means that chronyd does not answer.",
      unit: "s",
    },
    [{ expression: node("chrony_tracker_reading_duration_seconds"), legend: "poll" }],
  ).min(0);
}

function exports() {
  return timeSeries(
    {
      ...HALF,
      title: "Pushes to the collector (push only)",
      description: "Pushes a second, by result. Failures appear with the next successful push.",
      unit: "ops",
    },
    [perSecond("chrony_tracker_exports_total")],
  ).min(0);
}

function exportAge() {
  return timeSeries(
    {
      ...HALF,
      title: "Time since a push was accepted (push only)",
      description:
        "Normally at most a little more than the push interval, 30 s. The line ends after five minutes without an accepted push.",
      unit: "s",
    },
    [
      {
        expression: `time() - ${node("chrony_tracker_last_export_success_timestamp_seconds")}`,
        legend: "age",
      },
    ],
  ).min(0);
}
