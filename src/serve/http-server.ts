/** The agent's port: an HTTP server for the paths of {@link PATHS}. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { LastingFault } from "../lasting-fault.ts";
import type { Log } from "../log.ts";
import { limitConnections } from "./connection-limit.ts";
import { type Answer, PATHS, type Path, pathOf, plainAnswer } from "./paths.ts";

/** More connections at once than scrapers and probes need; beyond, old ones give way. */
const MOST_CONNECTIONS = 256;

/** A request is a few lines: who takes longer to send them is cut off. */
const REQUEST_TIMEOUT_MS = 5_000;

/** Who takes no byte of an answer for this long is cut off. */
const IDLE_TIMEOUT_MS = 10_000;

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
  readonly #faults = new Map<Path, LastingFault>();
  readonly #kept = new Map<
    Path,
    { readonly revision: string; readonly rendering: Promise<Rendering> }
  >();

  constructor(options: HttpServerOptions) {
    this.#options = options;
    this.#server = createServer(
      {
        requestTimeout: REQUEST_TIMEOUT_MS,
        headersTimeout: REQUEST_TIMEOUT_MS,
        connectionsCheckingInterval: REQUEST_TIMEOUT_MS,
        maxHeaderSize: 8192,
      },
      (request, response) => {
        void this.#respond(request, response);
      },
    );
    this.#server.timeout = IDLE_TIMEOUT_MS;
    limitConnections(this.#server, MOST_CONNECTIONS);
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

  async #respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { status, contentType, headers, body } = await this.#answer(request);
    response.writeHead(status, {
      ...headers,
      "content-type": contentType,
      "content-length": body.length,
      ...(status === 405 && { allow: "GET, HEAD" }),
    });
    response.end(body);
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

function rendered(answer: Answer): Rendering {
  return { ...answer, body: Buffer.from(answer.body) };
}

const NOT_FOUND = rendered(
  plainAnswer(404, `Not found. The paths are ${Object.keys(PATHS).join(", ")}.`),
);
const NOT_ALLOWED = rendered(plainAnswer(405, "Only GET and HEAD are allowed."));
const FAILED = rendered(plainAnswer(500, "The agent failed to answer; its log says why."));
