/** The tables of README.md and docs/ that are made from the code. */
import { ALERT_GROUPS } from "../../alerts/rules.ts";
import { EXIT_CODES } from "../../src/exit-codes.ts";
import { ACTIVITY_METRICS } from "../../src/metrics/activity.ts";
import { AGENT_METRICS } from "../../src/metrics/agent.ts";
import { COLLECTOR_OFFSET, METRICS } from "../../src/metrics/catalogue.ts";
import { CLOCK_METRICS } from "../../src/metrics/clock.ts";
import { isPlain, type Metric } from "../../src/metrics/metric.ts";
import { NTP_DATA_METRICS } from "../../src/metrics/ntp-data.ts";
import { SERVER_STATISTICS_METRICS } from "../../src/metrics/server-statistics.ts";
import { SOURCE_STATISTICS_METRICS } from "../../src/metrics/source-statistics.ts";
import { SOURCE_METRICS } from "../../src/metrics/sources.ts";
import { TRACKING_METRICS } from "../../src/metrics/tracking.ts";
import { UTC_CHECK_METRICS } from "../../src/metrics/utc-check.ts";
import { SETTING_DESCRIPTIONS, type SettingDescription } from "../../src/settings.ts";
import { markdownTable } from "../markdown-table.ts";

/** The pages that have such tables, relative to the project's folder. */
export const PAGES = [
  "README.md",
  "docs/alerts-and-dashboards.md",
  "docs/metrics.md",
  "docs/one-machine.md",
  "docs/settings.md",
];

/** The settings in the README. */
const MAIN_SETTINGS = [
  "CHRONY_ADDRESS",
  "SLEEP_INTERVAL",
  "CHRONY_METRICS",
  "OTEL_METRICS_EXPORTER",
  "OTEL_EXPORTER_OTLP_ENDPOINT",
  "OTEL_METRIC_EXPORT_INTERVAL",
  "BACKLOG_MAX_AGE",
  "OTEL_LOG_LEVEL",
];

/** The metrics in the README. */
const MAIN_METRICS = [
  "chrony_clock_error_peak_ms",
  "chrony_clock_error_bound_ms",
  "chrony_clock_error_ms",
  "chrony_sync_state",
  "chrony_upstream_local",
  "chrony_reference_age_seconds",
  "chrony_clock_steps_total",
  "chrony_tracker_backlog_dropped_points_total",
];

const TABLES: Readonly<Record<string, readonly (readonly string[])[]>> = {
  settings: settingTable(SETTING_DESCRIPTIONS),
  "main settings": settingTable(
    MAIN_SETTINGS.map((name) => found(SETTING_DESCRIPTIONS, ({ names }) => names.includes(name))),
  ),
  "main metrics": metricTable(
    MAIN_METRICS.map((name) => found(METRICS, (metric) => metric.name === name)),
  ),
  "metrics of the clock": metricTable(CLOCK_METRICS),
  "metrics of the utc check": metricTable(UTC_CHECK_METRICS),
  "metrics of tracking": metricTable(TRACKING_METRICS),
  "metrics of sources": metricTable(SOURCE_METRICS),
  "metrics of sourcestats": metricTable(SOURCE_STATISTICS_METRICS),
  "metrics of ntpdata": metricTable(NTP_DATA_METRICS),
  "metrics of serverstats": metricTable(SERVER_STATISTICS_METRICS),
  "metrics of activity": metricTable(ACTIVITY_METRICS),
  "metrics of the agent": metricTable(AGENT_METRICS),
  "metrics of the collector": [
    ["metric", "kind", "meaning"],
    [`\`${COLLECTOR_OFFSET.name}\``, "gauge", COLLECTOR_OFFSET.help],
  ],
  alerts: [
    ["alert", "severity", "what is wrong"],
    ...ALERT_GROUPS.flatMap(({ alerts }) => alerts).map(({ name, severity, summary }) => [
      `[${name}](runbook.md#${name.toLowerCase()})`,
      severity,
      summary,
    ]),
  ],
  "exit codes": [
    ["command", "code", "when"],
    ...EXIT_CODES.map(({ command, code, when }) => [`\`${command}\``, String(code), when]),
  ],
};

const MARK = /<!-- (?<name>[a-z ]+): made by `npm run docs` -->\n(?:\|.*\n)*/g;

/**
 * The page with its tables made anew.
 * @throws {Error} when the page asks for a table that does not exist
 */
export function withTables(page: string): string {
  return page.replaceAll(MARK, (_, name: string) => {
    const table = TABLES[name];
    if (table === undefined) {
      throw new Error(`There is no table "${name}". There are: ${Object.keys(TABLES).join(", ")}.`);
    }
    return `<!-- ${name}: made by \`npm run docs\` -->\n${markdownTable(table)}`;
  });
}

/** The names of the tables that a page has. */
export function tablesOf(page: string): string[] {
  return [...page.matchAll(MARK)].map(({ groups }) => groups?.["name"] ?? "");
}

/** The names of all tables. */
export const TABLE_NAMES: readonly string[] = Object.keys(TABLES);

function settingTable(settings: readonly SettingDescription[]): string[][] {
  return [
    ["variable", "default", "meaning"],
    ...settings.map((setting) => [
      setting.names.map((name) => `\`${name}\``).join(", "),
      setting.default,
      setting.explanation,
    ]),
  ];
}

function metricTable(metrics: readonly Metric[]): string[][] {
  return [
    ["metric", "kind", "meaning"],
    ...metrics.map((metric) => [
      `\`${metric.name}\`${isPlain(metric) ? "" : ` {${metric.labels.join(", ")}}`}`,
      metric.kind,
      metric.help,
    ]),
  ];
}

function found<Row>(rows: readonly Row[], fits: (row: Row) => boolean): Row {
  const row = rows.find(fits);
  if (row === undefined) {
    throw new Error(
      "README.md names a setting or a metric that does not exist (tools/docs/tables.ts).",
    );
  }
  return row;
}
