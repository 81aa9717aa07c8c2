import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";

/** A complete request. */
export type Request = {
  readonly method: string;
  readonly url: URL;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
};

/** An answer: JSON, or only a status. */
export type Answer = {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: object;
};

/** Reads a request to its end. Its address is that of the header `Host`. */
export async function readRequest(incoming: IncomingMessage): Promise<Request> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) {
    chunks.push(chunk);
  }
  return {
    method: incoming.method ?? "",
    url: new URL(incoming.url ?? "/", `https://${incoming.headers.host}`),
    headers: incoming.headers,
    body: Buffer.concat(chunks),
  };
}

/** Sends an answer. */
export function sendAnswer(response: ServerResponse, { status, headers, body }: Answer): void {
  const text = body === undefined ? "" : JSON.stringify(body);
  response.writeHead(status, { "content-type": "application/json; charset=utf-8", ...headers });
  response.end(text);
}
