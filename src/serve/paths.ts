/**
 * The paths of the agent's port: what an answer costs, and how long it is kept. There is no other
 * path, and no way to add one without saying both.
 */

/** What one path may cost, whoever asks how often. */
type PathCost =
  /**
   * A sentence about what the newest poll means: a few comparisons for each request. chronyd is not
   * asked, and nothing is rendered.
   */
  | { readonly cost: "constant"; readonly cache: "none" }
  /**
   * Work that grows with what chronyd reported: done at most once for each poll of chronyd (and once
   * more when the newest poll has become too old to count), and shared by all who ask.
   */
  | { readonly cost: "rendering"; readonly cache: "poll" };

export const PATHS = {
  "/": { cost: "rendering", cache: "poll" },
  "/metrics": { cost: "rendering", cache: "poll" },
  "/status": { cost: "rendering", cache: "poll" },
  // By another limit for each who asks.
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

/** What is answered 503 before the first poll. */
export const NOT_ASKED_YET = "chronyd was not asked yet. Try again in a second.";

/** An answer of one line. */
export function plainAnswer(status: number, text: string): Answer {
  return { status, contentType: "text/plain; charset=utf-8", body: `${text}\n` };
}

/**
 * The path that a request asks for, `undefined` when it has none of the table's.
 * @param target as in the request line: in origin form (`/metrics?x=1`) or, as a proxy sends it, in
 *   absolute form (`http://node:9464/metrics`), RFC 9112, section 3.2. A query is left out.
 */
export function pathOf(target: string): Path | undefined {
  const [, path = ""] = /^(?:https?:\/\/[^/?#]+)?([^?#]*)/i.exec(target) ?? [];
  const found = path === "" && target !== "" ? "/" : path;
  return Object.hasOwn(PATHS, found) ? (found as Path) : undefined;
}

/** What stands behind the path of a request's target, without its `?`; empty when nothing does. */
export function queryOf(target: string): string {
  return /^[^?#]*\?(?<query>[^#]*)/.exec(target)?.groups?.["query"] ?? "";
}
