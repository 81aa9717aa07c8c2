/**
 * What an answer to a push says of its points. `wait` is everything that says nothing of the points
 * themselves: nobody was reached, the token was not taken, a proxy answered, the backend is away. A
 * collector answers 503 for a backend that is away or busy, 500 for one that rejects (400, 401, 403, 413
 * and 422 there look alike), 401 for a token that it does not take.
 *
 * | answer                                                        | outcome     |
 * |---------------------------------------------------------------|-------------|
 * | 2xx with an empty body, or one that is OTLP's                 | `accepted`  |
 * | 400, 422, 500                                                 | `rejected`  |
 * | 413                                                           | `too large` |
 * | everything else, also 2xx with any other body; 3xx, which is not followed | `wait` |
 */
import { shownAddress } from "../redact.ts";

/** An answer to one attempt, as it came. */
export type Answer = {
  readonly status: number;
  /** The headers `date` and `location`. */
  readonly date: string | undefined;
  readonly location: string | undefined;
  /** The body; `undefined` where it is longer than OTLP's can be. */
  readonly body: string | undefined;
  /** When the request was sent and when the head of the answer came: monotonic, in milliseconds. */
  readonly askedMs: number;
  readonly answeredMs: number;
};

/** Everything that an attempt can end with instead of success. `detail` has no secret. */
export type PushError =
  | {
      readonly kind: "file unreadable";
      readonly purpose: string;
      readonly path: string;
      readonly detail: string;
    }
  | { readonly kind: "token malformed"; readonly path: string }
  | {
      readonly kind: "not reached";
      readonly url: string;
      readonly detail: string;
      /** Whether it shows a certificate that no known authority signed. */
      readonly isUntrusted: boolean;
    }
  | { readonly kind: "timed out"; readonly url: string; readonly afterMs: number }
  | AnswerError;

type AnswerError = {
  readonly kind: "redirected" | "not OTLP" | "answered";
  readonly url: string;
  readonly status: number;
  /** What the backend says, or where a redirect leads. */
  readonly detail: string;
};

/** What becomes of the points of a request. */
export type Outcome =
  | {
      readonly kind: "accepted";
      /** How many of them were rejected all the same, and why: OTLP's partial success. */
      readonly rejectedPoints: number;
      readonly reason: string;
    }
  | { readonly kind: "rejected" | "too large"; readonly error: PushError }
  | {
      readonly kind: "wait";
      /** Whether there was an answer at all. */
      readonly isAnswer: boolean;
      readonly error: PushError;
    };

/** A shorter text would cut an explanation, a longer one would fill the log. */
const LONGEST_DETAIL = 300;

/**
 * The outcome that an answer means.
 * @param url where the request was sent
 * @param redacted takes what must not be shown out of a text of the backend
 */
export function outcomeOf(
  answer: Answer,
  url: string,
  redacted: (text: string) => string,
): Outcome {
  const { status, body, location } = answer;
  const shown = (text: string) => printable(redacted(text)).slice(0, LONGEST_DETAIL);
  const errorOf = (kind: AnswerError["kind"], detail: string): PushError => {
    return { kind, url, status, detail: shown(detail) };
  };
  if (status >= 200 && status < 300) {
    const accepted = body === undefined ? undefined : partialSuccess(body);
    return accepted === undefined
      ? waiting(errorOf("not OTLP", reasonIn(body)))
      : { kind: "accepted", ...accepted, reason: shown(accepted.reason) };
  }
  if (status >= 300 && status < 400) {
    return waiting(errorOf("redirected", shownAddress(location ?? "")));
  }
  const error = errorOf("answered", reasonIn(body));
  switch (status) {
    case 400:
    case 422:
    case 500:
      return { kind: "rejected", error };
    case 413:
      return { kind: "too large", error };
    default:
      return waiting(error);
  }
}

/** The outcome of an attempt that brought no answer. */
export function unanswered(error: PushError): Outcome {
  return { kind: "wait", isAnswer: false, error };
}

/** One sentence for a person: what was tried, what was found, what to do. Never a token. */
export function describePushError(error: PushError): string {
  switch (error.kind) {
    case "file unreadable":
      return `The ${error.purpose} in ${error.path} cannot be read: ${error.detail}.`;
    case "token malformed":
      return `The token in ${error.path} is empty or not one line of printable characters.`;
    case "not reached":
      return `The collector at ${shownAddress(error.url)} was not reached: ${error.detail}. ${error.isUntrusted ? "Set OTEL_EXPORTER_OTLP_CERTIFICATE to a file with the CA of the collector's certificate." : "Check OTEL_EXPORTER_OTLP_ENDPOINT and that the collector runs."}`;
    case "timed out":
      return `The collector at ${shownAddress(error.url)} did not answer within ${error.afterMs} ms.`;
    case "redirected":
      return `The collector at ${shownAddress(error.url)} answered ${error.status}, a redirect to ${error.detail || "nowhere"}. The agent does not follow redirects: set OTEL_EXPORTER_OTLP_ENDPOINT to the right address.`;
    case "not OTLP":
      return `The server at ${shownAddress(error.url)} answered ${error.status}${quoted(error.detail)}, which is not an answer of an OTLP receiver: check OTEL_EXPORTER_OTLP_ENDPOINT and proxies in between.`;
    case "answered":
      return `The collector at ${shownAddress(error.url)} answered ${error.status}${quoted(error.detail)}: ${adviceFor(error.status)}.`;
  }
}

/** A text of printable ASCII in one line. */
export function printable(text: string): string {
  return text.replace(/[^\x21-\x7e…]+/g, " ").trim();
}

function waiting(error: PushError): Outcome {
  return { kind: "wait", isAnswer: true, error };
}

/**
 * What ExportMetricsServiceResponse says of rejected points; `undefined` when the body is none. An empty
 * body is one: Prometheus' own receiver gives it. A number of 64 bits is a string in JSON.
 */
function partialSuccess(
  body: string,
): { readonly rejectedPoints: number; readonly reason: string } | undefined {
  const response = body.trim() === "" ? {} : parsedObject(body);
  const partial = response?.["partialSuccess"] ?? response?.["partial_success"] ?? {};
  if (response === undefined || !isObject(partial)) {
    return undefined;
  }
  const rejected = Number(partial["rejectedDataPoints"] ?? partial["rejected_data_points"] ?? 0);
  const reason = partial["errorMessage"] ?? partial["error_message"] ?? "";
  return {
    rejectedPoints: Number.isSafeInteger(rejected) ? Math.max(0, rejected) : 0,
    reason: typeof reason === "string" ? reason : "",
  };
}

/** What a body says for a person: the message of a JSON status, else its text. */
function reasonIn(body = ""): string {
  const { message, error } = parsedObject(body) ?? {};
  const text = [message, error].find((one) => typeof one === "string");
  return typeof text === "string" ? text : body.replace(/<[^<>]*>/g, " ");
}

function parsedObject(body: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(body);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function quoted(detail: string): string {
  return detail === "" ? "" : ` (${detail})`;
}

function adviceFor(status: number): string {
  switch (status) {
    case 401:
    case 403:
      return "it does not accept the sender; check COLLECTOR_TOKEN_FILE and OTEL_EXPORTER_OTLP_HEADERS";
    case 404:
    case 405:
      return "it is not an OTLP receiver; check OTEL_EXPORTER_OTLP_ENDPOINT";
    case 413:
      return "the request is too large for it; the agent sends less at once";
    case 408:
    case 429:
    case 502:
    case 503:
    case 504:
      return "it is busy, or its backend is away; the agent retries";
    case 400:
    case 422:
    case 500:
      return "it or its backend rejects the data, or its configuration is wrong; see the collector's log";
    default:
      return "see the collector's log";
  }
}
