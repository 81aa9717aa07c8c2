import { createServer } from "node:http";
import { connect } from "node:net";
import { listen } from "../parts/listen.ts";
import type { Owner } from "../parts/owner.ts";

/** An egress proxy (HTTP CONNECT) that connects every name to one address. */
export type FakeEgressProxy = {
  readonly url: string;
  /** The requested names and ports, in order. */
  readonly asked: readonly string[];
};

/** Starts a proxy at 127.0.0.1 that connects all requests to port 443 of the address. */
export async function startFakeEgressProxy(
  owner: Owner,
  address: string,
): Promise<FakeEgressProxy> {
  const asked: string[] = [];
  const server = createServer();
  server.on("connect", (request, client) => {
    asked.push(request.url ?? "");
    const target = connect(443, address, () => {
      client.write("HTTP/1.1 200 Connection established\r\n\r\n");
      target.pipe(client).pipe(target);
    });
    target.on("error", () => client.destroy());
    client.on("error", () => target.destroy());
    client.on("close", () => target.destroy());
  });
  const { port } = await listen(owner, server);
  return { url: `http://127.0.0.1:${port}`, asked };
}
