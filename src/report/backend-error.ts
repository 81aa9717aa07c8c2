/** Why a backend gave no answer. `detail` holds no secret. */
export type BackendError = { readonly url: string } & (
  | { readonly kind: "not reached"; readonly detail: string }
  | { readonly kind: "timed out" }
  | { readonly kind: "unreadable file"; readonly file: string; readonly detail: string }
  | { readonly kind: "too much"; readonly detail: string }
  | { readonly kind: "rejected"; readonly status: number; readonly detail: string }
  | { readonly kind: "busy"; readonly status: number; readonly detail: string }
  | { readonly kind: "not Prometheus"; readonly detail: string }
);

/** How often a request is tried before the report ends with an error. */
export const ATTEMPTS = 6;

/** How long to wait for one answer, in milliseconds. */
export const LONGEST_ANSWER_MS = 120_000;

/** One sentence: what was wrong, and what to do. */
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
      return `${url} answered with something else than Prometheus' HTTP API: ${error.detail}. Set --prometheus to the address before /api/v1/query.`;
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
      return "Give its identity the right to read (Azure: Monitoring Data Reader on the workspace, which takes up to 30 minutes to become active).";
    case 404:
      return "Set --prometheus to the address before /api/v1/query.";
    default:
      return status >= 300 && status < 400
        ? "Redirects are not followed: set --prometheus to the final address."
        : "Check --prometheus and --cluster.";
  }
}
