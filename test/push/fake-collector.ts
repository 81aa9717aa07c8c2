// A fake collector: an HTTP server at 127.0.0.1 that keeps what it gets and answers as a
// case says. A question for its date, which is a request without points, is answered and kept apart. It
// checks nothing. The real collector is in test/otel-collector/.

import assert from "node:assert/strict";
import { once } from "node:events";
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import { createServer as createTlsServer, type Server as TlsServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { buffer } from "node:stream/consumers";

/** One attempt of a push, as it arrived. */
export type Attempt = {
  readonly method: string | undefined;
  readonly path: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
};

/** Answers an attempt, or does not. */
export type Answer = (response: ServerResponse) => void;

/** A success, as in OTLP. */
export const accept: Answer = (response) => {
  response.setHeader("content-type", "application/json").end("{}");
};

/** A failure, with a status and a message like a collector's, and more headers. */
export function refuse(
  status: number,
  message = "",
  headers: Readonly<Record<string, string>> = {},
): Answer {
  return (response) => {
    response.writeHead(status, { "content-type": "application/json", ...headers });
    response.end(JSON.stringify({ code: 13, message }));
  };
}

/** Ends the connection without an answer. */
export const hangUp: Answer = (response) => {
  response.destroy();
};

/** Never answers. */
export const keepSilent: Answer = () => {};

/** Begins an answer, and sends a byte from time to time for ever. */
export const drip: Answer = (response) => {
  response.writeHead(200, { "content-type": "application/json" });
  const dripping = setInterval(() => response.write(" "), 10);
  response.once("close", () => clearInterval(dripping));
};

/** The answers to the attempts, in order. The last one is repeated. */
type Answers = readonly [...Answer[], Answer];

/** A certificate and its key, as PEM. */
export type Identity = { readonly cert: string; readonly key: string };

export class FakeCollector {
  readonly attempts: Attempt[] = [];
  /** The requests without points. */
  readonly questions: Attempt[] = [];
  /** The answer to those. */
  answerQuestion: Answer = accept;
  readonly #answers: Answers;
  readonly #server: Server | TlsServer;
  readonly #sockets = new Set<Socket>();
  #allClosed = Promise.withResolvers<void>();

  private constructor(server: Server | TlsServer, answers: Answers) {
    this.#answers = answers;
    this.#server = server;
    server.on("request", (request: IncomingMessage, response: ServerResponse) => {
      void this.#answer(request, response);
    });
    server.on("connection", (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once("close", () => {
        this.#sockets.delete(socket);
        if (this.#sockets.size === 0) {
          this.#allClosed.resolve();
          this.#allClosed = Promise.withResolvers<void>();
        }
      });
    });
  }

  /** Starts one. */
  static async start(...answers: Answers): Promise<FakeCollector> {
    return FakeCollector.#listening(createServer(), answers);
  }

  /** Starts one with TLS. It requires a client's certificate if `ca` has its authority. */
  static async startTls(
    options: Identity & { readonly ca?: string },
    ...answers: Answers
  ): Promise<FakeCollector> {
    const requestCert = options.ca !== undefined;
    return FakeCollector.#listening(createTlsServer({ ...options, requestCert }), answers);
  }

  static async #listening(server: Server | TlsServer, answers: Answers): Promise<FakeCollector> {
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return new FakeCollector(server, answers);
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** The only received attempt. */
  get onlyAttempt(): Attempt {
    const [attempt, ...others] = this.attempts;
    assert.ok(attempt !== undefined && others.length === 0, `${this.attempts.length} attempts`);
    return attempt;
  }

  /** Shows another certificate from the next connection on. */
  replaceIdentity(identity: Identity): void {
    (this.#server as TlsServer).setSecureContext(identity);
  }

  /** Waits until no connection is open any more, on either side. */
  async withoutConnections(): Promise<void> {
    if (this.#sockets.size > 0) {
      await this.#allClosed.promise;
    }
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method, url: path, headers } = request;
    const body = await buffer(request);
    if (body.toString() === "{}") {
      this.questions.push({ method, path, headers, body });
      this.answerQuestion(response);
      return;
    }
    const answer = this.#answers[Math.min(this.attempts.length, this.#answers.length - 1)];
    this.attempts.push({ method, path, headers, body });
    answer?.(response);
  }
}
