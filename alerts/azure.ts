/**
 * Alerts and recordings as what `Microsoft.AlertsManagement/prometheusRuleGroups@2023-03-01` wants of them. The
 * Bicep that loads the file adds what belongs to a workspace: scopes, cluster name, location, actions.
 */
import { annotationsOf, PROMETHEUS_TEMPLATES } from "./annotations.ts";
import { RECORDING_GROUP } from "./prometheus.ts";
import { RECORDING_INTERVAL, type Recording, recordings } from "./recordings.ts";
import { type Alert, type AlertGroup, keepsFiringFor, type Severity } from "./rules.ts";

/** From 0, critical, to 4, verbose. 0 is left to what is worse than a wrong clock. */
const SEVERITIES: Readonly<Record<Severity, number>> = { critical: 1, warning: 2, info: 3 };

const MOST_RULES_OF_A_GROUP = 20;
const GROUP_NAME = /^[^:@/#{}%&+*<>?]+$/;

/** One element of azure/rule-groups.json. */
export type AzureRuleGroup = {
  readonly name: string;
  /** Between PT1M and PT15M. */
  readonly interval: string;
  readonly rules: readonly (AzureAlert | AzureRecording)[];
};

/** A rule that records, which has nobody to tell. */
export type AzureRecording = { readonly record: string; readonly expression: string };

/** A rule that alerts. */
export type AzureAlert = {
  readonly alert: string;
  readonly expression: string;
  readonly for?: string;
  readonly severity: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly resolveConfiguration: { readonly autoResolved: boolean; readonly timeToResolve: string };
};

/**
 * The groups for Azure.
 *
 * @throws when a group breaks a rule of Azure, with a sentence that says which.
 */
export function azureRuleGroups(groups: readonly AlertGroup[]): AzureRuleGroup[] {
  return [
    groupOf(RECORDING_GROUP, isoDuration(RECORDING_INTERVAL), recordings().map(recordingOf)),
    ...groups.map(({ name, alerts }) => groupOf(name, "PT1M", alerts.map(alertOf))),
  ];
}

function groupOf(name: string, interval: string, rules: AzureRuleGroup["rules"]): AzureRuleGroup {
  if (!GROUP_NAME.test(name)) {
    throw new Error(`Azure allows none of :@/#{}%&+*<>? in a group's name: ${name}. Rename it.`);
  }
  if (rules.length > MOST_RULES_OF_A_GROUP) {
    throw new Error(
      `${name} has ${rules.length} rules, and Azure allows ${MOST_RULES_OF_A_GROUP} in a group. Split it.`,
    );
  }
  return { name, interval, rules };
}

const oneLine = (expression: string) => expression.trim().replaceAll(/\s+/g, " ");

function recordingOf({ name, expression }: Recording): AzureRecording {
  return { record: name, expression: oneLine(expression) };
}

function alertOf(alert: Alert): AzureAlert {
  return {
    alert: alert.name,
    expression: oneLine(alert.expression),
    ...(alert.for === undefined ? {} : { for: isoDuration(alert.for) }),
    severity: SEVERITIES[alert.severity],
    labels: { severity: alert.severity },
    annotations: annotationsOf(alert, PROMETHEUS_TEMPLATES),
    resolveConfiguration: {
      autoResolved: true,
      timeToResolve: isoDuration(keepsFiringFor(alert) ?? "5m"),
    },
  };
}

/**
 * A duration as ISO 8601 writes it: `10m` is `PT10M`.
 *
 * @throws when it is not a whole number of seconds, minutes or hours.
 */
export function isoDuration(duration: string): string {
  if (!/^\d+[smh]$/.test(duration)) {
    throw new Error(
      `"${duration}" is no duration such as 90s, 10m or 1h. Mend it in alerts/thresholds.ts.`,
    );
  }
  return `PT${duration.toUpperCase()}`;
}
