import { shownAddress } from "../redact.ts";
import type { Outcome } from "./backlog.ts";

/** Everything that a push can end with instead of success, by kind, and the sentence for it. */
export type PushError =
  | {
      readonly kind: "file unreadable";
      readonly purpose: string;
      readonly path: string;
      readonly detail: string;
    }
  | { readonly kind: "token malformed"; readonly path: string }
  | { readonly kind: "not reached"; readonly url: string; readonly detail: string }
  | { readonly kind: "timed out"; readonly url: string; readonly afterMs: number }
  | {
      readonly kind: "answered";
      readonly url: string;
      readonly status: number;
      readonly detail: string;
    };

/**
 * What a failed push says about its points. A collector answers 500 when what it writes to refuses
 * them (400, 401, 403, 413 and 422 there look alike), 503 when that is away or busy, and 401, before
 * it looks at any point, when it does not know the token.
 */
export function outcomeOf(error: PushError): Exclude<Outcome, "accepted"> {
  if (error.kind !== "answered") {
    return "undecided";
  }
  switch (error.status) {
    case 413:
      return "too large";
    case 401:
    case 403:
    case 404:
    case 405:
    case 407:
    case 408:
    case 429:
    case 502:
    case 503:
    case 504:
      return "undecided";
    default:
      // A redirection is not followed, and says nothing about what was sent.
      return error.status < 400 ? "undecided" : "refused";
  }
}

/** One sentence for a person: what was tried, what was found, what to do. Never a token. */
export function describePushError(error: PushError): string {
  switch (error.kind) {
    case "file unreadable":
      return `The ${error.purpose} in ${error.path} cannot be read: ${error.detail}.`;
    case "token malformed":
      return `The token in ${error.path} is empty or not one line of printable characters.`;
    case "not reached":
      return `The collector at ${shownAddress(error.url)} was not reached: ${error.detail}. ${adviceForUnreached(error.detail)}`;
    case "timed out":
      return `The collector at ${shownAddress(error.url)} did not answer within ${error.afterMs} ms.`;
    case "answered":
      return `The collector at ${shownAddress(error.url)} answered ${error.status}${error.detail === "" ? "" : ` (${error.detail})`}: ${adviceFor(error.status)}.`;
  }
}

/** OpenSSL's words for a certificate that no known authority signed. */
const UNTRUSTED = /self-signed certificate|local issuer certificate|first certificate/;

function adviceForUnreached(detail: string): string {
  return UNTRUSTED.test(detail)
    ? "Name the authority that signed the collector's certificate in OTEL_EXPORTER_OTLP_CERTIFICATE."
    : "Check OTEL_EXPORTER_OTLP_ENDPOINT and that the collector runs.";
}

function adviceFor(status: number): string {
  switch (status) {
    case 401:
    case 403:
      return "it does not accept the agent's token (COLLECTOR_TOKEN_FILE)";
    case 404:
      return "that is not an OTLP receiver; check OTEL_EXPORTER_OTLP_ENDPOINT";
    case 429:
    case 502:
    case 503:
    case 504:
      return "it is busy, or what it writes to is away; the agent goes on trying";
    case 500:
      return "what it writes to refuses the data, or its configuration fails; see the collector's log";
    default:
      return "see the collector's log";
  }
}
