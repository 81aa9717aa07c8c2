/** The answer of Prometheus' HTTP API to an instant query, checked. */
import { failure, type Result, success } from "../result.ts";

/** One series of an answer: labels with `__name__`, and pairs of seconds and value. */
export type AnsweredSeries = {
  readonly metric: Readonly<Record<string, string>>;
  readonly values: readonly (readonly [number, string])[];
};

/** What is read of the body. Nothing of it is trusted to be there. */
export type QueryAnswer = {
  /** What the backend found wrong, or an empty text. */
  readonly error: string;
  /** That an answer is complete only in part is a warning, too. */
  readonly warnings: readonly string[];
  /** The series; or what the body has in place of them. */
  readonly series: Result<readonly AnsweredSeries[], string>;
};

/** Reads a body; any text is accepted. */
export function readQueryAnswer(body: string): QueryAnswer {
  const json = objectOf(parsed(body));
  const { status, error, warnings, isPartial, data } = json ?? {};
  return {
    error: typeof error === "string" ? error : "",
    warnings: [
      ...(Array.isArray(warnings) ? warnings.map(String) : []),
      // VictoriaMetrics answers with this when one of its stores did not answer.
      ...(isPartial === true ? ["The backend says that an answer is partial."] : []),
    ],
    series:
      json === undefined
        ? failure("no JSON")
        : status === "success"
          ? readSeries(objectOf(data)?.["result"])
          : failure(`its status is ${JSON.stringify(status)}`),
  };
}

function readSeries(result: unknown): Result<readonly AnsweredSeries[], string> {
  const series = Array.isArray(result) ? result.map(readOneSeries) : [undefined];
  return series.every((one) => one !== undefined)
    ? success(series)
    : failure("a result of another form");
}

function readOneSeries(json: unknown): AnsweredSeries | undefined {
  const { metric, value, values = value === undefined ? [] : [value] } = objectOf(json) ?? {};
  const labels = objectOf(metric);
  const isSeries =
    labels !== undefined &&
    Object.values(labels).every((label) => typeof label === "string") &&
    Array.isArray(values) &&
    values.every(
      (pair) => Array.isArray(pair) && Number.isFinite(pair[0]) && typeof pair[1] === "string",
    );
  return isSeries ? { metric: labels as AnsweredSeries["metric"], values } : undefined;
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

function objectOf(json: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof json === "object" && json !== null ? (json as Record<string, unknown>) : undefined;
}
