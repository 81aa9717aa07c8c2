/** The files that are derived from the alerts, each with its path in the repository and its text. */
import { stringify } from "yaml";
import { azureRuleGroups } from "./azure.ts";
import { grafanaProvisioning } from "./grafana.ts";
import { prometheusRule, rulesFile } from "./prometheus.ts";
import type { AlertGroup } from "./rules.ts";

/**
 * Path, from the repository's root, and text of each file.
 *
 * @throws when the alerts break a rule of one of the places that they are for.
 */
export function derivedFiles(groups: readonly AlertGroup[]): ReadonlyMap<string, string> {
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
