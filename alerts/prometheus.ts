/** The alerts as Prometheus' rules file, and as a resource of prometheus-operator. */
import { annotationsOf, PROMETHEUS_TEMPLATES } from "./annotations.ts";
import type { Alert, AlertGroup } from "./rules.ts";

/** The content of a rules file: https://prometheus.io/docs/prometheus/latest/configuration/alerting_rules/ */
export function rulesFile(groups: readonly AlertGroup[]): object {
  return {
    groups: groups.map(({ name, alerts }) => ({ name, rules: alerts.map(ruleOf) })),
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
  return {
    alert: alert.name,
    expr: alert.expression.trim(),
    ...(alert.for === undefined ? {} : { for: alert.for }),
    labels: { severity: alert.severity },
    annotations: annotationsOf(alert, PROMETHEUS_TEMPLATES),
  };
}
