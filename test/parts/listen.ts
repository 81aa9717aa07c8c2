import type { Server, Socket } from "node:net";
import { freePort } from "./free-port.ts";
import { endWith, type Owner } from "./owner.ts";

/** A server of this process. */
export type Listening = {
  readonly port: number;
  /**
   * Takes no further connection and ends those that there are, whatever hangs on them. Can be called
   * any number of times.
   */
  stop(): Promise<void>;
};

/**
 * Has a server listen until its owner ends.
 *
 * @param where 127.0.0.1 and a free port when left out.
 */
export async function listen(
  owner: Owner,
  server: Server,
  where: { readonly host?: string; readonly port?: number } = {},
): Promise<Listening> {
  const { host = "127.0.0.1", port = await freePort() } = where;
  // An HTTP server's own list lacks the connections that it handed out, those of CONNECT for one.
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
