/** The agent's HTTP server, for the paths in {@link PATHS}. */
import { createServer, type Server } from "node:net";
import { Condition } from "../condition.ts";
import type { Log } from "../log.ts";
import { ClientConnection, plainRendering, type Rendering } from "./client-connection.ts";
import { ConnectionLimit } from "./connection-limit.ts";
import { type Answer, PATHS, type Path, pathOf, queryOf } from "./paths.ts";
import type { RequestHead } from "./request-head.ts";

/**
 * More connections and more unread bytes than scrapers and probes ever need. Above these limits, the
 * oldest connections are reset.
 */
const LIMITS = { connections: 256, bytes: 16 * 1024 * 1024 };

export type HttpServerOptions = {
  /** The address to listen on; `undefined` is all addresses, IPv4 and IPv6. */
  readonly host: string | undefined;
  readonly port: number;
  /**
   * Answers each path. A path whose answer is cached until the next poll gets an empty query, because the
   * answer is shared.
   */
  readonly answers: Readonly<Record<Path, (query: string) => Answer | Promise<Answer>>>;
  /** The cache key of the current answers. It changes with each poll of chronyd. */
  readonly revision: () => string;
  readonly log: Log;
};

/** Serves from {@link HttpServer.start} to {@link HttpServer.stop}. */
export class HttpServer {
  readonly #options: HttpServerOptions;
  readonly #server: Server;
  readonly #limit: ConnectionLimit;
  readonly #faults = new Map<Path, Condition>();
  readonly #kept = new Map<
    Path,
    { readonly revision: string; readonly rendering: Promise<Rendering> }
  >();

  constructor(options: HttpServerOptions) {
    this.#options = options;
    // Half open, so that a client that has closed its sending side still gets its answer.
    this.#server = createServer({ allowHalfOpen: true, noDelay: true });
    this.#limit = new ConnectionLimit(this.#server, LIMITS);
    this.#server.on("connection", (socket) => {
      ClientConnection.serve(socket, this.#limit, (request) => this.#respond(request));
    });
  }

  /**
   * Starts to listen.
   * @throws when the address cannot be used, with the system's code (EADDRINUSE, EACCES …)
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
    this.#limit.closeAll();
    return promise;
  }

  #respond({ method, target }: RequestHead): Rendering | Promise<Rendering> {
    const path = pathOf(target);
    if (path === undefined) {
      return NOT_FOUND;
    }
    if (method !== "GET" && method !== "HEAD") {
      return NOT_ALLOWED;
    }
    return PATHS[path].cache === "none"
      ? this.#render(path, queryOf(target))
      : this.#keptRendering(path);
  }

  #keptRendering(path: Path): Promise<Rendering> {
    const revision = this.#options.revision();
    const kept = this.#kept.get(path);
    if (kept?.revision === revision) {
      return kept.rendering;
    }
    const rendering = this.#render(path, "");
    this.#kept.set(path, { revision, rendering });
    return rendering;
  }

  async #render(path: Path, query: string): Promise<Rendering> {
    try {
      const { status, contentType, headers, body } = await this.#options.answers[path](query);
      this.#faults.get(path)?.clear(performance.now());
      return {
        status,
        headers: { "Content-Type": contentType, ...headers },
        body: Buffer.from(body),
      };
    } catch (error) {
      const fault =
        this.#faults.get(path) ?? new Condition(this.#options.log, `${path} is answered again.`);
      this.#faults.set(path, fault);
      const sentence = `${path} could not be answered: ${String(error)}`;
      fault.raise("failed", sentence, performance.now());
      return FAILED;
    }
  }
}

const NOT_FOUND = plainRendering(404, `Not found. The paths are ${Object.keys(PATHS).join(", ")}.`);
const FAILED = plainRendering(500, "The agent failed to answer; its log says why.");
const NOT_ALLOWED: Rendering = {
  status: 405,
  headers: { Allow: "GET, HEAD", "Content-Type": "text/plain; charset=utf-8" },
  body: Buffer.from("Only GET and HEAD are allowed.\n"),
};
