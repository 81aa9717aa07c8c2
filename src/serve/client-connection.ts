/**
 * One client's connection: requests in, answers out, with bounds on what either costs.
 *
 * Not by node:http, which parses all requests that came in one piece, also of a connection that was
 * destroyed at the first of them: 39 KB cost it 0.2 s of processor time.
 */
import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import type { ConnectionLimit } from "./connection-limit.ts";
import { parseRequestHead, type RequestHead } from "./request-head.ts";

/** Requests that are not answered yet; a connection with one more is reset. Nobody needs a second. */
const MOST_UNANSWERED = 4;

/** A request line and headers. */
const MOST_HEAD_BYTES = 8 * 1024;

/** A connection that was given so many bytes is closed after the answer that brings them. */
const MOST_BYTES_GIVEN = 1024 * 1024;

/**
 * How long a request may take to arrive, or to follow an answer; how long an answer may take to be
 * handed to the kernel; how long a client may take to close after the last one.
 */
const TIMEOUT_MS = 10_000;

/** How long a client may take to read why it is not read any more. */
const UNREAD_TIMEOUT_MS = 1_000;

const END_OF_HEAD = "\r\n\r\n";

/** An answer as it is sent. Its bytes may be shared by all who ask. */
export type Rendering = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
};

export type Respond = (request: RequestHead) => Rendering | Promise<Rendering>;

/** A request that waits for its answer. */
type Exchange = {
  readonly rendering: () => Rendering | Promise<Rendering>;
  /** Whether the answer goes without its body (HEAD). */
  readonly headOnly: boolean;
  /** Whether the connection is closed after it. */
  readonly isLast: boolean;
};

/** Answers a client until either closes the connection. */
export class ClientConnection {
  readonly #socket: Socket;
  readonly #limit: ConnectionLimit;
  readonly #respond: Respond;
  #received: Buffer = Buffer.alloc(0);
  /** In order; the first is being answered. */
  readonly #exchanges: Exchange[] = [];
  /** Whether the last request has come. */
  #isComplete = false;
  #timer: NodeJS.Timeout | undefined;

  /** Serves a client from now on. */
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
      // Not asked for, and not read: it costs nothing more.
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
    // A copy: a piece of what came would keep all of it in memory.
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

  /** What comes after a request that is none cannot be told from it. */
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

  /** Settles when the kernel has taken the answer, and gives whether it was the last. */
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
   * Ends the connection after what it was given, and resets it when the client does not end it, too.
   * What is left to the kernel of a client that does not read would lie in the container's memory
   * for minutes.
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

/** An answer of one line. */
export function plainRendering(status: number, text: string): Rendering {
  return {
    status,
    headers: { "Content-Type": "text/plain; charset=utf-8" },
    body: Buffer.from(`${text}\n`),
  };
}
