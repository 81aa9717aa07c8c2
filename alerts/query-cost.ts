/**
 * What a query costs an Azure Monitor workspace, for the largest cluster that rules and dashboards are
 * made for. Azure computes (https://learn.microsoft.com/azure/azure-monitor/service-limits, "Query cost
 * throttling limits"): series that are requested × points that each has in the time asked for / 5,000.
 * A query beyond the limit is refused.
 */
import { SYNC_STATES } from "../src/clock/sync-state.ts";
import { COLLECTOR_OFFSET, METRICS } from "../src/metrics/catalogue.ts";
import { DROP_REASONS, isPlain } from "../src/metrics/metric.ts";
import { ERROR_BUCKETS_MS, recordings } from "./recordings.ts";

/** What one query of a dashboard may cost. */
export const MOST_OF_A_PANEL = 15_000;

/** What one query of a rule may cost. */
export const MOST_OF_A_RULE = 3000;

const COST_UNIT = 5000;
const NODES = 5000;

/** A node that both pushes and is scraped has each series twice. */
const WAYS = 2;

/** Clusters that report to one workspace, so many at most that a dashboard shows together. */
const CLUSTERS = 60;
const COLLECTORS = 3 * CLUSTERS;
const WORST_OF_CLUSTER = 10;

/** Seconds between two points: of a push or a scrape, and of a recording. */
const SAMPLE_SECONDS = 30;
const RECORDING_SECONDS = 60;

/** How far an instant vector looks back. */
const LOOKBACK_SECONDS = 300;

/** The values of the labels that tell series of one node, collector or cluster apart; others have one. */
const LABEL_VALUES: Readonly<Record<string, readonly string[]>> = {
  state: SYNC_STATES,
  status: ["normal", "insert_second", "delete_second", "unsynchronised"],
  result: ["success", "failure"],
  reason: DROP_REASONS,
  source_address: ["PHC0", "1", "2", "3"],
  device: ["/dev/ptp0", "/dev/ptp1"],
  version: ["old", "new"],
  le: [...ERROR_BUCKETS_MS.map(String), "+Inf"],
  filter: ["filter/own", "filter/future", "filter/old", "filter/names"],
  receiver: ["otlp", "otlp/own"],
  key: ["node.kubernetes.io/unreachable", "node.kubernetes.io/not-ready"],
  condition: ["Ready"],
};

type Series = {
  readonly each: number;
  readonly labels: readonly string[];
  readonly seconds: number;
};

const ofNodes = (...labels: readonly string[]): Series => ({
  each: NODES,
  labels,
  seconds: SAMPLE_SECONDS,
});

const ofAgents = (...labels: readonly string[]): Series => ({
  ...ofNodes(...labels),
  each: WAYS * NODES,
});

/** What a recording keeps: one series a cluster, the worst nodes of each, or one an agent, at any moment. */
function ofRecording(name: string): Series {
  const [level = ""] = name.split(":");
  if (level === "instance") {
    return { ...ofAgents(), seconds: RECORDING_SECONDS };
  }
  const labels = level.split("_").slice(1);
  return {
    each: CLUSTERS * (labels.includes("node") ? WORST_OF_CLUSTER : 1),
    labels: labels.filter((label) => label !== "node"),
    seconds: RECORDING_SECONDS,
  };
}

const SERIES: ReadonlyMap<string, Series> = new Map([
  ...METRICS.map(
    (metric) => [metric.name, ofAgents(...(isPlain(metric) ? [] : metric.labels))] as const,
  ),
  [COLLECTOR_OFFSET.name, ofNodes()],
  ["kube_node_info", ofNodes()],
  ["kube_node_spec_taint", ofNodes("key")],
  ["kube_node_status_condition", ofNodes("condition")],
  // As many as there are nodes: an alert of one kind for each.
  ["ALERTS", { each: NODES, labels: [], seconds: RECORDING_SECONDS }],
  ...recordings().map(({ name }) => [name, ofRecording(name)] as const),
]);

const COLLECTOR_SERIES: Series = {
  each: COLLECTORS,
  labels: ["filter", "receiver"],
  seconds: SAMPLE_SECONDS,
};

function seriesOf(metric: string): Series {
  const series =
    SERIES.get(metric) ?? (metric.startsWith("otelcol_") ? COLLECTOR_SERIES : undefined);
  if (series === undefined) {
    throw new Error(
      `How many series ${metric} has is not known. Add it to alerts/query-cost.ts, or mend its name.`,
    );
  }
  return series;
}

const SELECTOR = /\b(?:chrony|kube|otelcol)_\w+|\b(?:cluster\w*|instance):\w+(?::\w+)?|\bALERTS\b/;
const TOKEN = new RegExp(
  `(?<metric>${SELECTOR.source})(?<matchers>\\{[^}]*\\})?(?:\\[(?<window>\\w+)\\])?` +
    String.raw`|(?<open>\()|(?<close>\))(?:\[(?<subquery>\w+):\w*\])?|"[^"]*"`,
  "g",
);
const MATCHER = /(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"/g;

/** A selector's series, and how far back it is asked for from each moment. */
type Selected = { readonly series: number; readonly seconds: number; windowSeconds: number };

/**
 * What a query costs for 5,000 nodes that push every 30 s and are scraped as often. A selector that
 * is written twice counts twice.
 *
 * @param rangeSeconds the time that is shown; 0 for an instant query and for a rule
 * @throws when it asks for a metric whose number of series is not known
 */
export function queryCost(expression: string, rangeSeconds: number): number {
  const selected: Selected[] = [];
  const opened: number[] = [];
  for (const { groups = {} } of expression.matchAll(TOKEN)) {
    const { metric, matchers = "", window, open, close, subquery } = groups;
    if (metric !== undefined) {
      selected.push({
        ...sizeOf(metric, matchers),
        windowSeconds: window === undefined ? LOOKBACK_SECONDS : durationSeconds(window),
      });
    } else if (open !== undefined) {
      opened.push(selected.length);
    } else if (close !== undefined) {
      const first = opened.pop() ?? 0;
      if (subquery !== undefined) {
        for (const inside of selected.slice(first)) {
          inside.windowSeconds += durationSeconds(subquery);
        }
      }
    }
  }
  return selected.reduce(
    (cost, { series, seconds, windowSeconds }) =>
      cost + (series * (rangeSeconds + windowSeconds)) / seconds / COST_UNIT,
    0,
  );
}

function sizeOf(metric: string, text: string): Pick<Selected, "series" | "seconds"> {
  const { each, labels, seconds } = seriesOf(metric);
  const matchers = [...text.matchAll(MATCHER)].map(([, label = "", operator = "", value = ""]) => ({
    label,
    matches: matching(operator, value),
  }));
  const isOneNode = /k8s_node_name\s*="/.test(text);
  const perNode = labels.reduce((product, label) => {
    const values = LABEL_VALUES[label] ?? [];
    const left = values.filter((value) =>
      matchers.every((matcher) => matcher.label !== label || matcher.matches(value)),
    );
    return product * Math.max(1, left.length);
  }, 1);
  return { series: (isOneNode ? each / NODES : each) * perNode, seconds };
}

/** Prometheus anchors its regular expressions. */
function matching(operator: string, value: string): (text: string) => boolean {
  const isMatch = operator.endsWith("~")
    ? (text: string) => new RegExp(`^(?:${value})$`).test(text)
    : (text: string) => text === value;
  return operator.startsWith("!") ? (text) => !isMatch(text) : isMatch;
}

/**
 * @throws when a query would cost more than Azure allows, with a sentence that says what to do
 */
export function assertAffordable(
  what: string,
  expression: string,
  { rangeSeconds, most }: { readonly rangeSeconds: number; readonly most: number },
): void {
  const cost = queryCost(expression, rangeSeconds);
  if (cost > most) {
    throw new Error(
      `${what} costs ${Math.ceil(cost)} at ${NODES} nodes, and Azure allows ${most}: ${expression.trim()}. ` +
        "Use a recording (alerts/recordings.ts), or look back less far.",
    );
  }
}

const UNIT_SECONDS: Readonly<Record<string, number>> = {
  s: 1,
  m: 60,
  h: 3600,
  d: 86_400,
  w: 604_800,
};

function durationSeconds(duration: string): number {
  const [, count, unit = ""] = /^(\d+)([smhdw])$/.exec(duration) ?? [];
  const unitSeconds = UNIT_SECONDS[unit];
  if (count === undefined || unitSeconds === undefined) {
    throw new Error(`"${duration}" is no duration such as 90s, 10m or 1h.`);
  }
  return Number(count) * unitSeconds;
}
