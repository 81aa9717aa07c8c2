/** The words of an alert, as templates. */
import type { Alert } from "./rules.ts";
import { RUNBOOK_URL } from "./thresholds.ts";

/** How a place writes the labels and the value of an alert's series in its templates. */
export type TemplateNames = { readonly labels: string; readonly value: string };

/** Prometheus, and Azure, which takes the same templates. */
export const PROMETHEUS_TEMPLATES: TemplateNames = { labels: "$labels", value: "$value" };

/** The annotations of an alert: one line that says what is wrong with what, the value, the runbook. */
export function annotationsOf(
  { name, subject, summary, value }: Alert,
  names: TemplateNames,
): Readonly<Record<string, string>> {
  const cluster = `cluster {{ ${names.labels}.cluster }}`;
  const node = `Node {{ ${names.labels}.k8s_node_name }} of ${cluster}`;
  return {
    summary: `${subject === "node" ? node : capitalised(cluster)}: ${summary}`,
    description: `Value: {{ printf "%.4g" ${names.value} }} (${value}).`,
    runbook_url: `${RUNBOOK_URL}#${name.toLowerCase()}`,
  };
}

function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
