/**
 * A fake of the metrics ingestion of a data collection endpoint. Its statuses are those that Azure documents; the
 * texts of its bodies are not Azure's.
 */
import type { AccessTokens, TokenCheck } from "./access-tokens.ts";
import type { Answer, Request } from "./http.ts";
import { decodeWriteRequest, type Sample, type TimeSeries, unpackBody } from "./remote-write.ts";
import { type Dropped, judgeWrite } from "./sample-rules.ts";

/** The longest body, compressed and uncompressed. */
export const LONGEST_BODY_BYTES = 1_048_576;
/** How many requests an endpoint accepts in a minute. */
export const REQUESTS_PER_MINUTE = 15_000;
const MINUTE_MS = 60_000;
const STREAM = "Microsoft-PrometheusMetrics";
const API_VERSION = "2023-04-24";

/** A data collection rule and its endpoint. Its properties can be changed at any time. */
export type DataCollection = {
  /** The endpoint, without scheme: `NAME.REGION-1.metrics.ingest.monitor.azure.com`. */
  readonly host: string;
  /** The rule's immutable id: `dcr-` and 32 hexadecimal digits. */
  readonly ruleId: string;
  /** The required audience of a token. */
  readonly audience: string;
  /** The identities with the role Monitoring Metrics Publisher on the rule. */
  publishers: readonly string[];
  /** How many requests it accepts in a minute. */
  requestsPerMinute: number;
};

/** The complete address that a client writes to. */
export function writeUrlOf({ host, ruleId }: DataCollection): string {
  return `https://${host}/dataCollectionRules/${ruleId}/streams/${STREAM}/api/v1/write?api-version=${API_VERSION}`;
}

/** Accepts writes, one after the other. */
export class IngestionEndpoint {
  readonly #collection: DataCollection;
  readonly #tokens: AccessTokens;
  readonly #store: (series: readonly TimeSeries[]) => Promise<void>;
  readonly #newest = new Map<string, Sample>();
  readonly #dropped: Dropped[] = [];
  #minute = { beganMs: 0, requests: 0 };

  /** @param store gets the accepted samples of each write */
  constructor(
    collection: DataCollection,
    tokens: AccessTokens,
    store: (series: readonly TimeSeries[]) => Promise<void>,
  ) {
    this.#collection = collection;
    this.#tokens = tokens;
    this.#store = store;
  }

  /** The silently dropped samples. */
  get dropped(): readonly Dropped[] {
    return this.#dropped;
  }

  /**
   * Answers one request to the endpoint's host.
   *
   * @param nowMs its time of arrival
   */
  async answer(request: Request, nowMs: number): Promise<Answer> {
    const refusal =
      refusalOfAddress(request, this.#collection) ??
      this.#refusalOfSender(request, nowMs) ??
      this.#refusalOfRate(nowMs) ??
      refusalOfHeaders(request);
    if (refusal !== undefined) {
      return refusal;
    }
    if (request.body.length > LONGEST_BODY_BYTES) {
      return tooLarge(request.body.length);
    }
    let message: Uint8Array;
    try {
      message = unpackBody(request.body);
    } catch {
      return failure(400, "InvalidPayload", "The body is not Snappy's block format.");
    }
    if (message.length > LONGEST_BODY_BYTES) {
      return tooLarge(message.length);
    }
    let write: TimeSeries[];
    try {
      write = decodeWriteRequest(message);
    } catch {
      return failure(400, "InvalidPayload", "The body is no remote write request.");
    }
    return this.#take(write, nowMs);
  }

  #refusalOfSender(request: Request, nowMs: number): Answer | undefined {
    const { audience, publishers, ruleId } = this.#collection;
    const check = this.#tokens.check(request.headers.authorization, nowMs);
    if (check.kind !== "valid") {
      return failure(401, "InvalidToken", describeRefusedToken(check));
    }
    if (check.token.audience !== audience) {
      const message = `The token's audience is ${check.token.audience}, not ${audience}.`;
      return failure(401, "InvalidAudience", message);
    }
    if (!publishers.includes(check.token.clientId)) {
      const message = `The authentication token provided does not have access to ingest data for the data collection rule with immutable Id '${ruleId}'.`;
      return failure(403, "OperationFailed", message);
    }
    return undefined;
  }

  #refusalOfRate(nowMs: number): Answer | undefined {
    if (nowMs - this.#minute.beganMs >= MINUTE_MS) {
      this.#minute = { beganMs: nowMs, requests: 0 };
    }
    this.#minute.requests += 1;
    if (this.#minute.requests <= this.#collection.requestsPerMinute) {
      return undefined;
    }
    const restSeconds = Math.ceil((this.#minute.beganMs + MINUTE_MS - nowMs) / 1_000);
    return throttled(restSeconds);
  }

  async #take(write: readonly TimeSeries[], nowMs: number): Promise<Answer> {
    const { accepted, dropped, newest } = judgeWrite(write, this.#newest, nowMs);
    for (const [identity, sample] of newest) {
      this.#newest.set(identity, sample);
    }
    this.#dropped.push(...dropped);
    if (accepted.length > 0) {
      await this.#store(accepted);
    }
    const conflict = dropped.find(({ reason }) => reason === "other value at the same time");
    if (conflict !== undefined) {
      const message = `Duplicate sample for series ${JSON.stringify(conflict.labels)} at ${conflict.timeMs} ms: two writers of one series?`;
      return failure(422, "DuplicateSample", message);
    }
    return { status: 200 };
  }
}

/** The answer with this status as a fault, to any request. */
export function faultAnswer(status: number): Answer {
  return status === 429 ? throttled(1) : failure(status, "StandInFault", "As it was told to.");
}

function refusalOfAddress(request: Request, { ruleId }: DataCollection): Answer | undefined {
  const { pathname, searchParams } = request.url;
  const path =
    /^\/dataCollectionRules\/(?<rule>[^/]+)\/streams\/(?<stream>[^/]+)\/api\/v1\/write$/i.exec(
      pathname,
    )?.groups;
  if (path === undefined) {
    return failure(404, "NotFound", `There is nothing at ${pathname}.`);
  }
  if (path["rule"] !== ruleId) {
    const message = `Data collection rule with immutable Id '${path["rule"]}' not found.`;
    return failure(404, "NotFound", message);
  }
  if (path["stream"] !== STREAM) {
    return failure(404, "NotFound", `Stream '${path["stream"]}' not found.`);
  }
  if (request.method !== "POST") {
    return failure(405, "MethodNotAllowed", `${request.method} is not allowed.`);
  }
  const asked = searchParams.get("api-version");
  if (asked !== API_VERSION) {
    return failure(
      400,
      "InvalidApiVersion",
      `The api-version must be ${API_VERSION}, not ${asked}.`,
    );
  }
  return undefined;
}

/** The headers that remote write 1.0 requires. */
function refusalOfHeaders({ headers }: Request): Answer | undefined {
  const required = {
    "content-encoding": "snappy",
    "content-type": "application/x-protobuf",
    "x-prometheus-remote-write-version": "0.1.0",
  };
  const wrong = Object.entries(required).find(([name, value]) => headers[name] !== value);
  if (wrong === undefined) {
    return undefined;
  }
  const [name, value] = wrong;
  return failure(
    415,
    "UnsupportedMediaType",
    `${name} must be ${value}, not ${String(headers[name])}.`,
  );
}

function describeRefusedToken(check: Exclude<TokenCheck, { kind: "valid" }>): string {
  switch (check.kind) {
    case "missing":
      return "The request has no bearer token.";
    case "unknown":
      return "The token is not valid.";
    case "expired":
      return `The token expired at ${new Date(check.token.expiresMs).toISOString()}.`;
  }
}

function tooLarge(bytes: number): Answer {
  const message = `Maximum allowed content length: ${LONGEST_BODY_BYTES} bytes. Provided content length: ${bytes} bytes.`;
  return failure(413, "ContentLengthLimitExceeded", message);
}

function throttled(retryAfterSeconds: number): Answer {
  return {
    ...failure(429, "TooManyRequests", `Try again in ${retryAfterSeconds} s.`),
    headers: { "retry-after": String(retryAfterSeconds) },
  };
}

function failure(status: number, code: string, message: string): Answer {
  return { status, body: { error: { code, message } } };
}
