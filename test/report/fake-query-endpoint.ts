/**
 * A fake of the query endpoint of an Azure Monitor workspace. It enforces Microsoft's documented rules
 * (learn.microsoft.com/azure/azure-monitor/metrics/prometheus-api-promql and .../service-limits) and forwards queries to
 * a real Prometheus. Its limits are smaller, so that a test reaches them.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { KeyedCertificate } from "../parts/certificate-authority.ts";
import { listen } from "../parts/listen.ts";
import type { Owner } from "../parts/owner.ts";

export type FakeQueryEndpoint = {
  readonly url: string;
  /** Its answers, in order: the status, and the query. */
  readonly answers: { readonly status: number; readonly query: string }[];
};

export type FakeQueryDescription = {
  /** The Prometheus with the data. */
  readonly backendUrl: string;
  /** The certificate for TLS. Default: plain HTTP. */
  readonly certificate?: KeyedCertificate;
  /** The accepted token. Default: none is required. */
  readonly token?: string | undefined;
  /** The most samples in an answer. More are rejected with 422. */
  readonly mostSamples?: number;
  /** The number of requests that are throttled first: 429, with Retry-After. */
  readonly throttleEvery?: number;
  readonly retryAfter?: string;
  /** Answers a request in place of the rules, unless it returns `undefined`. */
  readonly instead?: (
    query: string,
    count: number,
    authorization: string | undefined,
  ) => Instead | undefined;
  /** Whether label values are returned in another case. */
  readonly changesCase?: boolean;
  readonly warnings?: readonly string[];
};

/** An answer that a test makes. */
export type Instead = {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string;
  /** Awaited before the answer. */
  readonly after?: Promise<undefined>;
};

const LONGEST_SPAN_MS = 32 * 86_400_000;

export async function startFakeQueryEndpoint(
  owner: Owner,
  description: FakeQueryDescription,
): Promise<FakeQueryEndpoint> {
  const { certificate } = description;
  const answers: { status: number; query: string }[] = [];
  let count = 0;
  const handler = (request: IncomingMessage, response: ServerResponse) => {
    void (async () => {
      const form = new URLSearchParams(await textOf(request));
      const query = form.get("query") ?? "";
      count++;
      const answer =
        description.instead?.(query, count, request.headers.authorization) ??
        rejection(request, query) ??
        (await passedOn(form, query));
      await answer.after;
      answers.push({ status: answer.status, query });
      response.writeHead(answer.status, answer.headers).end(answer.body);
    })();
  };
  const server =
    certificate === undefined
      ? createServer(handler)
      : createTlsServer({ cert: certificate.certificate, key: certificate.key }, handler);
  const { port } = await listen(owner, server);
  return { url: `http${certificate === undefined ? "" : "s"}://127.0.0.1:${port}`, answers };

  function rejection(request: IncomingMessage, query: string): Instead | undefined {
    const { token, throttleEvery = 0, retryAfter = "0" } = description;
    if (token !== undefined && request.headers.authorization !== `Bearer ${token}`) {
      return { status: 401, body: error("unauthorized", "The access token is invalid.") };
    }
    if (request.method !== "POST" || request.url !== "/api/v1/query") {
      return { status: 404, body: error("not_found", "no such path") };
    }
    if (throttleEvery > 0 && count % throttleEvery === 1) {
      const body = error("throttled", "too much data returned");
      return { status: 429, headers: { "retry-after": retryAfter }, body };
    }
    // One metric per query, and at most 32 days.
    if (query.match(/chrony_\w+/g)?.length !== 1) {
      return { status: 400, body: error("bad_data", "Query must be scoped to a metric.") };
    }
    const rangeMs = Number(/\[(\d+)ms\]/.exec(query)?.[1]);
    return rangeMs <= LONGEST_SPAN_MS
      ? undefined
      : { status: 400, body: error("bad_data", "The time range is longer than 32 days.") };
  }

  async function passedOn(form: URLSearchParams, query: string): Promise<Instead> {
    const answer = await fetch(`${description.backendUrl}/api/v1/query`, {
      method: "POST",
      body: form,
    });
    const json = (await answer.json()) as PrometheusAnswer;
    const samples = json.data.result.reduce((sum, { values = [] }) => sum + values.length, 0);
    if (!query.includes("count_over_time") && samples > (description.mostSamples ?? samples)) {
      return { status: 422, body: error("execution", "query returns too many samples") };
    }
    const result = json.data.result.map((series) => ({
      ...series,
      metric: description.changesCase === true ? inAnyCase(series.metric, count) : series.metric,
    }));
    const body = JSON.stringify({
      ...json,
      ...(description.warnings && { warnings: description.warnings }),
      data: { ...json.data, result },
    });
    return { status: answer.status, body };
  }
}

type PrometheusAnswer = {
  readonly data: {
    readonly result: readonly {
      readonly metric: Readonly<Record<string, string>>;
      readonly values?: readonly unknown[];
    }[];
  };
};

/** Names in lower case, values in any case. */
function inAnyCase(labels: Readonly<Record<string, string>>, count: number) {
  return Object.fromEntries(
    Object.entries(labels).map(([name, value]) => [
      name,
      name === "__name__" || count % 2 === 0 ? value : value.toUpperCase(),
    ]),
  );
}

function error(errorType: string, message: string): string {
  return JSON.stringify({ status: "error", errorType, error: message });
}

async function textOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request as AsyncIterable<Buffer>) {
    parts.push(part);
  }
  return Buffer.concat(parts).toString();
}
