/**
 * The HTTP connection of one client, with limits on what requests and answers may cost.
 *
 * It does not use node:http, because that parses every pipelined request it has received, even after
 * the connection was destroyed at the first one: 39 KB cost 0.2 s of CPU time.
 */
import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import type { ConnectionLimit } from "./connection-limit.ts";
import { parseRequestHead, type RequestHead } from "./request-head.ts";

/** The most unanswered requests; one more resets the connection. Real clients do not pipeline. */
const MOST_UNANSWERED = 4;

/** The limit for a request line and headers. */
const MOST_HEAD_BYTES = 8 * 1024;

/** A connection is closed after the answer that takes its total above this. */
const MOST_BYTES_GIVEN = 1024 * 1024;

/**
 * The timeout for each step: until the next request has arrived, until the kernel has taken an answer,
 * and until the client closes after the last answer.
 */
const TIMEOUT_MS = 10_000;

/** How long a client may take to read the error after which nothing more is read from it. */
const UNREAD_TIMEOUT_MS = 1_000;

const END_OF_HEAD = "\r\n\r\n";

/** An answer as it is sent. Several connections may share its bytes. */
export type Rendering = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
};

export type Respond = (request: RequestHead) => Rendering | Promise<Rendering>;

/** A request that has not been answered. */
type Exchange = {
  readonly rendering: () => Rendering | Promise<Rendering>;
  /** Whether the answer has no body (HEAD). */
  readonly headOnly: boolean;
  /** Whether the connection is closed after the answer. */
  readonly isLast: boolean;
};

/** Answers a client until either closes the connection. */
export class ClientConnection {
  readonly #socket: Socket;
  readonly #limit: ConnectionLimit;
  readonly #respond: Respond;
  #received: Buffer = Buffer.alloc(0);
  /** In order of arrival; the first is being answered. */
  readonly #exchanges: Exchange[] = [];
  /** Whether no further request is read. */
  #isComplete = false;
  #timer: NodeJS.Timeout | undefined;

  /** Serves a client until its connection closes. */
  static serve(socket: Socket, limit: ConnectionLimit, respond: Respond): ClientConnection {
    return new ClientConnection(socket, limit, respond);
  }

  private constructor(socket: Socket, limit: ConnectionLimit, respond: Respond) {
    this.#socket = socket;
    this.#limit = limit;
    this.#respond = respond;
    socket
      .on("data", (bytes) => this.#onData(bytes))
      .on("end", () => this.#onEnd())
      // "close" follows.
      .on("error", () => {})
      .on("close", () => clearTimeout(this.#timer));
    this.#awaitRequest();
  }

  #onData(bytes: Buffer): void {
    if (this.#isComplete) {
      // Stop reading, so that more data costs nothing.
      this.#socket.pause();
      return;
    }
    let rest = this.#received.length === 0 ? bytes : Buffer.concat([this.#received, bytes]);
    while (!this.#isComplete && !this.#socket.destroyed) {
      const end = rest.indexOf(END_OF_HEAD, 0, "latin1");
      if (end > MOST_HEAD_BYTES || (end === -1 && rest.length > MOST_HEAD_BYTES)) {
        this.#refuse(431, "The headers are too large.");
      } else if (end !== -1) {
        this.#onHead(rest.toString("latin1", 0, end));
        rest = rest.subarray(end + END_OF_HEAD.length);
      } else if (/[^\t\r\n\x20-\x7e\x80-\xff]/.test(rest.toString("latin1"))) {
        this.#refuse(400, "This is no HTTP.");
      } else {
        break;
      }
    }
    // Copied, because a slice would keep the whole buffer in memory.
    this.#received = this.#isComplete ? Buffer.alloc(0) : Buffer.from(rest);
  }

  #onHead(text: string): void {
    const head = parseRequestHead(text);
    if (!head.ok) {
      this.#refuse(head.error.status, head.error.text);
      return;
    }
    const { method, keepsConnection, hasBody } = head.value;
    this.#enqueue({
      rendering: () => this.#respond(head.value),
      headOnly: method === "HEAD",
      isLast: !keepsConnection || hasBody,
    });
    if (hasBody) {
      this.#socket.pause();
    }
  }

  /** Answers with an error and stops reading: after an invalid request, the start of the next is unknown. */
  #refuse(status: number, text: string): void {
    const rendering = plainRendering(status, text);
    this.#enqueue({ rendering: () => rendering, headOnly: false, isLast: true });
    this.#socket.pause();
  }

  #onEnd(): void {
    this.#isComplete = true;
    if (this.#exchanges.length === 0) {
      this.#socket.end();
    }
  }

  #enqueue(exchange: Exchange): void {
    if (this.#exchanges.length === MOST_UNANSWERED) {
      this.#socket.resetAndDestroy();
      return;
    }
    this.#exchanges.push(exchange);
    this.#isComplete ||= exchange.isLast;
    if (this.#exchanges.length === 1) {
      void this.#answerAll();
    }
  }

  async #answerAll(): Promise<void> {
    for (let exchange = this.#exchanges[0]; exchange !== undefined; ) {
      this.#within(TIMEOUT_MS);
      const rendering = await exchange.rendering();
      const closes = await this.#send(rendering, exchange);
      if (closes || this.#socket.destroyed) {
        return;
      }
      this.#exchanges.shift();
      exchange = this.#exchanges[0];
    }
    if (this.#isComplete) {
      this.#close();
    } else {
      this.#awaitRequest();
    }
  }

  /** Resolves when the kernel has taken the answer, with whether it was the last one. */
  async #send({ status, headers, body }: Rendering, exchange: Exchange): Promise<boolean> {
    const sent = exchange.headOnly ? undefined : body;
    const given = this.#limit.give(this.#socket, sent?.length ?? 0);
    if (this.#socket.destroyed) {
      return true;
    }
    const closes = exchange.isLast || given > MOST_BYTES_GIVEN;
    const lines = [
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
      `Date: ${new Date().toUTCString()}`,
      ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
      `Content-Length: ${body.length}`,
      ...(closes ? ["Connection: close"] : []),
    ];
    const { promise: taken, resolve } = Promise.withResolvers<void>();
    this.#socket.cork();
    this.#socket.write(lines.join("\r\n") + END_OF_HEAD, "latin1");
    this.#socket.write(sent ?? "", () => resolve());
    this.#socket.uncork();
    await taken;
    if (closes) {
      this.#close();
    }
    return closes;
  }

  /**
   * Closes the connection after the data sent so far, and resets it if the client does not close too.
   * Otherwise data that a client does not read would stay in the kernel for minutes and count against
   * the container's memory.
   */
  #close(): void {
    this.#isComplete = true;
    this.#within(this.#socket.isPaused() ? UNREAD_TIMEOUT_MS : TIMEOUT_MS);
    this.#socket.end();
  }

  #awaitRequest(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      if (this.#received.length > 0) {
        this.#refuse(408, "The request took too long.");
      } else {
        this.#close();
      }
    }, TIMEOUT_MS);
  }

  #within(longestMs: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#socket.resetAndDestroy(), longestMs);
  }
}

/** A plain text answer of one line. */
export function plainRendering(status: number, text: string): Rendering {
  return {
    status,
    headers: { "Content-Type": "text/plain; charset=utf-8" },
    body: Buffer.from(`${text}\n`),
  };
}
