/** The files that are derived from the alerts, each with its path in the repository and its text. */
import { stringify } from "yaml";
import { azureRuleGroups } from "./azure.ts";
import { grafanaProvisioning } from "./grafana.ts";
import { prometheusRule, rulesFile } from "./prometheus.ts";
import { assertAffordable, MOST_OF_A_RULE } from "./query-cost.ts";
import { recordings } from "./recordings.ts";
import type { AlertGroup } from "./rules.ts";

/**
 * Path, from the repository's root, and text of each file.
 *
 * @throws when the alerts break a rule of one of the places that they are for, or a query costs too much.
 */
export function derivedFiles(groups: readonly AlertGroup[]): ReadonlyMap<string, string> {
  const alerts = groups.flatMap((group) => group.alerts);
  for (const { name, expression } of [...alerts, ...recordings()]) {
    assertAffordable(name, expression, { rangeSeconds: 0, most: MOST_OF_A_RULE });
  }
  return new Map([
    ["alerts/chrony-tracker.rules.yaml", yaml(rulesFile(groups))],
    ["alerts/prometheus-rule.yaml", yaml(prometheusRule(groups))],
    ["azure/rule-groups.json", `${JSON.stringify(azureRuleGroups(groups), null, 2)}\n`],
    ["grafana/alerting/chrony-tracker.yaml", yaml(grafanaProvisioning(groups))],
  ]);
}

function yaml(content: object): string {
  // No aliases: not every reader of such files knows them.
  const text = stringify(content, { lineWidth: 0, aliasDuplicateObjects: false });
  return `# Made by \`npm run alerts\` from alerts/rules.ts and alerts/thresholds.ts: change those.\n${text}`;
}
