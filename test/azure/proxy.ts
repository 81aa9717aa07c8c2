import { createServer } from "node:http";
import { connect, type Socket } from "node:net";
import { freePort } from "../parts/free-port.ts";

/** An egress proxy (HTTP CONNECT) for whom every name leads to one address. */
export interface Proxy {
  readonly url: string;
  /** The names and ports that it was asked for, in order. */
  readonly asked: readonly string[];
  stop(): Promise<void>;
}

/** Starts a proxy at 127.0.0.1 that connects everybody with port 443 of the address. */
export async function startProxy(address: string): Promise<Proxy> {
  const port = await freePort();
  const asked: string[] = [];
  const server = createServer();
  /** The server's own list does not have the connections that became tunnels. */
  const clients = new Set<Socket>();
  server.on("connection", (client) => {
    clients.add(client);
    client.once("close", () => clients.delete(client));
  });
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
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  return {
    url: `http://127.0.0.1:${port}`,
    asked,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const client of clients) {
          client.destroy();
        }
      }),
  };
}
