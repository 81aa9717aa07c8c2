/** The agent's port: an HTTP server for the paths of {@link PATHS}. */
import { createServer, type Server } from "node:net";
import { LastingFault } from "../lasting-fault.ts";
import type { Log } from "../log.ts";
import { ClientConnection, plainRendering, type Rendering } from "./client-connection.ts";
import { ConnectionLimit } from "./connection-limit.ts";
import { type Answer, PATHS, type Path, pathOf, queryOf } from "./paths.ts";
import type { RequestHead } from "./request-head.ts";

/**
 * More connections at once than scrapers and probes need, and more bytes of answers than they leave
 * unread. Beyond, old connections give way.
 */
const LIMITS = { connections: 256, bytes: 16 * 1024 * 1024 };

export type HttpServerOptions = {
  /** Where to listen; `undefined` is all addresses of both families. */
  readonly host: string | undefined;
  readonly port: number;
  /**
   * What each path answers now. A path that is kept for a poll gets an empty query: what it answers is
   * the same for all who ask.
   */
  readonly answers: Readonly<Record<Path, (query: string) => Answer | Promise<Answer>>>;
  /** Names what there is to report now: another text for each poll of chronyd. */
  readonly revision: () => string;
  readonly log: Log;
};

/** Serves from {@link HttpServer.start} to {@link HttpServer.stop}. */
export class HttpServer {
  readonly #options: HttpServerOptions;
  readonly #server: Server;
  readonly #limit: ConnectionLimit;
  readonly #faults = new Map<Path, LastingFault>();
  readonly #kept = new Map<
    Path,
    { readonly revision: string; readonly rendering: Promise<Rendering> }
  >();

  constructor(options: HttpServerOptions) {
    this.#options = options;
    // Half open: who says that nothing more comes is answered all the same.
    this.#server = createServer({ allowHalfOpen: true, noDelay: true });
    this.#limit = new ConnectionLimit(this.#server, LIMITS);
    this.#server.on("connection", (socket) => {
      ClientConnection.serve(socket, this.#limit, (request) => this.#respond(request));
    });
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
      this.#faults.get(path)?.absent(performance.now());
      return {
        status,
        headers: { "Content-Type": contentType, ...headers },
        body: Buffer.from(body),
      };
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

const NOT_FOUND = plainRendering(404, `Not found. The paths are ${Object.keys(PATHS).join(", ")}.`);
const FAILED = plainRendering(500, "The agent failed to answer; its log says why.");
const NOT_ALLOWED: Rendering = {
  status: 405,
  headers: { Allow: "GET, HEAD", "Content-Type": "text/plain; charset=utf-8" },
  body: Buffer.from("Only GET and HEAD are allowed.\n"),
};
