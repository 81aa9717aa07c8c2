/** A Prometheus HTTP API: instant queries, one after another. A request is retried when the backend is busy. */
import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { printable } from "../printable.ts";
import { redact, secretsIn, shownAddress } from "../redact.ts";
import { failure, type Result, success } from "../result.ts";
import { VERSION } from "../version.ts";
import { ATTEMPTS, type BackendError } from "./backend-error.ts";
import { createPost, LARGEST_ANSWER_BYTES, type PostAnswer } from "./http-post.ts";
import { type AnsweredSeries, readQueryAnswer } from "./query-answer.ts";

/** Where to ask, and how. */
export type BackendSettings = {
  /** Without `/api/v1/query`. */
  readonly url: string;
  /** Read anew for each request. Sent over plain HTTP to this machine only. */
  readonly tokenFile: string | undefined;
  /** Certificates to trust in place of the system's, in PEM. */
  readonly caFile: string | undefined;
};

const LONGEST_WAIT_MS = 120_000;
const MOST_WARNINGS = 50;
const LONGEST_DETAIL = 300;

/** What a request is made of besides the query. */
type Access = {
  readonly headers: Readonly<Record<string, string>>;
  readonly ca: string | undefined;
  /** Replaces secrets in a text of the backend, and shortens it. */
  readonly redacted: (text: string) => string;
};

/** A Prometheus HTTP API. */
export class Backend {
  readonly #settings: BackendSettings;
  readonly #url: string;
  readonly #shownUrl: string;
  readonly #post: ReturnType<typeof createPost>;
  readonly #warnings = new Set<string>();
  #hasAnswered = false;

  constructor(settings: BackendSettings) {
    this.#settings = settings;
    this.#url = `${settings.url.replace(/\/+$/, "")}/api/v1/query`;
    this.#shownUrl = shownAddress(settings.url);
    this.#post = createPost(this.#url);
  }

  /** The warnings of the backend, each once. */
  get warnings(): ReadonlySet<string> {
    return this.#warnings;
  }

  /**
   * The result of an instant query. That of a range selector is the samples themselves, each at its own
   * time.
   * @param atMs the time of the query, in milliseconds since 1970
   */
  async ask(query: string, atMs: number): Promise<Result<readonly AnsweredSeries[], BackendError>> {
    const form = new URLSearchParams({ query, time: (atMs / 1000).toFixed(3) }).toString();
    for (let attempt = 1; ; attempt++) {
      const { outcome, waitMs } = await this.#attempt(form, attempt);
      if (waitMs === undefined || attempt === ATTEMPTS) {
        return outcome;
      }
      await sleep(waitMs);
    }
  }

  /** One request. `waitMs` is the time to the next one, if there should be one. */
  async #attempt(
    form: string,
    attempt: number,
  ): Promise<{ outcome: Result<readonly AnsweredSeries[], BackendError>; waitMs?: number }> {
    const access = await this.#access();
    if (!access.ok) {
      return { outcome: access };
    }
    const { headers, ca, redacted } = access.value;
    const answer = await this.#post(form, headers, ca);
    if (!answer.ok) {
      const waitMs = 2 ** attempt * 100;
      if (answer.error.kind === "timed out") {
        return { outcome: this.#failure(answer.error), waitMs };
      }
      const detail = redacted(answer.error.detail);
      const outcome = this.#failure({ kind: "not reached", detail });
      // An address that was never reached is probably wrong.
      return this.#hasAnswered ? { outcome, waitMs } : { outcome };
    }
    this.#hasAnswered = true;
    const outcome = this.#outcomeOf(answer.value, redacted);
    if (outcome.ok || outcome.error.kind !== "busy") {
      return { outcome };
    }
    const waitMs = retryAfterMs(answer.value.retryAfter) ?? 2 ** attempt * 1000;
    if (waitMs > LONGEST_WAIT_MS) {
      const detail = `it asks to wait ${Math.round(waitMs / 1000)} s`;
      return { outcome: this.#failure({ kind: "rejected", status: answer.value.status, detail }) };
    }
    return { outcome, waitMs };
  }

  /** Headers and certificates. Files are read anew, because a token expires during a long report. */
  async #access(): Promise<Result<Access, BackendError>> {
    const { tokenFile, caFile } = this.#settings;
    const headers: Record<string, string> = {
      accept: "application/json",
      "user-agent": `chrony-tracker-report/${VERSION}`,
    };
    const ca = caFile === undefined ? success(undefined) : await this.#fileText(caFile);
    if (!ca.ok) {
      return ca;
    }
    let token: string | undefined;
    if (tokenFile !== undefined) {
      const text = await this.#fileText(tokenFile);
      if (!text.ok) {
        return text;
      }
      token = text.value.trim();
      if (!/^[\x21-\x7e]+$/.test(token)) {
        const detail = "expected one token, a line of ASCII without spaces";
        return this.#failure({ kind: "unreadable file", file: tokenFile, detail });
      }
      headers["authorization"] = `Bearer ${token}`;
    }
    const secrets = secretsIn({ url: this.#url, headers, token });
    const redacted = (text: string) => printable(redact(text, secrets)).slice(0, LONGEST_DETAIL);
    return success({ headers, ca: ca.value, redacted });
  }

  async #fileText(file: string): Promise<Result<string, BackendError>> {
    try {
      return success(await readFile(file, "utf8"));
    } catch (error) {
      const detail = (error as NodeJS.ErrnoException).code ?? String(error);
      return this.#failure({ kind: "unreadable file", file, detail });
    }
  }

  #outcomeOf(
    { status, body }: PostAnswer,
    redacted: (text: string) => string,
  ): Result<readonly AnsweredSeries[], BackendError> {
    if (body === undefined) {
      const detail = `an answer has more than ${LARGEST_ANSWER_BYTES} bytes`;
      return this.#failure({ kind: "too much", detail });
    }
    const { error, warnings, series } = readQueryAnswer(body);
    const detail = redacted(error);
    if ([429, 502, 503, 504].includes(status)) {
      return this.#failure({ kind: "busy", status, detail });
    }
    // Prometheus answers 422 when a query reads more than is allowed.
    if (status === 413 || status === 422) {
      return this.#failure({ kind: "too much", detail: detail || `HTTP status ${status}` });
    }
    if (status !== 200) {
      return this.#failure({ kind: "rejected", status, detail });
    }
    if (!series.ok) {
      return this.#failure({ kind: "not Prometheus", detail: redacted(series.error) });
    }
    for (const warning of warnings) {
      if (this.#warnings.size < MOST_WARNINGS) {
        this.#warnings.add(redacted(warning));
      }
    }
    return series;
  }

  #failure(error: WithoutUrl<BackendError>): Result<never, BackendError> {
    return failure({ url: this.#shownUrl, ...error });
  }
}

/** Of each kind of an error, all but the address. */
type WithoutUrl<Failure> = Failure extends unknown ? Omit<Failure, "url"> : never;

/** The wait that `Retry-After` asks for, in milliseconds: a number of seconds, or a date (RFC 9110, 10.2.3). */
function retryAfterMs(header: string | undefined): number | undefined {
  if (header === undefined) {
    return undefined;
  }
  const waitMs = /^\d+$/.test(header.trim())
    ? Number(header) * 1000
    : Date.parse(header) - Date.now();
  return Number.isNaN(waitMs) ? undefined : Math.max(waitMs, 0);
}
