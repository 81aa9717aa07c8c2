import { createServer, type IncomingMessage } from "node:http";
import { createRequire } from "node:module";
import { buffer } from "node:stream/consumers";
import { freePort } from "../parts/free-port.ts";
import { endWith, type Owner } from "../parts/owner.ts";

const snappy: { readonly uncompress: (bytes: Uint8Array) => Uint8Array } = createRequire(
  import.meta.url,
)("snappyjs");

const forwardMilliseconds = 10_000;

/** Stands between the collector and a real Prometheus, and refuses what it is told to. */
export interface FakeGate {
  /** Where it takes writes. */
  readonly remoteWriteUrl: string;
  /** How it answered each write so far. */
  readonly answers: readonly number[];
  /** Answers every write with a status from now on and passes none. */
  refuseEverything(status: number): void;
  /** Answers 400 to a write that holds this text (the name of a metric, say), and passes the others. */
  refuseWritesWith(text: string): void;
  /** Passes everything, and what Prometheus answers: so it begins. */
  passEverything(): void;
}

type Refusal = (body: Buffer) => number | undefined;

const passing: Refusal = () => undefined;

/** Starts a gate at 127.0.0.1 to where a Prometheus takes remote write. */
export async function startFakeGate(owner: Owner, remoteWriteUrl: string): Promise<FakeGate> {
  const port = await freePort();
  const answers: number[] = [];
  let refusal = passing;

  async function statusFor(request: IncomingMessage): Promise<number> {
    const body = await buffer(request);
    const refused = refusal(body);
    if (refused !== undefined) {
      return refused;
    }
    const { headers } = request;
    const response = await fetch(remoteWriteUrl, {
      method: "POST",
      headers: {
        "content-type": String(headers["content-type"]),
        "content-encoding": String(headers["content-encoding"]),
        "x-prometheus-remote-write-version": "0.1.0",
      },
      body,
      signal: AbortSignal.timeout(forwardMilliseconds),
    });
    await response.arrayBuffer();
    return response.status;
  }

  const server = createServer((request, response) => {
    void (async () => {
      const status = await statusFor(request).catch(() => 503);
      answers.push(status);
      response.writeHead(status).end();
    })();
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  endWith(owner, () => {
    server.close();
    server.closeAllConnections();
  });
  return {
    remoteWriteUrl: `http://127.0.0.1:${port}/api/v1/write`,
    answers,
    refuseEverything(status) {
      refusal = () => status;
    },
    refuseWritesWith(text) {
      refusal = (body) => (Buffer.from(snappy.uncompress(body)).includes(text) ? 400 : undefined);
    },
    passEverything() {
      refusal = passing;
    },
  };
}
