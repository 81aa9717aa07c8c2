import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createRequire } from "node:module";
import { buffer } from "node:stream/consumers";
import { listen } from "./listen.ts";
import type { Owner } from "./owner.ts";

const snappy: { readonly uncompress: (bytes: Uint8Array) => Uint8Array } = createRequire(
  import.meta.url,
)("snappyjs");

const FORWARD_MS = 20_000;

/**
 * How the gate takes a write: passed on, with the answer of Prometheus; answered with a status and
 * not passed on; not answered at all; passed on with the answer lost; or answered with 400 if it holds
 * a text (the name of a metric, say), and passed on if not.
 */
export type GateBehaviour =
  | "open"
  | "silent"
  | "answer lost"
  | number
  | { readonly rejectWritesWith: string };

/** A fake backend with a real Prometheus behind it, which fails as it is told to. */
export type FakeGate = {
  /** The address for writes. */
  readonly remoteWriteUrl: string;
  /** From now on; `open` at first. */
  behave(behaviour: GateBehaviour): void;
};

/**
 * Starts a gate at 127.0.0.1.
 *
 * @param prometheusWriteUrl where a Prometheus takes remote write.
 */
export async function startFakeGate(owner: Owner, prometheusWriteUrl: string): Promise<FakeGate> {
  let behaviour: GateBehaviour = "open";

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const taken = behaviour;
    const body = await buffer(request).catch(() => undefined);
    if (body === undefined || taken === "silent") {
      // The collector gave up while it wrote, or is not to be answered.
      return;
    }
    const rejection = rejectionOf(taken, body);
    if (rejection !== undefined) {
      response.writeHead(rejection).end("rejected by the fake backend");
      return;
    }
    try {
      const { status, text } = await forward(prometheusWriteUrl, request, body);
      if (taken === "answer lost") {
        request.socket.destroy();
      } else {
        response.writeHead(status).end(text);
      }
    } catch {
      // Prometheus is away, and so is the backend.
      request.socket.destroy();
    }
  }

  const server = createServer((request, response) => void answer(request, response));
  const { port } = await listen(owner, server);
  return {
    remoteWriteUrl: `http://127.0.0.1:${port}/api/v1/write`,
    behave(newBehaviour) {
      behaviour = newBehaviour;
    },
  };
}

function rejectionOf(behaviour: GateBehaviour, body: Buffer): number | undefined {
  if (typeof behaviour === "number") {
    return behaviour;
  }
  if (typeof behaviour === "object") {
    const { rejectWritesWith: text } = behaviour;
    return Buffer.from(snappy.uncompress(body)).includes(text) ? 400 : undefined;
  }
  return undefined;
}

async function forward(
  url: string,
  { headers }: IncomingMessage,
  body: Buffer,
): Promise<{ readonly status: number; readonly text: string }> {
  const kept = ["content-type", "content-encoding", "x-prometheus-remote-write-version"];
  const response = await fetch(url, {
    method: "POST",
    headers: Object.fromEntries(kept.map((name) => [name, String(headers[name] ?? "")])),
    body: new Uint8Array(body),
    signal: AbortSignal.timeout(FORWARD_MS),
  });
  return { status: response.status, text: await response.text() };
}
