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

/** One sentence for a person: what was tried, what was found, what to do. Never a token. */
export function describePushError(error: PushError): string {
  switch (error.kind) {
    case "file unreadable":
      return `The ${error.purpose} in ${error.path} cannot be read: ${error.detail}.`;
    case "token malformed":
      return `The token in ${error.path} is empty or not one line of printable characters.`;
    case "not reached":
      return `The collector at ${error.url} was not reached: ${error.detail}. Check OTEL_EXPORTER_OTLP_ENDPOINT and that the collector runs.`;
    case "timed out":
      return `The collector at ${error.url} did not answer within ${error.afterMs} ms.`;
    case "answered":
      return `The collector at ${error.url} answered ${error.status}${error.detail === "" ? "" : ` (${error.detail})`}: ${adviceFor(error.status)}.`;
  }
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
