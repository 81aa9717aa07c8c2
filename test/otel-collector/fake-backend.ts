import { createServer, type IncomingHttpHeaders } from "node:http";
import { listen } from "../parts/listen.ts";
import type { Owner } from "../parts/owner.ts";

/** How the fake answers each write: with a status, or not at all. */
export type FakeAnswer = number | "silence";

/** A fake backend that does not do what Prometheus does. It reads nothing of a write. */
export type FakeBackend = {
  /** Where it takes writes. */
  readonly remoteWriteUrl: string;
  /** The headers of each write so far. */
  readonly writes: readonly IncomingHttpHeaders[];
  /** Sets the answer from now on; 200 at first. */
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
