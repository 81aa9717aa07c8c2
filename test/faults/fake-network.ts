import { createConnection, createServer, type Server, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { freePort } from "../parts/free-port.ts";
import { endWith, type Owner } from "../parts/owner.ts";

/**
 * What the fake network does with a connection:
 * - `open`: carries it.
 * - `refused`: nothing listens.
 * - `half open`: accepts it and then carries nothing, as when the other machine is gone.
 * - `answers lost`: carries the request and drops the answer.
 * - `cut`: carries half of the request's first kilobyte and resets the connection.
 * - `slow`: carries a few bytes at a time, with a pause after each.
 */
export type NetworkCondition = "open" | "refused" | "half open" | "answers lost" | "cut" | "slow";

/** A fake of the network between agent and collector, with its faults. */
export type FakeNetwork = {
  /** Its address for the agent, without a path: `http://127.0.0.1:4318`. */
  readonly url: string;
  readonly port: number;
  /** The number of accepted connections. */
  readonly connections: () => number;
  /** Ends all connections, and treats new ones in this way. */
  become(condition: NetworkCondition): Promise<void>;
  /** Accepts no more connections, and waits until the open ones have ended by themselves. */
  refuseFurther(): Promise<void>;
};

const SLOW_PIECE_BYTES = 4096;
const SLOW_PAUSE_MS = 20;

/**
 * Starts a network to a port at 127.0.0.1.
 *
 * @param address its address for the agent
 */
export async function startFakeNetwork(
  owner: Owner,
  farPort: number,
  { scheme = "http", address = "127.0.0.1" } = {},
): Promise<FakeNetwork> {
  const port = await freePort();
  const sockets = new Set<Socket>();
  let condition: NetworkCondition = "open";
  let connections = 0;
  let server: Server | undefined;

  function keep(socket: Socket): void {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    // The end of one side ends the other. The agent reports the error.
    socket.on("error", () => socket.destroy());
  }

  function accept(near: Socket): void {
    connections += 1;
    keep(near);
    if (condition === "half open") {
      return;
    }
    const distant = createConnection(farPort, "127.0.0.1");
    keep(distant);
    near.once("close", () => distant.destroy());
    distant.once("close", () => near.destroy());
    if (condition === "cut") {
      near.once("data", (piece: Buffer) => {
        distant.write(piece.subarray(0, Math.min(piece.length, 1024) / 2));
        near.resetAndDestroy();
      });
      return;
    }
    if (condition === "slow") {
      void carrySlowly(near, distant);
    } else {
      near.pipe(distant);
    }
    if (condition === "answers lost") {
      distant.resume();
    } else {
      distant.pipe(near);
    }
  }

  async function listen(): Promise<void> {
    const opening = createServer(accept);
    await new Promise<void>((resolve, reject) => {
      opening.once("error", reject);
      opening.listen(port, address, resolve);
    });
    server = opening;
  }

  async function close(): Promise<void> {
    const closing = server;
    server = undefined;
    await new Promise<void>((resolve) => {
      if (closing === undefined) {
        resolve();
      } else {
        closing.close(() => resolve());
      }
      for (const socket of sockets) {
        socket.destroy();
      }
    });
  }

  await listen();
  endWith(owner, close);
  return {
    url: `${scheme}://${address}:${port}`,
    port,
    connections: () => connections,
    async become(newCondition) {
      await close();
      condition = newCondition;
      if (condition !== "refused") {
        await listen();
      }
    },
    async refuseFurther() {
      await new Promise<void>((resolve) => {
        server?.close(() => resolve());
      });
      server = undefined;
    },
  };
}

async function carrySlowly(from: Socket, to: Socket): Promise<void> {
  try {
    for await (const chunk of from) {
      const bytes: Buffer = chunk;
      for (let sent = 0; sent < bytes.length; sent += SLOW_PIECE_BYTES) {
        to.write(bytes.subarray(sent, sent + SLOW_PIECE_BYTES));
        await delay(SLOW_PAUSE_MS);
      }
    }
    to.end();
  } catch {
    to.destroy();
  }
}
