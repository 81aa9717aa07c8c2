import type { Server, Socket } from "node:net";
import { freePort } from "./free-port.ts";
import { endWith, type Owner } from "./owner.ts";

/** A server of this process. */
export type Listening = {
  readonly port: number;
  /**
   * Accepts no more connections, and ends the open ones. Can be called any number of times.
   */
  stop(): Promise<void>;
};

/**
 * Makes a server listen until its owner ends.
 *
 * @param where default: 127.0.0.1 and a free port
 */
export async function listen(
  owner: Owner,
  server: Server,
  where: { readonly host?: string; readonly port?: number } = {},
): Promise<Listening> {
  const { host = "127.0.0.1", port = await freePort() } = where;
  // Because an HTTP server's own list does not have connections that it handed over, such as those of CONNECT.
  const sockets = new Set<Socket>();
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, resolve);
  });
  const stop = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      for (const socket of sockets) {
        socket.destroy();
      }
    });
  endWith(owner, stop);
  return { port, stop };
}
