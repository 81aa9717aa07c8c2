/**
 * Limits the number of connections, and the bytes of answers sent over open connections.
 *
 * A new connection is always accepted. Shortly afterwards, when the requests that had arrived are
 * answered, the address with the most connections loses its oldest one if there are too many. So
 * connections that are idle or do not read cannot shut out a probe, which connects, asks and is answered
 * within milliseconds. Without this, the kubelet would restart the agent.
 *
 * Bytes count until the connection is closed, because the server cannot see how many the client has
 * read. Until then they may be in the kernel's buffer, which counts against the container's memory. A
 * surplus connection is reset, which frees the buffer at once.
 */
import type { Server, Socket } from "node:net";

export type ConnectionLimits = {
  /** The most connections at once. */
  readonly connections: number;
  /** The most bytes sent over all open connections. */
  readonly bytes: number;
};

type Held = { readonly address: string; bytes: number };

/** The limit may be exceeded by this factor for a moment, until a burst of connections has been read. */
const MOST_TIMES_AT_ONCE = 4;

/** Keeps the connections of a server within its limits. */
export class ConnectionLimit {
  readonly #limits: ConnectionLimits;
  /** Oldest first. */
  readonly #held = new Map<Socket, Held>();
  #bytes = 0;
  #willReset = false;

  constructor(server: Server, limits: ConnectionLimits) {
    this.#limits = limits;
    server.on("connection", (socket: Socket) => this.#enter(socket));
  }

  /**
   * Counts bytes sent over a connection. This may reset that connection or an older one.
   * @returns how many bytes were sent since it was opened
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
      // Wait a whole turn of the event loop: data that arrived with a connection is read in the next one.
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

  /** Resets the oldest connection with a weight, of the address with the largest total weight. */
  #resetOldest(weight: (held: Held) => number): void {
    const weights = new Map<string, number>();
    for (const held of this.#held.values()) {
      weights.set(held.address, (weights.get(held.address) ?? 0) + weight(held));
    }
    const [heaviest] = [...weights].reduce((most, each) => (each[1] > most[1] ? each : most));
    for (const [socket, held] of this.#held) {
      if (held.address === heaviest && weight(held) > 0) {
        // Not in the "close" event, because more connections may arrive before it.
        this.#leave(socket);
        socket.resetAndDestroy();
        return;
      }
    }
  }
}
