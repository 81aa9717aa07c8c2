import {
  type Dashboard,
  type Panel,
  VariableType,
} from "@grafana/grafana-foundation-sdk/dashboard";
import type { Dataquery } from "@grafana/grafana-foundation-sdk/prometheus";
import { waitFor } from "../parts/wait-for.ts";

const REQUEST_MS = 10_000;

/** The panels of a dashboard, without rows. */
export function panelsOf(dashboard: Dashboard): Panel[] {
  return (dashboard.panels ?? []).flatMap((panel) =>
    panel.type === "row" ? [] : [panel as Panel],
  );
}

/** The queries of a panel. */
export function queriesOf(panel: Panel): Dataquery[] {
  return (panel.targets ?? []) as unknown as Dataquery[];
}

/** A variable that Grafana fills with the values of a label: `label_values(SERIES, LABEL)`. */
export type LabelVariable = {
  readonly name: string;
  readonly series: string;
  readonly label: string;
};

/** The variables of a dashboard that are filled by a query. */
export function labelVariablesOf(dashboard: Dashboard): LabelVariable[] {
  const variables = dashboard.templating?.list ?? [];
  return variables.flatMap(({ name, type, query }) => {
    if (type !== VariableType.Query || typeof query !== "string") {
      return [];
    }
    const [, series = "", label = ""] = /^label_values\((.*), (\w+)\)$/.exec(query) ?? [];
    return [{ name, series, label }];
  });
}

/** The values of the variables of a query. */
export type Chosen = {
  readonly cluster: string;
  readonly node: string;
  /** The shown time, in seconds since 1970. */
  readonly startSeconds: number;
  readonly endSeconds: number;
};

/**
 * A query with its variables filled in, as by Grafana with samples once a second.
 *
 * @throws when a variable has no value
 */
function filledIn(expression: string, chosen: Chosen): string {
  const rangeSeconds = Math.ceil(chosen.endSeconds - chosen.startSeconds);
  const values: Readonly<Record<string, string>> = {
    cluster: chosen.cluster,
    node: chosen.node,
    __range: `${rangeSeconds}s`,
    __rate_interval: "5s",
  };
  return expression.replaceAll(/\$(\w+)/g, (_, name: string) => {
    const value = values[name];
    if (value === undefined) {
      throw new Error(`nothing stands for $${name} in ${expression}`);
    }
    return value;
  });
}

/** One series: its labels, and its values in order of time, with their seconds since 1970. */
export type Result = {
  readonly labels: Readonly<Record<string, string>>;
  readonly values: readonly number[];
  readonly timesSeconds: readonly number[];
};

type Answer =
  | {
      readonly status: "success";
      readonly data: {
        readonly result: readonly {
          readonly metric: Readonly<Record<string, string>>;
          readonly value?: readonly [number, string];
          readonly values?: readonly (readonly [number, string])[];
        }[];
      };
    }
  | { readonly status: "error"; readonly error: string };

/**
 * Prometheus' answer to a panel's query, as sent by Grafana: over the shown time, or for its end.
 *
 * @throws when Prometheus rejects it
 */
export async function run(url: string, query: Dataquery, chosen: Chosen): Promise<Result[]> {
  const { startSeconds, endSeconds } = chosen;
  const parameters = new URLSearchParams({ query: filledIn(query.expr, chosen) });
  if (query.instant) {
    parameters.set("time", endSeconds.toFixed(3));
  } else {
    parameters.set("start", startSeconds.toFixed(3));
    parameters.set("end", endSeconds.toFixed(3));
    parameters.set("step", "1");
  }
  const path = query.instant ? "query" : "query_range";
  const response = await fetch(`${url}/api/v1/${path}`, {
    method: "POST",
    body: parameters,
    signal: AbortSignal.timeout(REQUEST_MS),
  });
  const answer: Answer = JSON.parse(await response.text());
  if (answer.status === "error") {
    throw new Error(`Prometheus refuses ${parameters.get("query")}: ${answer.error}`);
  }
  return answer.data.result.map(({ metric, value, values = [] }) => {
    const samples = value === undefined ? values : [value];
    return {
      labels: metric,
      values: samples.map(([, text]) => Number(text)),
      timesSeconds: samples.map(([timeSeconds]) => timeSeconds),
    };
  });
}

/** Runs a query, up to now, until it has a result. */
export function untilData(
  url: string,
  query: Dataquery,
  chosen: Omit<Chosen, "endSeconds">,
): Promise<Result[]> {
  return waitFor(`data of ${query.expr}`, async () => {
    const results = await run(url, query, { ...chosen, endSeconds: Date.now() / 1000 });
    return results.some(({ values }) => values.some(Number.isFinite)) && results;
  });
}
