/** All dashboards, and where their files are. */
import { fileURLToPath } from "node:url";
import type { Dashboard, Panel } from "@grafana/grafana-foundation-sdk/dashboard";
import type { Dataquery } from "@grafana/grafana-foundation-sdk/prometheus";
import { assertAffordable, MOST_OF_A_PANEL } from "../alerts/query-cost.ts";
import { nodeDashboard } from "./node.ts";
import { overview } from "./overview.ts";
import { pipeline } from "./pipeline.ts";

/** Each dashboard under the name of its file. */
export const DASHBOARDS: Readonly<Record<string, () => Dashboard>> = {
  "overview.json": overview,
  "node.json": nodeDashboard,
  "pipeline.json": pipeline,
};

/** The path of a dashboard's file. */
export function dashboardPath(fileName: string): string {
  return fileURLToPath(new URL(`dashboards/${fileName}`, import.meta.url));
}

/** The longest time that a dashboard must be able to show of 5,000 nodes. */
const WEEK_SECONDS = 7 * 24 * 3600;

/** What stands for Grafana's variables when a week of all clusters is shown. */
const OF_A_WEEK: Readonly<Record<string, string>> = {
  cluster: ".*",
  node: "a-node",
  __range: "1w",
  // A week on a panel of a thousand points.
  __rate_interval: "10m",
};

/**
 * What stands in a dashboard's file: what Grafana imports.
 *
 * @throws when a query would cost more than Azure allows for a week of 5,000 nodes
 */
export function dashboardText(dashboard: Dashboard): string {
  for (const { title, targets = [] } of (dashboard.panels ?? []) as Panel[]) {
    for (const { expr, instant } of targets as unknown as Dataquery[]) {
      const expression = expr.replaceAll(/\$(\w+)/g, (_, name: string) => OF_A_WEEK[name] ?? "");
      const rangeSeconds = instant === true ? 0 : WEEK_SECONDS;
      const what = `A query of the panel "${title}" of "${dashboard.title}"`;
      assertAffordable(what, expression, { rangeSeconds, most: MOST_OF_A_PANEL });
    }
  }
  return `${JSON.stringify(dashboard, null, 2)}\n`;
}
