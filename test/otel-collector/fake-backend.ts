import { createServer, type IncomingHttpHeaders } from "node:http";
import { freePort } from "../parts/free-port.ts";

/** How the fake answers each write: with a status, or not at all. */
export type FakeAnswer = number | "silence";

/** Stands in for a backend that does not do what Prometheus does. It reads nothing of a write. */
export interface FakeBackend {
  /** Where it takes writes. */
  readonly remoteWriteUrl: string;
  /** The headers of each write so far. */
  readonly writes: readonly IncomingHttpHeaders[];
  /** Sets the answer from now on; 200 at first. */
  answerWith(answer: FakeAnswer): void;
  stop(): Promise<void>;
}

/** Starts a fake backend at 127.0.0.1. */
export async function startFakeBackend(): Promise<FakeBackend> {
  const port = await freePort();
  const writes: IncomingHttpHeaders[] = [];
  let answer: FakeAnswer = 200;
  const server = createServer((request, response) => {
    writes.push(request.headers);
    request.resume();
    request.once("end", () => {
      if (answer !== "silence") {
        response.writeHead(answer).end();
      }
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  return {
    remoteWriteUrl: `http://127.0.0.1:${port}/api/v1/write`,
    writes,
    answerWith(newAnswer) {
      answer = newAnswer;
    },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
