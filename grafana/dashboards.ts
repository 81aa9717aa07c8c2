/** All dashboards, and where their files are. */
import { fileURLToPath } from "node:url";
import type { Dashboard } from "@grafana/grafana-foundation-sdk/dashboard";
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

/** What stands in a dashboard's file: what Grafana imports. */
export function dashboardText(dashboard: Dashboard): string {
  return `${JSON.stringify(dashboard, null, 2)}\n`;
}
