/** Alerts and recordings as Prometheus' rules file, and as a resource of prometheus-operator. */
import { annotationsOf, PROMETHEUS_TEMPLATES } from "./annotations.ts";
import { RECORDING_INTERVAL, recordings } from "./recordings.ts";
import { type Alert, type AlertGroup, keepsFiringFor } from "./rules.ts";

/** The name of the group of the recordings. */
export const RECORDING_GROUP = "chrony-tracker-recordings";

/** The content of a rules file: https://prometheus.io/docs/prometheus/latest/configuration/alerting_rules/ */
export function rulesFile(groups: readonly AlertGroup[]): object {
  return {
    groups: [
      recordingGroup(RECORDING_INTERVAL),
      ...groups.map(({ name, alerts }) => ({ name, rules: alerts.map(ruleOf) })),
    ],
  };
}

/** The group of the recordings, computed at an interval as Prometheus writes durations. */
export function recordingGroup(interval: string): object {
  return {
    name: RECORDING_GROUP,
    interval,
    rules: recordings(interval).map(({ name, expression }) => ({
      record: name,
      expr: expression.trim(),
    })),
  };
}

/** A `PrometheusRule` (monitoring.coreos.com/v1) with the same groups. */
export function prometheusRule(groups: readonly AlertGroup[]): object {
  return {
    apiVersion: "monitoring.coreos.com/v1",
    kind: "PrometheusRule",
    metadata: { name: "chrony-tracker", namespace: "chrony-tracker" },
    spec: rulesFile(groups),
  };
}

function ruleOf(alert: Alert): object {
  const keptFor = keepsFiringFor(alert);
  return {
    alert: alert.name,
    expr: alert.expression.trim(),
    ...(alert.for === undefined ? {} : { for: alert.for }),
    ...(keptFor === undefined ? {} : { keep_firing_for: keptFor }),
    labels: { severity: alert.severity },
    annotations: annotationsOf(alert, PROMETHEUS_TEMPLATES),
  };
}
