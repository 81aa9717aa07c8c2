// Crowds of clients at the port of a real agent, with a real chronyd and a fake collector. Meanwhile a probe and a
// scrape are answered at the first try, polls and pushes continue, and afterwards the agent holds the same as before.
//
// All addresses are of this machine: 127.0.0.1 for the kubelet and Prometheus, 127.0.0.2 for the crowd.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { before, describe, test } from "node:test";
import { rawRequest, statusesIn } from "../agent/raw-request.ts";
import { type Scrape, scrape, scrapeInState, waitUntilReady } from "../agent/scrape.ts";
import { type Agent, startAgent } from "../parts/agent.ts";
import { startFollower } from "../parts/follower.ts";
import { IMAGE_FLAGS } from "../parts/image-flags.ts";
import { endWith } from "../parts/owner.ts";
import { fileDescriptors } from "../parts/process-status.ts";
import { suiteScope } from "../parts/suite-scope.ts";
import { accept, FakeCollector } from "../push/fake-collector.ts";

/** The paths that are requested while a crowd is there. */
const ROUNDS = 10;
const PATHS = ["/livez", "/readyz", "/metrics", "/status", "/synchronised?within=86400000", "/"];

const STRANGER = "127.0.0.2";
const NEIGHBOUR = "127.0.0.1";

/** Descriptors that this process needs for everything else. */
const OWN_DESCRIPTORS = 500;
const MANY_CONNECTIONS = 10_000;

/** The delay before a disconnected client reconnects: 2,000 a second for a crowd of 1,000. */
const RECONNECT_MS = 500;

/** The allowed growth of an idle heap. The whole container has 192 MiB. */
const HEAP_GROWTH_MIB = 24;

/** The image's limits of the heap. */
const WITH_IMAGE_FLAGS = [
  "/bin/sh",
  "-c",
  `node=$1; shift; exec "$node" ${IMAGE_FLAGS.join(" ")} "$@"`,
  "sh",
];

/** One client of a crowd. `closed` settles when its connection has ended. */
type Behaviour = (socket: Socket, closed: Promise<void>) => void;

/** Sends a byte of a header now and then, and never the last one. */
const dribble: Behaviour = (socket, closed) => {
  socket.write("GET /livez HTTP/1.1\r\nX: ");
  const sending = setInterval(() => socket.write("a"), 200);
  void closed.then(() => clearInterval(sending));
};

const sayNothing: Behaviour = () => {};

/** Requests much, and reads nothing. */
const takeNothing: Behaviour = (socket) => {
  socket.pause();
  socket.write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(4));
};

/** Closes its side after half of a request, and stays connected. */
const stopHalfWay: Behaviour = (socket) => {
  socket.end("GET /livez HTTP/1.1\r\nHo");
};

describe("the agent's port", () => {
  const scope = suiteScope();
  let collector: FakeCollector;
  let agent: Agent;
  let port: number;

  before(async () => {
    collector = await FakeCollector.start(accept);
    endWith(scope, () => collector.stop());
    const chronyd = await startFollower(scope);
    agent = await startAgent(scope, {
      wrapper: WITH_IMAGE_FLAGS,
      environment: {
        CHRONY_ADDRESS: chronyd.address,
        SLEEP_INTERVAL: "0.2",
        OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${collector.port}`,
        OTEL_METRIC_EXPORT_INTERVAL: "500",
      },
    });
    await scrapeInState(agent, "synchronised");
    port = Number(new URL(agent.pullUrl).port);
    await waitUntilReady(agent);
    // So that code is compiled and buffers exist before the memory is measured.
    await askAll();
  });

  async function askAll(): Promise<void> {
    for (const path of PATHS) {
      const bytes = `GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`;
      const received = await rawRequest({ port, bytes });
      assert.deepEqual(statusesIn(received), [200], `${path}: ${received.slice(0, 200)}`);
    }
  }

  const crowds = [
    ["that send a byte now and then", 1_000, STRANGER, dribble],
    ["that send a byte now and then, at the prober's own address", 1_000, NEIGHBOUR, dribble],
    ["that say nothing", MANY_CONNECTIONS, STRANGER, sayNothing],
    ["that take no answer", 500, STRANGER, takeNothing],
    ["that close their half of the connection early", 1_000, STRANGER, stopHalfWay],
  ] as const;
  for (const [what, wanted, localAddress, behave] of crowds) {
    test(`answers probes and scrapes at once through ${wanted} clients ${what}`, async (t) => {
      const number = Math.min(wanted, (await mostDescriptors()) - OWN_DESCRIPTORS);
      const held = await holdings(agent);
      const before = await scrape(agent);

      const crowd = new Crowd(number, localAddress, port, behave);
      t.after(() => crowd.disperse());
      await agent.process.waitUntil("the crowd", () => crowd.connections >= number, 60_000);
      for (let round = 0; round < ROUNDS; round += 1) {
        await askAll();
      }
      await agent.process.waitUntil("readings and pushes to go on", async () => {
        const now = await scrape(agent);
        return readings(now) >= readings(before) + 10 && pushes(now) >= pushes(before) + 3;
      });
      const during = await holdings(agent);
      crowd.disperse();

      await agent.process.waitUntil(
        "the agent to hold no more than before",
        async () => {
          const now = await holdings(agent);
          return (
            (now.descriptors <= held.descriptors &&
              now.residentMib <= held.residentMib + HEAP_GROWTH_MIB) ||
            Promise.reject(new Error(JSON.stringify(now)))
          );
        },
        60_000,
      );
      const after = await scrape(agent);
      // Polls may time out after their second, because the agent shares the CPU with the crowd. That they continue
      // was awaited above. A push may be late, because the collector shares a process with the crowd, but nothing is
      // lost.
      for (const reason of ["age", "bytes", "rejected"]) {
        const lost = after.value("chrony_tracker_backlog_dropped_points_total", { reason });
        assert.equal(lost, 0, reason);
      }
      assert.equal(after.state, "synchronised");
      assert.deepEqual(
        agent.logs().filter(({ level }) => level === "error"),
        [],
      );
      t.diagnostic(
        `${number} clients, ${crowd.connections} connections; ` +
          JSON.stringify({ before: held, during, after: await holdings(agent) }),
      );
    });
  }
});

/** Clients that reconnect when they are disconnected. */
class Crowd {
  readonly #sockets = new Set<Socket>();
  readonly #connect: () => void;
  #dispersed = false;
  /** The number of connections so far. */
  connections = 0;

  constructor(number: number, localAddress: string, port: number, behave: Behaviour) {
    this.#connect = () => {
      if (this.#dispersed) {
        return;
      }
      const socket = connect({ port, host: "127.0.0.1", localAddress, allowHalfOpen: true });
      const { promise: closed, resolve } = Promise.withResolvers<void>();
      this.#sockets.add(socket);
      socket.once("connect", () => {
        this.connections += 1;
        behave(socket, closed);
      });
      socket.on("error", () => {});
      socket.once("close", () => {
        resolve();
        this.#sockets.delete(socket);
        if (!this.#dispersed) {
          // With a delay, because otherwise this process had no time for the probes and the collector.
          setTimeout(this.#connect, RECONNECT_MS).unref();
        }
      });
    };
    for (let client = 0; client < number; client += 1) {
      this.#connect();
    }
  }

  disperse(): void {
    this.#dispersed = true;
    for (const socket of this.#sockets) {
      socket.destroy();
    }
  }
}

type Holdings = {
  readonly descriptors: number;
  readonly residentMib: number;
};

async function holdings(agent: Agent): Promise<Holdings> {
  const status = await readFile(`/proc/${agent.process.pid}/status`, "utf8");
  return {
    descriptors: (await fileDescriptors(agent.process.pid)).length,
    residentMib: Math.round(Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]) / 1024),
  };
}

/** The limit of this process' descriptors, which Node.js raises as far as allowed. */
async function mostDescriptors(): Promise<number> {
  const limits = await readFile("/proc/self/limits", "utf8");
  return Number(/^Max open files\s+(\d+)/m.exec(limits)?.[1]);
}

function readings({ value }: Scrape): number {
  return value("chrony_tracker_readings_total", { result: "success" }) ?? 0;
}

function pushes({ value }: Scrape): number {
  return value("chrony_tracker_exports_total", { result: "success" }) ?? 0;
}
