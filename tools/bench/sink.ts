/** A server in place of the collector. */
import { createServer } from "node:http";
import { listen } from "../../test/parts/listen.ts";
import type { Owner } from "../../test/parts/owner.ts";

/** Starts a server that accepts all pushes. */
export async function startSink(owner: Owner, port?: number) {
  let count = 0;
  let waiting = Promise.withResolvers<number>();
  const server = createServer((request, response) => {
    const nowMs = performance.now();
    request.resume().once("end", () => {
      count += 1;
      response.writeHead(200, { "content-type": "application/json" }).end("{}");
      waiting.resolve(nowMs);
      waiting = Promise.withResolvers();
    });
  });
  const listening = await listen(owner, server, port === undefined ? {} : { port });
  return {
    url: `http://127.0.0.1:${listening.port}`,
    requests: () => count,
    /** The time of the next request, by performance.now(). */
    next: () => waiting.promise,
  };
}
