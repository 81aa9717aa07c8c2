import { createServer, type IncomingHttpHeaders } from "node:http";
import { listen } from "../parts/listen.ts";
import type { Owner } from "../parts/owner.ts";

/** The answer to each write: a status, or none. */
export type FakeAnswer = number | "silence";

/** A fake backend with the faults that Prometheus does not have. It ignores the body of a write. */
export type FakeBackend = {
  /** The address for writes. */
  readonly remoteWriteUrl: string;
  /** The headers of each write so far. */
  readonly writes: readonly IncomingHttpHeaders[];
  /** Sets the answer. Initially 200. */
  answerWith(answer: FakeAnswer): void;
  stop(): Promise<void>;
};

/** Starts a fake backend at 127.0.0.1. */
export async function startFakeBackend(owner: Owner): Promise<FakeBackend> {
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
  const listening = await listen(owner, server);
  return {
    remoteWriteUrl: `http://127.0.0.1:${listening.port}/api/v1/write`,
    writes,
    answerWith(newAnswer) {
      answer = newAnswer;
    },
    stop: () => listening.stop(),
  };
}
