/** The way out by pull, and the probes: a small HTTP server. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { PrometheusSerializer } from "@opentelemetry/exporter-prometheus";
import type { Resource } from "@opentelemetry/resources";
import type { Log } from "../log.ts";
import { collect } from "../metrics/collection.ts";
import type { Metric, Observation } from "../metrics/metric.ts";
import { limitConnections } from "./connection-places.ts";

/** The text format that Prometheus 2 and 3 both take. */
const CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** The resource's attributes that are labels; `instance` and `job` come from the scrape's configuration. */
const LABELS_OF_RESOURCE = /^k8s\.(node|namespace)\.name$/;

/** More connections at once than scrapers and probes need; beyond, old ones give way. */
const MOST_CONNECTIONS = 256;

/** A request is a few lines: who takes longer to send them is cut off. */
const REQUEST_TIMEOUT_MS = 5_000;

/** Who takes no byte of an answer for this long is cut off. */
const IDLE_TIMEOUT_MS = 10_000;

export type PullOptions = {
  /** Where to listen; `undefined` is all addresses of both families. */
  readonly host: string | undefined;
  readonly port: number;
  /** Whether /metrics is served; the probes always are. */
  readonly servesMetrics: boolean;
  readonly resource: Resource;
  readonly catalogue: readonly Metric[];
  /** What can be said now; `undefined` before the first reading. */
  readonly observe: () => Observation | undefined;
  /** Why the agent has to be restarted, or `undefined` when it lives. */
  readonly reasonToRestart: () => string | undefined;
  /** What is still awaited, or `undefined` when the agent is ready. */
  readonly awaited: () => string | undefined;
  /** The document at /, for a person, and the headers that belong to it. */
  readonly page: () => {
    readonly headers: Readonly<Record<string, string>>;
    readonly body: string;
  };
  readonly log: Log;
};

type Answer = {
  readonly status: number;
  readonly contentType: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string;
};

/** Serves until it is stopped. */
export class Pull {
  readonly #options: PullOptions;
  readonly #serializer = new PrometheusSerializer(undefined, false, LABELS_OF_RESOURCE, true, true);
  readonly #server: Server;
  #collected: { readonly revision: string; readonly text: Promise<string> } | undefined;

  constructor(options: PullOptions) {
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
      "content-length": Buffer.byteLength(body),
      ...(status === 405 && { allow: "GET, HEAD" }),
    });
    response.end(body);
  }

  async #answer(request: IncomingMessage): Promise<Answer> {
    const path = (request.url ?? "").split("?", 1)[0] ?? "";
    const page = this.#pages[path];
    if (page === undefined) {
      return plain(404, "Not found. There are /metrics, /livez, /readyz and /.");
    }
    if (request.method !== "GET" && request.method !== "HEAD") {
      return plain(405, "Only GET and HEAD are allowed.");
    }
    try {
      return await page();
    } catch (error) {
      this.#options.log.error(`${path} could not be answered: ${String(error)}`);
      return plain(500, "The agent failed to answer; its log says why.");
    }
  }

  readonly #pages: Readonly<Record<string, () => Answer | Promise<Answer>>> = Object.assign(
    Object.create(null) as object,
    {
      "/": () => this.#page(),
      "/metrics": () => this.#metrics(),
      "/livez": () => {
        const reason = this.#options.reasonToRestart();
        return reason === undefined ? plain(200, "ok") : plain(503, reason);
      },
      "/readyz": () => {
        const awaited = this.#options.awaited();
        return awaited === undefined ? plain(200, "ok") : plain(503, awaited);
      },
    },
  );

  async #metrics(): Promise<Answer> {
    if (!this.#options.servesMetrics) {
      return plain(404, "Not served: OTEL_METRICS_EXPORTER does not name prometheus.");
    }
    const observation = this.#options.observe();
    if (observation === undefined) {
      return plain(503, "chronyd was not asked yet. Try again in a second.");
    }
    return { status: 200, contentType: CONTENT_TYPE, body: await this.#text(observation) };
  }

  /** At most one collection a reading (and one more when it has grown too old), shared by all who ask. */
  #text(observation: Observation): Promise<string> {
    const revision = `${observation.readingNumber} ${observation.assessment.state}`;
    if (this.#collected?.revision !== revision) {
      const { resource, catalogue } = this.#options;
      const text = collect(resource, catalogue, observation).then((collected) =>
        this.#serializer.serialize(collected),
      );
      this.#collected = { revision, text };
    }
    return this.#collected.text;
  }

  #page(): Answer {
    const { headers, body } = this.#options.page();
    return { status: 200, contentType: "text/html; charset=utf-8", headers, body };
  }
}

function plain(status: number, text: string): Answer {
  return { status, contentType: "text/plain; charset=utf-8", body: `${text}\n` };
}
