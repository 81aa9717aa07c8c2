/** The alerts as Grafana provisions its own: a file for `provisioning/alerting/`. */
import { annotationsOf, type TemplateNames } from "./annotations.ts";
import { withoutRecordings } from "./recordings.ts";
import { type Alert, type AlertGroup, keepsFiringFor } from "./rules.ts";
import { GRAFANA_DATA_SOURCE_UID } from "./thresholds.ts";

/** Not `$labels` and `$values`: in such a file a `$` begins an environment variable. */
const GRAFANA_TEMPLATES: TemplateNames = { labels: ".Labels", value: ".Values.A.Value" };

const LONGEST_UID = 40;
const QUERIED_SECONDS = 600;

/**
 * The content of the file.
 *
 * @throws when a rule's uid would be longer than Grafana takes.
 */
export function grafanaProvisioning(groups: readonly AlertGroup[]): object {
  return {
    apiVersion: 1,
    groups: groups.map(({ name, alerts }) => ({
      orgId: 1,
      name,
      folder: "Chrony Tracker",
      interval: "1m",
      rules: alerts.map(ruleOf),
    })),
  };
}

function ruleOf(alert: Alert): object {
  const uid = `chrony-${alert.name.toLowerCase()}`;
  if (uid.length > LONGEST_UID) {
    throw new Error(
      `The uid ${uid} is longer than the ${LONGEST_UID} characters that Grafana takes. Shorten the alert's name.`,
    );
  }
  const keptFor = keepsFiringFor(alert);
  return {
    uid,
    title: alert.name,
    condition: "B",
    data: [query(alert.expression), anyValue],
    for: alert.for ?? "0s",
    ...(keptFor === undefined ? {} : { keepFiringFor: keptFor }),
    // An expression gives nothing while all is well.
    noDataState: "OK",
    execErrState: "Error",
    labels: { severity: alert.severity },
    annotations: annotationsOf(alert, GRAFANA_TEMPLATES),
    isPaused: false,
  };
}

function query(expression: string): object {
  return {
    refId: "A",
    datasourceUid: GRAFANA_DATA_SOURCE_UID,
    relativeTimeRange: { from: QUERIED_SECONDS, to: 0 },
    model: {
      refId: "A",
      // Grafana's provisioning has no recordings that every data source takes.
      expr: withoutRecordings(expression).trim(),
      instant: true,
      range: false,
      editorMode: "code",
    },
  };
}

/** The expression holds the condition: each series that it gives is an alert. None is below 0. */
const anyValue = {
  refId: "B",
  datasourceUid: "__expr__",
  model: {
    refId: "B",
    type: "threshold",
    expression: "A",
    conditions: [{ evaluator: { type: "gt", params: [-1] } }],
  },
};
