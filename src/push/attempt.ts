/**
 * One attempt to push, over a connection of its own, which is gone afterwards: certificates and tokens
 * that were replaced are followed, agents spread over the collector's replicas, and nothing of an attempt
 * that hangs outlives it. No redirect is followed, no proxy is used, nothing is tried again.
 */
import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { type IncomingMessage, type RequestOptions, request as requestHttp } from "node:http";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { redact, secretsIn } from "../redact.ts";
import { failure, type Result, success } from "../result.ts";
import type { OtlpSettings } from "../settings.ts";
import { VERSION } from "../version.ts";
import {
  type Answer,
  type Outcome,
  outcomeOf,
  type PushError,
  printable,
  unanswered,
} from "./answer.ts";

export type Attempt = {
  /** OTLP in JSON. */
  readonly body: Uint8Array;
  /** Beside those that the settings ask for. */
  readonly headers: Readonly<Record<string, string>>;
  /** How long it may take, in milliseconds: it ends by the monotonic clock. */
  readonly limitMs: number;
  /** Ends it early: it counts as timed out. */
  readonly cut: AbortSignal | undefined;
};

/** OTLP's answer is a few bytes and a reason. */
const LONGEST_ANSWER_BYTES = 64 * 1024;

/** A token is a thousand bytes or two, a bundle of all authorities a quarter of a million. */
const LONGEST_FILE_BYTES = 1024 * 1024;

/** Makes an attempt. @returns its outcome, and the answer where there was one */
export async function attempt(
  settings: OtlpSettings,
  { body, headers, limitMs, cut }: Attempt,
): Promise<{ readonly outcome: Outcome; readonly answer?: Answer }> {
  const { url } = settings;
  const token = await bearerToken(settings.tokenFile);
  if (!token.ok) {
    return { outcome: unanswered(token.error) };
  }
  const tls = isTls(url) ? await tlsOptions(settings) : success({});
  if (!tls.ok) {
    return { outcome: unanswered(tls.error) };
  }
  const sent = { ...settings.headers, ...token.value };
  const redacted = (text: string) => redact(text, secretsIn({ url, headers: sent }));
  const isPacked = settings.compression === "gzip";
  const packed = isPacked ? await promisify(gzip)(body) : body;
  const options = {
    ...tls.value,
    method: "POST",
    agent: false,
    headers: {
      ...sent,
      ...headers,
      "user-agent": `chrony-tracker/${VERSION}`,
      "content-type": "application/json",
      "content-length": String(packed.byteLength),
      ...(isPacked && { "content-encoding": "gzip" }),
    },
  };
  const answer = await exchange(await requesterTo(url), url, options, packed, limitMs, cut);
  if (!answer.ok) {
    const { error } = answer;
    return {
      outcome: unanswered("detail" in error ? { ...error, detail: redacted(error.detail) } : error),
    };
  }
  return { outcome: outcomeOf(answer.value, url, redacted), answer: answer.value };
}

/** TLS is loaded by those alone who use it, because it takes 5 MiB. */
async function requesterTo(url: string): Promise<typeof requestHttp> {
  return isTls(url) ? (await import("node:https")).request : requestHttp;
}

function exchange(
  requester: typeof requestHttp,
  url: string,
  options: RequestOptions,
  body: Uint8Array,
  limitMs: number,
  cut: AbortSignal | undefined,
): Promise<Result<Answer, PushError>> {
  const { promise, resolve } = Promise.withResolvers<Result<Answer, PushError>>();
  const notReached = (error: unknown) =>
    resolve(
      failure({
        kind: "not reached",
        url,
        detail: detailOf(error),
        isUntrusted: isUntrusted(error),
      }),
    );
  const timedOut = () => resolve(failure({ kind: "timed out", url, afterMs: limitMs }));
  const timer = setTimeout(timedOut, limitMs);
  cut?.addEventListener("abort", timedOut);
  const askedMs = performance.now();
  let request: ReturnType<typeof requestHttp> | undefined;
  try {
    request = requester(url, options);
    request.on("error", notReached);
    request.on("close", () => notReached(new Error("the connection was closed without an answer")));
    request.on("response", (response) => {
      void answerOf(response, askedMs).then((answer) => resolve(success(answer)), notReached);
    });
    request.end(body);
  } catch (error) {
    // What Node.js refuses to send: a certificate, key or header that it cannot read.
    notReached(error);
  }
  return promise.finally(() => {
    clearTimeout(timer);
    cut?.removeEventListener("abort", timedOut);
    request?.destroy();
  });
}

async function answerOf(response: IncomingMessage, askedMs: number): Promise<Answer> {
  const answeredMs = performance.now();
  const { statusCode: status = 0, headers } = response;
  const { date, location } = headers;
  return { status, date, location, body: await textOf(response), askedMs, answeredMs };
}

/** A body; `undefined` where it is too long. */
async function textOf(response: IncomingMessage): Promise<string | undefined> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of response as AsyncIterable<Buffer>) {
    bytes += piece.byteLength;
    if (bytes > LONGEST_ANSWER_BYTES) {
      return undefined;
    }
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString();
}

function isTls(url: string): boolean {
  return new URL(url).protocol === "https:";
}

async function tlsOptions(settings: OtlpSettings): Promise<Result<RequestOptions, PushError>> {
  const files = [
    ["ca", "collector's certificate authority", settings.certificateFile],
    ["cert", "client certificate", settings.clientCertificateFile],
    ["key", "client key", settings.clientKeyFile],
  ] as const;
  const options: Record<string, string> = {};
  for (const [option, purpose, path] of files) {
    const text = path === undefined ? undefined : await readText(purpose, path);
    if (text?.ok === false) {
      return text;
    }
    if (text !== undefined) {
      options[option] = text.value;
    }
  }
  return success(options);
}

async function bearerToken(
  path: string | undefined,
): Promise<Result<{ authorization?: string }, PushError>> {
  if (path === undefined) {
    return success({});
  }
  const text = await readText("collector's token", path);
  if (!text.ok) {
    return text;
  }
  const token = text.value.trim();
  return /^[\x21-\x7e]+$/.test(token)
    ? success({ authorization: `Bearer ${token}` })
    : failure({ kind: "token malformed", path });
}

async function readText(purpose: string, path: string): Promise<Result<string, PushError>> {
  let file: FileHandle | undefined;
  try {
    // Without waiting for whoever may write to a pipe: a push has to end.
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const stat = await file.stat();
    if (!stat.isFile() || stat.size > LONGEST_FILE_BYTES) {
      const detail = stat.isFile() ? `it has ${stat.size} bytes` : "it is not a regular file";
      return failure({ kind: "file unreadable", purpose, path, detail });
    }
    return success(await file.readFile("utf8"));
  } catch (error) {
    return failure({ kind: "file unreadable", purpose, path, detail: detailOf(error) });
  } finally {
    await file?.close();
  }
}

/** OpenSSL's reasons for a certificate of which no known authority is the root. */
function isUntrusted(error: unknown): boolean {
  return [
    "DEPTH_ZERO_SELF_SIGNED_CERT",
    "SELF_SIGNED_CERT_IN_CHAIN",
    "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
    "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  ].includes(String((error as NodeJS.ErrnoException | undefined)?.code));
}

function detailOf(error: unknown): string {
  if (!(error instanceof Error)) {
    return printable(String(error));
  }
  // A refused connection to a name with two addresses has a code and an empty message.
  return printable(error.message || ((error as NodeJS.ErrnoException).code ?? error.name));
}
