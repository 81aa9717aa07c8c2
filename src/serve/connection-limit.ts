/**
 * Who may hold a connection to a server when more want one than it has places for. Whoever comes gets
 * a place at once, and whoever holds the most loses its oldest. So a crowd of connections that never
 * ask for anything does not shut out a probe, which comes, asks and is answered within milliseconds:
 * an agent whose probes are not answered would be restarted.
 */
import type { Server, Socket } from "node:net";

/**
 * Keeps the connections of a server below a limit.
 * @param places how many there may be at once
 */
export function limitConnections(server: Server, places: number): void {
  /** By the far end's address; the oldest of each comes first. */
  const held = new Map<string, Set<Socket>>();
  let count = 0;

  const leave = (address: string, socket: Socket) => {
    const neighbours = held.get(address);
    if (neighbours?.delete(socket) === true) {
      count -= 1;
      if (neighbours.size === 0) {
        held.delete(address);
      }
    }
  };
  server.on("connection", (socket: Socket) => {
    const address = socket.remoteAddress ?? "";
    held.set(address, (held.get(address) ?? new Set()).add(socket));
    count += 1;
    socket.once("close", () => leave(address, socket));
    if (count <= places) {
      return;
    }
    const [most, sockets] = largestOf(held);
    for (const oldest of [...sockets].slice(0, count - places)) {
      // "close" comes later, and until then more connections may come.
      leave(most, oldest);
      oldest.destroy();
    }
  });
}

/** Of several as large as each other, the one that is there the longest. */
function largestOf(groups: ReadonlyMap<string, Set<Socket>>): [address: string, Set<Socket>] {
  const [first, ...others] = groups;
  return others.reduce(
    (largest, group) => (group[1].size > largest[1].size ? group : largest),
    first ?? ["", new Set<Socket>()],
  );
}
