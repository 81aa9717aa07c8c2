import { connect, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { endWith, type Owner } from "../parts/owner.ts";

/** The delay before a retry, because nothing listens while the collector starts, and others need the CPU. */
const PAUSE_MS = 50;

/** An attacker. It ends with its owner, or before. */
export type FakeAttack = {
  /** Ends it. */
  stop(): Promise<void>;
};

/** Keeps this many connections with an unfinished header of this size open, and replaces closed ones. */
export function holdUnfinishedHeaders(
  owner: Owner,
  otlpUrl: string,
  connections: number,
  headerBytes: number,
): FakeAttack {
  const { hostname, port } = new URL(otlpUrl);
  const begin = Buffer.from(
    `POST /v1/metrics HTTP/1.1\r\nHost: a\r\nX: ${"a".repeat(headerBytes)}`,
  );
  const sockets = new Set<Socket>();
  let ended = false;

  function open(): void {
    if (ended) {
      return;
    }
    const socket = connect(Number(port), hostname);
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.once("close", () => {
      sockets.delete(socket);
      setTimeout(open, PAUSE_MS);
    });
    socket.resume();
    socket.write(begin);
  }

  for (let index = 0; index < connections; index += 1) {
    open();
  }
  return attackOf(owner, async () => {
    ended = true;
    const closed = [...sockets].map(
      (socket) => new Promise<void>((resolve) => socket.once("close", () => resolve())),
    );
    for (const socket of sockets) {
      socket.destroy();
    }
    await Promise.all(closed);
  });
}

/** Sends the same body again and again, this many times at once. */
export function pushAgainAndAgain(
  owner: Owner,
  otlpUrl: string,
  atOnce: number,
  body: string | Buffer,
  headers: Readonly<Record<string, string>>,
): FakeAttack & { answers(): Readonly<Record<number, number>> } {
  const ending = new AbortController();
  const answers = new Map<number, number>();

  async function one(): Promise<void> {
    while (!ending.signal.aborted) {
      const status = await fetch(`${otlpUrl}/v1/metrics`, {
        method: "POST",
        headers: { "content-type": "application/json", ...headers },
        body,
        signal: ending.signal,
      }).then(
        async (response) => {
          await response.arrayBuffer().catch(() => undefined);
          return response.status;
        },
        () => 0,
      );
      answers.set(status, (answers.get(status) ?? 0) + 1);
      await delay(PAUSE_MS);
    }
  }

  const all = Array.from({ length: atOnce }, one);
  return {
    ...attackOf(owner, async () => {
      ending.abort();
      await Promise.all(all);
    }),
    answers: () => Object.fromEntries(answers),
  };
}

function attackOf(owner: Owner, end: () => Promise<void>): FakeAttack {
  let ending: Promise<void> | undefined;
  const stop = () => {
    ending ??= end();
    return ending;
  };
  endWith(owner, stop);
  return { stop };
}
