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
 * What the gate does with a write: forwards it, with Prometheus' answer; answers with a status and does not forward it;
 * does not answer; forwards it and drops the answer; or answers with 400 if it contains a text (such as the name of a
 * metric), and else forwards it.
 */
export type GateBehaviour =
  | "open"
  | "silent"
  | "answer lost"
  | number
  | { readonly rejectWritesWith: string };

/** A fake backend in front of a real Prometheus, whose faults a test can set. */
export type FakeGate = {
  /** The address for writes. */
  readonly remoteWriteUrl: string;
  /** Sets the behaviour. Initially `open`. */
  behave(behaviour: GateBehaviour): void;
};

/**
 * Starts a gate at 127.0.0.1.
 *
 * @param prometheusWriteUrl the address of a Prometheus for remote write
 */
export async function startFakeGate(owner: Owner, prometheusWriteUrl: string): Promise<FakeGate> {
  let behaviour: GateBehaviour = "open";

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const taken = behaviour;
    const body = await buffer(request).catch(() => undefined);
    if (body === undefined || taken === "silent") {
      // The collector gave up while it wrote, or must not be answered.
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
      // Without Prometheus the backend is away, too.
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
