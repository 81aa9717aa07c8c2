/** The agent's port: an HTTP server for the paths of {@link PATHS}. */
import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
  STATUS_CODES,
} from "node:http";
import type { Socket } from "node:net";
import { LastingFault } from "../lasting-fault.ts";
import type { Log } from "../log.ts";
import { ConnectionLimit } from "./connection-limit.ts";
import { type Answer, PATHS, type Path, pathOf, plainAnswer } from "./paths.ts";

/**
 * More connections at once than scrapers and probes need, and more bytes of answers than they leave
 * unread. Beyond, old connections give way.
 */
const LIMITS = { connections: 256, bytes: 16 * 1024 * 1024 };

/** Requests of one connection that are not answered yet; beyond, it is closed. Nobody needs a second. */
const MOST_UNANSWERED = 4;

/** A connection that was given so many bytes is closed after the answer that brings them. */
const MOST_BYTES_OF_CONNECTION = 1024 * 1024;

/** A request line and headers. */
const MOST_HEADER_BYTES = 8 * 1024;

/** A request is a few lines: who takes longer to send them is cut off. */
const REQUEST_TIMEOUT_MS = 5_000;

/** Who takes no byte of an answer for this long, or does not close after the last one, is cut off. */
const IDLE_TIMEOUT_MS = 10_000;

/** The same for who sends what was not asked for: it is not read, so that its end is not seen. */
const UNREAD_TIMEOUT_MS = 1_000;

export type HttpServerOptions = {
  /** Where to listen; `undefined` is all addresses of both families. */
  readonly host: string | undefined;
  readonly port: number;
  /** What each path answers now. */
  readonly answers: Readonly<Record<Path, () => Answer | Promise<Answer>>>;
  /** Names what there is to report now: another text for each poll of chronyd. */
  readonly revision: () => string;
  readonly log: Log;
};

/** An answer as it is sent. All who ask share its bytes. */
type Rendering = Omit<Answer, "body"> & { readonly body: Buffer };

/** Serves from {@link HttpServer.start} to {@link HttpServer.stop}. */
export class HttpServer {
  readonly #options: HttpServerOptions;
  readonly #server: Server;
  readonly #limit: ConnectionLimit;
  readonly #unanswered = new WeakMap<Socket, number>();
  readonly #faults = new Map<Path, LastingFault>();
  readonly #kept = new Map<
    Path,
    { readonly revision: string; readonly rendering: Promise<Rendering> }
  >();

  constructor(options: HttpServerOptions) {
    this.#options = options;
    const answer = (request: IncomingMessage, response: ServerResponse) =>
      this.#onRequest(request, response);
    this.#server = createServer(
      {
        requestTimeout: REQUEST_TIMEOUT_MS,
        headersTimeout: REQUEST_TIMEOUT_MS,
        connectionsCheckingInterval: REQUEST_TIMEOUT_MS,
        maxHeaderSize: MOST_HEADER_BYTES,
      },
      answer,
    );
    this.#server.timeout = IDLE_TIMEOUT_MS;
    this.#limit = new ConnectionLimit(this.#server, LIMITS);
    this.#server
      .on("connection", (socket) => {
        // Node.js calls this after the last answer.
        socket.destroySoon = () => endOrReset(socket, true);
      })
      // Without "100 Continue": the body is not wanted.
      .on("checkContinue", answer)
      .on("clientError", answerClientError)
      .on("connect", ({ socket }) => socket.resetAndDestroy())
      .on("timeout", (socket) => socket.resetAndDestroy());
  }

  /**
   * Listens.
   * @throws when the address cannot be had, with the system's code (EADDRINUSE, EACCES …)
   */
  start(): Promise<void> {
    const { host, port } = this.#options;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#server.once("error", reject);
    this.#server.listen({ port, ...(host !== undefined && { host }) }, () => {
      this.#server.off("error", reject);
      resolve();
    });
    return promise;
  }

  /** Closes the port and every connection. */
  stop(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    this.#server.closeAllConnections();
    return promise;
  }

  #onRequest(request: IncomingMessage, response: ServerResponse): void {
    const { socket } = request;
    const unanswered = (this.#unanswered.get(socket) ?? 0) + 1;
    if (unanswered > MOST_UNANSWERED || !socket.writable) {
      // Node.js parses all that came in one piece, however many requests that are.
      socket.resetAndDestroy();
      return;
    }
    this.#unanswered.set(socket, unanswered);
    response.once("close", () => {
      this.#unanswered.set(socket, (this.#unanswered.get(socket) ?? 1) - 1);
    });
    void this.#respond(request, response);
  }

  async #respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { status, contentType, headers, body } = await this.#answer(request);
    const { socket } = request;
    const sent = request.method === "HEAD" ? undefined : body;
    const given = this.#limit.give(socket, sent?.length ?? 0);
    if (!socket.writable) {
      return;
    }
    const bodyComes = hasBody(request);
    if (bodyComes) {
      socket.destroySoon = () => endOrReset(socket, false);
    }
    response.writeHead(status, {
      ...headers,
      "content-type": contentType,
      "content-length": body.length,
      ...(status === 405 && { allow: "GET, HEAD" }),
      ...((bodyComes || given > MOST_BYTES_OF_CONNECTION) && { connection: "close" }),
    });
    response.end(sent);
  }

  async #answer({ method, url }: IncomingMessage): Promise<Rendering> {
    const path = pathOf(url ?? "");
    if (path === undefined) {
      return NOT_FOUND;
    }
    if (method !== "GET" && method !== "HEAD") {
      return NOT_ALLOWED;
    }
    return PATHS[path].cache === "none" ? this.#render(path) : this.#keptRendering(path);
  }

  #keptRendering(path: Path): Promise<Rendering> {
    const revision = this.#options.revision();
    const kept = this.#kept.get(path);
    if (kept?.revision === revision) {
      return kept.rendering;
    }
    const rendering = this.#render(path);
    this.#kept.set(path, { revision, rendering });
    return rendering;
  }

  async #render(path: Path): Promise<Rendering> {
    try {
      const rendering = rendered(await this.#options.answers[path]());
      this.#faults.get(path)?.absent(performance.now());
      return rendering;
    } catch (error) {
      const fault =
        this.#faults.get(path) ?? new LastingFault(this.#options.log, `${path} is answered again.`);
      this.#faults.set(path, fault);
      const sentence = `${path} could not be answered: ${String(error)}`;
      fault.present("failed", sentence, performance.now());
      return FAILED;
    }
  }
}

/**
 * Ends a connection after what it was given, and resets it when the client does not end it, too.
 * Node.js would leave it to the kernel to bring those bytes to the client; of a client that does not
 * read they lie in the container's memory for minutes.
 * @param reads whether to wait for the client's end; what else comes is not read
 */
function endOrReset(socket: Socket, reads: boolean): void {
  if (socket.writableEnded) {
    return;
  }
  const timeoutMs = reads ? IDLE_TIMEOUT_MS : UNREAD_TIMEOUT_MS;
  const reset = setTimeout(() => socket.resetAndDestroy(), timeoutMs);
  socket.once("close", () => clearTimeout(reset));
  socket.end();
  if (!reads) {
    // Not yet: Node.js goes on reading once more, to throw the rest of the request away.
    setImmediate(() => socket.pause());
  }
}

/** A request that is none gets a status, where none of another answer is under way. */
function answerClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable || socket.writableLength > 0) {
    socket.resetAndDestroy();
    return;
  }
  const status = STATUS_OF_ERROR[error.code ?? ""] ?? 400;
  socket.write(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\n\r\n`);
  endOrReset(socket, false);
}

const STATUS_OF_ERROR: Readonly<Record<string, number>> = {
  ERR_HTTP_REQUEST_TIMEOUT: 408,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 413,
  HPE_HEADER_OVERFLOW: 431,
};

function hasBody({ headers }: IncomingMessage): boolean {
  const { "content-length": length = "0", "transfer-encoding": encoding } = headers;
  return encoding !== undefined || Number(length) !== 0;
}

function rendered(answer: Answer): Rendering {
  return { ...answer, body: Buffer.from(answer.body) };
}

const NOT_FOUND = rendered(
  plainAnswer(404, `Not found. The paths are ${Object.keys(PATHS).join(", ")}.`),
);
const NOT_ALLOWED = rendered(plainAnswer(405, "Only GET and HEAD are allowed."));
const FAILED = rendered(plainAnswer(500, "The agent failed to answer; its log says why."));
