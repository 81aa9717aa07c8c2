/** Requests the report of an agent on the same machine, once and with a timeout. */
import { get } from "node:http";
import { failure, type Result, success } from "../result.ts";
import { type AgentReport, parseAgentReport } from "../summary/agent-report.ts";

/** An agent answers within milliseconds, or within a second if chronyd does not answer it. */
const LONGEST_ANSWER_MS = 2_000;

/** The longest report of 300 sources takes a third of it. */
const LARGEST_REPORT_BYTES = 1024 * 1024;

/** Why there is no report. `url` is the address of the agent, without a path. */
export type AgentError = { readonly url: string } & (
  | { readonly kind: "no connection"; readonly code: string }
  | { readonly kind: "no answer" }
  | { readonly kind: "not ready" }
  | { readonly kind: "wrong status"; readonly status: number }
  | { readonly kind: "too large" }
  | { readonly kind: "invalid report"; readonly detail: string }
);

/** One sentence: what was wrong, and what to do. */
export function describeAgentError(error: AgentError): string {
  const { url } = error;
  const expected = "Expected an agent of this version (see OTEL_EXPORTER_PROMETHEUS_PORT).";
  switch (error.kind) {
    case "no connection":
      return error.code === "ECONNREFUSED"
        ? `No agent listens at ${url}.`
        : `No agent answers at ${url} (${error.code}).`;
    case "no answer":
      return `${url}status was not answered within ${LONGEST_ANSWER_MS} ms.`;
    case "not ready":
      return `${url} has not asked chronyd yet.`;
    case "wrong status":
      return `${url}status was answered with HTTP status ${error.status}. ${expected}`;
    case "too large":
      return `${url}status was answered with more than ${LARGEST_REPORT_BYTES} bytes. ${expected}`;
    case "invalid report":
      return `${url}status was answered with something else than a report: ${error.detail}. ${expected}`;
  }
}

/**
 * The address of the agent's HTTP server as this process reaches it, without a path.
 * @param host the address that the agent listens on; `undefined` is all addresses, IPv4 and IPv6
 */
export function agentUrl(host: string | undefined, port: number): string {
  const reached =
    host === undefined || host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "::1" : host;
  return `http://${reached.includes(":") ? `[${reached}]` : reached}:${port}/`;
}

/** Requests the report of the agent at an address. It follows no redirect and uses no proxy. */
export function askAgent(url: string): Promise<Result<AgentReport, AgentError>> {
  const { promise, resolve } = Promise.withResolvers<Result<AgentReport, AgentError>>();
  const signal = AbortSignal.timeout(LONGEST_ANSWER_MS);
  const request = get(`${url}status`, { agent: false, signal }, (response) => {
    const status = response.statusCode ?? 0;
    if (status !== 200) {
      const error =
        status === 503 ? { kind: "not ready" as const } : { kind: "wrong status" as const, status };
      resolve(failure({ url, ...error }));
      request.destroy();
      return;
    }
    const parts: Buffer[] = [];
    let bytes = 0;
    response.on("data", (part: Buffer) => {
      parts.push(part);
      bytes += part.length;
      if (bytes > LARGEST_REPORT_BYTES) {
        resolve(failure({ url, kind: "too large" }));
        request.destroy();
      }
    });
    response.on("end", () => {
      const report = parseAgentReport(Buffer.concat(parts).toString());
      resolve(
        report.ok
          ? success(report.value)
          : failure({ url, kind: "invalid report", detail: report.error }),
      );
    });
    response.on("error", failed);
  });
  request.on("error", failed);
  return promise;

  function failed(error: NodeJS.ErrnoException): void {
    resolve(
      failure(
        signal.aborted
          ? { url, kind: "no answer" }
          : { url, kind: "no connection", code: error.code ?? error.name },
      ),
    );
  }
}
