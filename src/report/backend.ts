/**
 * A Prometheus HTTP API: instant queries, one after another, each tried again a few times where the
 * backend asks for it. No redirect is followed and no proxy is used.
 */
import { readFile } from "node:fs/promises";
import { Agent as HttpAgent, type IncomingMessage, request as requestHttp } from "node:http";
import { Agent as HttpsAgent, request as requestHttps } from "node:https";
import { setTimeout as sleep } from "node:timers/promises";
import { printable } from "../printable.ts";
import { redact, secretsIn, shownAddress } from "../redact.ts";
import { failure, type Result, success } from "../result.ts";
import { VERSION } from "../version.ts";

/** Where to ask, and how. */
export type BackendSettings = {
  /** Without `/api/v1/query`. */
  readonly url: string;
  /** Read anew for each request. Never sent over plain HTTP, but to this machine. */
  readonly tokenFile: string | undefined;
  /** Certificates to trust in place of the system's, in PEM. */
  readonly caFile: string | undefined;
};

/** One series of an answer: labels with `__name__`, and pairs of seconds and value. */
export type AnsweredSeries = {
  readonly metric: Readonly<Record<string, string>>;
  readonly values: readonly (readonly [number, string])[];
};

export type Backend = {
  /**
   * What an instant query gives: of a range selector the samples themselves, each at its own time.
   * @param atMs the time of the query, in milliseconds since 1970
   */
  ask(query: string, atMs: number): Promise<Result<readonly AnsweredSeries[], BackendError>>;
  /** What the backend warned of, each once. */
  readonly warnings: ReadonlySet<string>;
};

/** Why there is no answer. `detail` holds no secret. */
export type BackendError = { readonly url: string } & (
  | { readonly kind: "not reached"; readonly detail: string }
  | { readonly kind: "timed out" }
  | { readonly kind: "unreadable file"; readonly file: string; readonly detail: string }
  | { readonly kind: "too much"; readonly detail: string }
  | { readonly kind: "rejected"; readonly status: number; readonly detail: string }
  | { readonly kind: "busy"; readonly status: number; readonly detail: string }
  | { readonly kind: "not Prometheus"; readonly detail: string }
);

const LONGEST_ANSWER_MS = 120_000;
/** Azure gives 64 MB at most. */
const LARGEST_ANSWER_BYTES = 128 * 1024 * 1024;
const ATTEMPTS = 6;
const LONGEST_WAIT_MS = 120_000;
const MOST_WARNINGS = 50;
const LONGEST_DETAIL = 300;

/** One sentence for a person: what was wrong, and what to do. */
export function describeBackendError(error: BackendError): string {
  const { url } = error;
  switch (error.kind) {
    case "not reached":
      return `${url} cannot be reached: ${error.detail}. Check --prometheus, and --ca-file if its certificate is not trusted.`;
    case "timed out":
      return `${url} did not answer within ${LONGEST_ANSWER_MS / 1000} s, ${ATTEMPTS} times. Ask for a shorter range.`;
    case "unreadable file":
      return `${error.file} cannot be read: ${error.detail}.`;
    case "too much":
      return `${url} gives no more than one minute of one group of nodes at once, or less: ${error.detail}. Select fewer nodes (--cluster).`;
    case "busy":
      return `${url} answered ${ATTEMPTS} times in a row with HTTP status ${error.status}${reason(error.detail)}. Try again later.`;
    case "rejected":
      return `${url} answered with HTTP status ${error.status}${reason(error.detail)}. ${advice(error.status)}`;
    case "not Prometheus":
      return `${url} answered with something else than Prometheus' HTTP API: ${error.detail}. Give the address that has /api/v1/query behind it.`;
  }
}

function reason(detail: string): string {
  return detail === "" ? "" : `: ${detail.replace(/\.$/, "")}`;
}

function advice(status: number): string {
  switch (status) {
    case 401:
      return "Give a valid token with --bearer-token-file (Azure: az account get-access-token --resource https://prometheus.monitor.azure.com).";
    case 403:
      return "Give its identity the right to read (Azure: Monitoring Data Reader on the workspace, which takes up to 30 minutes to count).";
    case 404:
      return "Give the address that has /api/v1/query behind it.";
    default:
      return status >= 300 && status < 400
        ? "Redirects are not followed: give the address itself."
        : "Check --prometheus and --cluster.";
  }
}

type Answer = {
  readonly status: number;
  readonly retryAfter: string | undefined;
  readonly body: string | undefined;
};

/** A backend, of which nothing is asked yet. */
export function createBackend(settings: BackendSettings): Backend {
  const url = `${settings.url.replace(/\/+$/, "")}/api/v1/query`;
  const isTls = url.startsWith("https:");
  const agent = isTls ? new HttpsAgent({ keepAlive: true }) : new HttpAgent({ keepAlive: true });
  const warnings = new Set<string>();
  const shown = shownAddress(settings.url);
  let hasAnswered = false;
  return { ask, warnings };

  async function ask(query: string, atMs: number) {
    const body = new URLSearchParams({ query, time: (atMs / 1000).toFixed(3) }).toString();
    let failed: BackendError = { url: shown, kind: "timed out" };
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      const headers = await headersOf();
      if (!headers.ok) {
        return headers;
      }
      const redacted = (text: string) =>
        printable(redact(text, secretsIn({ url, ...headers.value }))).slice(0, LONGEST_DETAIL);
      const answer = await exchange(body, headers.value);
      if (!answer.ok) {
        failed = { url: shown, ...answer.error };
        if (failed.kind === "not reached") {
          failed = { ...failed, detail: redacted(failed.detail) };
        }
        // What was never reached is not there, or is another.
        if (failed.kind === "unreadable file" || (failed.kind === "not reached" && !hasAnswered)) {
          return failure(failed);
        }
        await sleep(attempt === ATTEMPTS ? 0 : 2 ** attempt * 100);
        continue;
      }
      hasAnswered = true;
      const { status, retryAfter } = answer.value;
      const outcome = outcomeOf(answer.value, redacted);
      if (outcome.ok || outcome.error.kind !== "busy") {
        return outcome;
      }
      failed = outcome.error;
      const waitMs = retryAfterMs(retryAfter) ?? 2 ** attempt * 1000;
      if (waitMs > LONGEST_WAIT_MS) {
        const detail = `it asks to wait ${Math.round(waitMs / 1000)} s`;
        return failure<BackendError>({ url: shown, kind: "rejected", status, detail });
      }
      await sleep(attempt === ATTEMPTS ? 0 : waitMs);
    }
    return failure(failed);
  }

  async function headersOf() {
    const headers: Record<string, string> = {
      accept: "application/json",
      "content-type": "application/x-www-form-urlencoded",
      "user-agent": `chrony-tracker-report/${VERSION}`,
    };
    if (settings.tokenFile === undefined) {
      return success({ headers, token: undefined });
    }
    const text = await fileText(settings.tokenFile);
    if (!text.ok) {
      return text;
    }
    const token = text.value.trim();
    if (!/^[\x21-\x7e]+$/.test(token)) {
      return failure<BackendError>({
        url: shown,
        kind: "unreadable file",
        file: settings.tokenFile,
        detail: "expected one token, a line of ASCII without spaces",
      });
    }
    return success({ headers: { ...headers, authorization: `Bearer ${token}` }, token });
  }

  async function fileText(file: string): Promise<Result<string, BackendError>> {
    try {
      return success(await readFile(file, "utf8"));
    } catch (error) {
      const detail = (error as NodeJS.ErrnoException).code ?? String(error);
      return failure({ url: shown, kind: "unreadable file", file, detail });
    }
  }

  async function exchange(body: string, { headers }: { headers: Record<string, string> }) {
    const ca = settings.caFile === undefined ? undefined : await fileText(settings.caFile);
    if (ca?.ok === false) {
      return ca;
    }
    type NoAnswer =
      | { readonly kind: "not reached"; readonly detail: string }
      | { readonly kind: "timed out" };
    const { promise, resolve } = Promise.withResolvers<Result<Answer, NoAnswer>>();
    const signal = AbortSignal.timeout(LONGEST_ANSWER_MS);
    const failed = (error: NodeJS.ErrnoException) =>
      resolve(
        failure(
          signal.aborted
            ? { kind: "timed out" }
            : { kind: "not reached", detail: error.code ?? error.message },
        ),
      );
    try {
      const options = {
        method: "POST",
        agent,
        signal,
        headers: { ...headers, "content-length": Buffer.byteLength(body) },
        ...(ca === undefined ? {} : { ca: ca.value }),
      };
      const request = (isTls ? requestHttps : requestHttp)(url, options, (response) => {
        // A body that is too large is not read to its end: leaving it destroys the connection.
        void answerOf(response).then((answer) => resolve(success(answer)), failed);
      });
      request.on("error", failed);
      request.end(body);
    } catch (error) {
      // What Node.js refuses to use: a certificate that it cannot read.
      failed(error as NodeJS.ErrnoException);
    }
    return await promise;
  }

  function outcomeOf(
    { status, body }: Answer,
    redacted: (text: string) => string,
  ): Result<readonly AnsweredSeries[], BackendError> {
    if (body === undefined) {
      const detail = `an answer has more than ${LARGEST_ANSWER_BYTES} bytes`;
      return failure({ url: shown, kind: "too much", detail });
    }
    const json = parsed(body);
    const detail = redacted(json?.error ?? "");
    if ([429, 502, 503, 504].includes(status)) {
      return failure({ url: shown, kind: "busy", status, detail });
    }
    // What a query may read is limited: Prometheus says so with 422.
    if (status === 413 || status === 422) {
      return failure({ url: shown, kind: "too much", detail: detail || `HTTP status ${status}` });
    }
    if (status !== 200) {
      return failure({ url: shown, kind: "rejected", status, detail });
    }
    if (json?.status !== "success" || json.data === undefined) {
      const found = json === undefined ? "no JSON" : `its status is ${JSON.stringify(json.status)}`;
      return failure({ url: shown, kind: "not Prometheus", detail: redacted(found) });
    }
    for (const warning of [...(json.warnings ?? []), ...partial(json.isPartial)]) {
      if (warnings.size < MOST_WARNINGS) {
        warnings.add(redacted(String(warning)));
      }
    }
    const series = json.data.result?.map(({ metric, value, values }) => ({
      metric,
      values: values ?? (value === undefined ? [] : [value]),
    }));
    return series?.every(isSeries)
      ? success(series)
      : failure({ url: shown, kind: "not Prometheus", detail: "a result of another form" });
  }
}

/** VictoriaMetrics says so when one of its stores did not answer. */
function partial(isPartial: unknown): string[] {
  return isPartial === true ? ["The backend says that an answer is partial."] : [];
}

/** What is looked at of an answer's JSON. */
type AnswerJson = {
  readonly status?: unknown;
  readonly error?: string;
  readonly warnings?: readonly unknown[];
  readonly isPartial?: unknown;
  readonly data?: {
    readonly result?: readonly {
      readonly metric: Record<string, string>;
      readonly value?: [number, string];
      readonly values?: [number, string][];
    }[];
  };
};

function parsed(body: string): AnswerJson | undefined {
  try {
    const json: unknown = JSON.parse(body);
    if (typeof json !== "object" || json === null) {
      return undefined;
    }
    const { error, warnings, data } = json as Record<string, unknown>;
    const { result } = (data ?? {}) as Record<string, unknown>;
    return {
      ...json,
      error: typeof error === "string" ? error : "",
      warnings: Array.isArray(warnings) ? warnings : [],
      data: Array.isArray(result) ? { result } : {},
    };
  } catch {
    return undefined;
  }
}

function isSeries({ metric, values }: AnsweredSeries): boolean {
  return (
    typeof metric === "object" &&
    metric !== null &&
    Object.values(metric).every((label) => typeof label === "string") &&
    Array.isArray(values) &&
    values.every(
      (pair) => Array.isArray(pair) && Number.isFinite(pair[0]) && typeof pair[1] === "string",
    )
  );
}

async function answerOf(response: IncomingMessage): Promise<Answer> {
  const { statusCode: status = 0, headers } = response;
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of response as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes > LARGEST_ANSWER_BYTES) {
      return { status, retryAfter: undefined, body: undefined };
    }
    parts.push(part);
  }
  return { status, retryAfter: headers["retry-after"], body: Buffer.concat(parts).toString() };
}

/** Seconds, or a date (RFC 9110, 10.2.3). */
function retryAfterMs(header: string | undefined): number | undefined {
  if (header === undefined) {
    return undefined;
  }
  const waitMs = /^\d+$/.test(header.trim())
    ? Number(header) * 1000
    : Date.parse(header) - Date.now();
  return Number.isNaN(waitMs) ? undefined : Math.max(waitMs, 0);
}
