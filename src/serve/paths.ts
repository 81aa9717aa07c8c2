/**
 * The paths of the agent's HTTP server. Each declares what an answer costs and how long it is cached; a
 * path without both does not compile.
 */

/** What one path may cost, however often it is requested. */
type PathCost =
  /**
   * A sentence about the newest poll, made by a few comparisons for each request. chronyd is not asked,
   * and nothing is rendered.
   */
  | { readonly cost: "constant"; readonly cache: "none" }
  /**
   * Work that grows with chronyd's reports. It is done at most once per poll of chronyd (and once more
   * when the newest poll becomes too old), and all requests share the result.
   */
  | { readonly cost: "rendering"; readonly cache: "poll" };

export const PATHS = {
  "/": { cost: "rendering", cache: "poll" },
  "/metrics": { cost: "rendering", cache: "poll" },
  "/status": { cost: "rendering", cache: "poll" },
  // Not cached, because each client asks with its own limit.
  "/synchronised": { cost: "constant", cache: "none" },
  "/livez": { cost: "constant", cache: "none" },
  "/readyz": { cost: "constant", cache: "none" },
} as const satisfies Readonly<Record<string, PathCost>>;

export type Path = keyof typeof PATHS;

/** The answer to a request. */
export type Answer = {
  readonly status: number;
  readonly contentType: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string;
};

/** The body of a 503 before the first poll. */
export const NOT_ASKED_YET = "chronyd has not been polled yet. Try again in a second.";

/** A plain text answer of one line. */
export function plainAnswer(status: number, text: string): Answer {
  return { status, contentType: "text/plain; charset=utf-8", body: `${text}\n` };
}

/**
 * The path of a request target, without its query; `undefined` when it is not in {@link PATHS}.
 * @param target as in the request line: origin form (`/metrics?x=1`) or, from a proxy, absolute form
 *   (`http://node:9464/metrics`); RFC 9112, section 3.2
 */
export function pathOf(target: string): Path | undefined {
  const [, path = ""] = /^(?:https?:\/\/[^/?#]+)?([^?#]*)/i.exec(target) ?? [];
  const found = path === "" && target !== "" ? "/" : path;
  return Object.hasOwn(PATHS, found) ? (found as Path) : undefined;
}

/** The query of a request target, without `?`; empty when there is none. */
export function queryOf(target: string): string {
  return /^[^?#]*\?(?<query>[^#]*)/.exec(target)?.groups?.["query"] ?? "";
}
