/**
 * How many connections a server may have, and how many bytes of answers they may have been given, when
 * more is wanted than there is. Whoever comes gets a connection at once, and a little later, when what
 * had arrived by then is answered, whoever holds the most loses its oldest. So a crowd of connections
 * that ask for nothing, or read nothing, does not shut out a probe, which comes, asks and is answered
 * within milliseconds: an agent whose probes are not answered would be restarted.
 *
 * Bytes count until their connection is closed, because nothing tells what of them the client has
 * read: until then they may lie in the kernel's buffer, which is charged to the container. A
 * connection that loses is reset, which empties that buffer at once.
 */
import type { Server, Socket } from "node:net";

export type ConnectionLimits = {
  /** How many connections there may be at once. */
  readonly connections: number;
  /** How many bytes all of them may have been given. */
  readonly bytes: number;
};

type Held = { readonly address: string; bytes: number };

/** For a moment there may be so many times the connections, until a crowd that came at once is read. */
const MOST_TIMES_AT_ONCE = 4;

/** Keeps the connections of a server within limits. */
export class ConnectionLimit {
  readonly #limits: ConnectionLimits;
  /** The oldest first. */
  readonly #held = new Map<Socket, Held>();
  #bytes = 0;
  #willReset = false;

  constructor(server: Server, limits: ConnectionLimits) {
    this.#limits = limits;
    server.on("connection", (socket: Socket) => this.#enter(socket));
  }

  /**
   * Counts bytes that a connection is given, which may end it or an older one.
   * @returns how many it was given since it was opened
   */
  give(socket: Socket, bytes: number): number {
    const held = this.#held.get(socket);
    if (held === undefined) {
      return bytes;
    }
    held.bytes += bytes;
    this.#bytes += bytes;
    while (this.#bytes > this.#limits.bytes) {
      this.#resetOldest(({ bytes: given }) => given);
    }
    return held.bytes;
  }

  /** Closes all connections. */
  closeAll(): void {
    for (const socket of this.#held.keys()) {
      socket.destroy();
    }
  }

  #enter(socket: Socket): void {
    this.#held.set(socket, { address: socket.remoteAddress ?? "", bytes: 0 });
    socket.once("close", () => this.#leave(socket));
    const { connections } = this.#limits;
    if (this.#held.size > MOST_TIMES_AT_ONCE * connections) {
      this.#resetOldest(() => 1);
    } else if (this.#held.size > connections && !this.#willReset) {
      this.#willReset = true;
      // A whole turn of the event loop from now: what came with a connection is read in the next one.
      setImmediate(() => setImmediate(() => this.#resetSurplus()));
    }
  }

  #resetSurplus(): void {
    this.#willReset = false;
    while (this.#held.size > this.#limits.connections) {
      this.#resetOldest(() => 1);
    }
  }

  #leave(socket: Socket): void {
    this.#bytes -= this.#held.get(socket)?.bytes ?? 0;
    this.#held.delete(socket);
  }

  /** The oldest that weighs something, of the address whose connections weigh the most together. */
  #resetOldest(weight: (held: Held) => number): void {
    const weights = new Map<string, number>();
    for (const held of this.#held.values()) {
      weights.set(held.address, (weights.get(held.address) ?? 0) + weight(held));
    }
    const [heaviest] = [...weights].reduce((most, each) => (each[1] > most[1] ? each : most));
    for (const [socket, held] of this.#held) {
      if (held.address === heaviest && weight(held) > 0) {
        // "close" comes later, and until then more connections may come.
        this.#leave(socket);
        socket.resetAndDestroy();
        return;
      }
    }
  }
}
