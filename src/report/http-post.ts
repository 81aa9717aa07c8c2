/** One HTTP POST and its answer. No redirect is followed and no proxy is used. */
import { Agent as HttpAgent, type IncomingMessage, request as requestHttp } from "node:http";
import { Agent as HttpsAgent, request as requestHttps } from "node:https";
import { failure, type Result, success } from "../result.ts";
import { LONGEST_ANSWER_MS } from "./backend-error.ts";

/** Azure gives 64 MB at most. */
export const LARGEST_ANSWER_BYTES = 128 * 1024 * 1024;

export type PostAnswer = {
  readonly status: number;
  readonly retryAfter: string | undefined;
  /** `undefined` when it is larger than {@link LARGEST_ANSWER_BYTES}. */
  readonly body: string | undefined;
};

export type PostError =
  | { readonly kind: "not reached"; readonly detail: string }
  | { readonly kind: "timed out" };

/** Posts a form. */
export type Post = (
  form: string,
  headers: Readonly<Record<string, string>>,
  /** Certificates to trust in place of the system's, in PEM. */
  ca: string | undefined,
) => Promise<Result<PostAnswer, PostError>>;

/** A function that posts to an address, over connections that are kept open. */
export function createPost(url: string): Post {
  const isTls = url.startsWith("https:");
  const agent = isTls ? new HttpsAgent({ keepAlive: true }) : new HttpAgent({ keepAlive: true });
  return async (form, headers, ca) => {
    const { promise, resolve } = Promise.withResolvers<Result<PostAnswer, PostError>>();
    const signal = AbortSignal.timeout(LONGEST_ANSWER_MS);
    const failed = (error: NodeJS.ErrnoException) =>
      resolve(
        failure(
          signal.aborted
            ? { kind: "timed out" }
            : { kind: "not reached", detail: error.code ?? error.message },
        ),
      );
    const options = {
      method: "POST",
      agent,
      signal,
      headers: {
        ...headers,
        "content-type": "application/x-www-form-urlencoded",
        "content-length": Buffer.byteLength(form),
      },
      ...(ca === undefined ? {} : { ca }),
    };
    try {
      const request = (isTls ? requestHttps : requestHttp)(url, options, (response) => {
        void readAnswer(response).then((answer) => resolve(success(answer)), failed);
      });
      request.on("error", failed);
      request.end(form);
    } catch (error) {
      // Node.js throws when it cannot read the certificates.
      failed(error as NodeJS.ErrnoException);
    }
    return await promise;
  };
}

/** Leaving the loop early destroys the connection. */
async function readAnswer(response: IncomingMessage): Promise<PostAnswer> {
  const { statusCode: status = 0, headers } = response;
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of response as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes > LARGEST_ANSWER_BYTES) {
      return { status, retryAfter: undefined, body: undefined };
    }
    parts.push(part);
  }
  return { status, retryAfter: headers["retry-after"], body: Buffer.concat(parts).toString() };
}
