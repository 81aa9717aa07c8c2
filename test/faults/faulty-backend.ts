import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { freePort } from "../parts/free-port.ts";

/**
 * How the backend takes a write: as Prometheus does; by answering a status and taking nothing; by
 * saying nothing at all; or by taking it and losing the answer.
 */
export type BackendBehaviour = "healthy" | "silent" | "answer lost" | number;

/** A real Prometheus behind a door that can be told to fail. */
export interface FaultyBackend {
  /** Where it takes writes. */
  readonly remoteWriteUrl: string;
  /** Writes that came so far, whatever became of them. */
  readonly writes: () => number;
  behave(behaviour: BackendBehaviour): void;
  stop(): Promise<void>;
}

const forwardMilliseconds = 20_000;

/** Starts the door at 127.0.0.1. */
export async function startFaultyBackend(prometheusWriteUrl: string): Promise<FaultyBackend> {
  const port = await freePort();
  let behaviour: BackendBehaviour = "healthy";
  let writes = 0;
  const server = createServer((request, response) => {
    void answer(request, response);
  });

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const taken = behaviour;
    const body = await bodyOf(request).catch(() => undefined);
    if (body === undefined) {
      // The collector gave up while it wrote.
      return;
    }
    writes += 1;
    if (taken === "silent") {
      return;
    }
    if (typeof taken === "number") {
      response.writeHead(taken).end("the backend was told to fail");
      return;
    }
    try {
      const taking = await fetch(prometheusWriteUrl, {
        method: "POST",
        headers: headersOf(request),
        body: new Uint8Array(body),
        signal: AbortSignal.timeout(forwardMilliseconds),
      });
      const text = await taking.text();
      if (taken === "answer lost") {
        request.socket.destroy();
      } else {
        response.writeHead(taking.status).end(text);
      }
    } catch {
      // Prometheus is away, and so is the backend.
      request.socket.destroy();
    }
  }

  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  return {
    remoteWriteUrl: `http://127.0.0.1:${port}/api/v1/write`,
    writes: () => writes,
    behave(newBehaviour) {
      behaviour = newBehaviour;
    },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function headersOf({ headers }: IncomingMessage): Record<string, string> {
  const kept = ["content-type", "content-encoding", "x-prometheus-remote-write-version"];
  return Object.fromEntries(kept.map((name) => [name, String(headers[name] ?? "")]));
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of request) {
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}
