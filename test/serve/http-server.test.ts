// The real HTTP server with answers that count how often they are computed. The answers of the agent itself are in
// test/agent/pull.test.ts.

import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { afterEach, beforeEach, describe, test } from "node:test";
import { Worker } from "node:worker_threads";
import { createLog } from "../../src/log.ts";
import { HttpServer } from "../../src/serve/http-server.ts";
import { type Answer, PATHS, type Path, plainAnswer } from "../../src/serve/paths.ts";
import { rawRequest, statusesIn } from "../agent/raw-request.ts";
import { freePort } from "../parts/free-port.ts";
import { waitFor } from "../parts/wait-for.ts";
import { ANSWERED, type CrowdData, OPEN, WRITTEN } from "./crowd-counts.ts";

const HOST = "127.0.0.1";
const CLIENTS = 50;
/** The kernel keeps 511 connections that the server has not accepted. */
const CROWD = 500;

/** The kernel's buffers of a connection, which fill even if nothing is read (tcp_wmem, tcp_rmem). */
const MOST_BYTES_IN_KERNEL = 32 * 1024 * 1024;

const paths = Object.keys(PATHS) as Path[];

function headOf(bytes: number): string {
  return "GET /livez HTTP/1.1\r\nHost: node\r\nConnection: close\r\nX: ".padEnd(bytes, "x");
}

describe("the HTTP server", () => {
  let server: HttpServer;
  let port: number;
  let poll: number;
  let made: Map<Path, number>;
  let logged: string;
  let answer: (path: Path) => Answer | Promise<Answer>;

  beforeEach(async () => {
    poll = 1;
    made = new Map();
    logged = "";
    answer = (path) => plainAnswer(200, `${path} of poll ${poll}`);
    port = await freePort();
    server = new HttpServer({
      host: HOST,
      port,
      answers: Object.fromEntries(
        paths.map((path) => [
          path,
          () => {
            made.set(path, (made.get(path) ?? 0) + 1);
            return answer(path);
          },
        ]),
      ) as Record<Path, () => Answer | Promise<Answer>>,
      revision: () => String(poll),
      log: createLog("info", { write: (text) => (logged += text) }),
    });
    await server.start();
  });
  afterEach(() => server.stop());

  /** The whole answer to a request with this line. */
  function ask(requestLine: string): Promise<string> {
    return rawRequest({
      port,
      bytes: `${requestLine} HTTP/1.1\r\nHost: node\r\nConnection: close\r\n\r\n`,
    });
  }

  for (const path of paths) {
    const { cost, cache } = PATHS[path];
    test(`${path} costs a ${cost}, and its answer is cached for: ${cache}`, async () => {
      const targets = [
        `GET ${path}`,
        `HEAD ${path}`,
        `GET ${path}?another=1`,
        `GET http://node:9464${path}`,
      ];
      const received = await Promise.all(
        Array.from({ length: CLIENTS }, (_, client) => ask(targets[client % targets.length] ?? "")),
      );
      for (const text of received) {
        assert.deepEqual(statusesIn(text), [200], text);
      }
      assert.equal(made.get(path), cache === "poll" ? 1 : CLIENTS);

      poll = 2;
      assert.match(await ask(`GET ${path}`), new RegExp(`\r\n\r\n${path} of poll 2\n$`));
      assert.equal(made.get(path), cache === "poll" ? 2 : CLIENTS + 1);
    });

    test(`${path} that cannot be answered is 500, whose beginning and end are logged`, async (t) => {
      answer = () => Promise.reject(new Error("no value"));
      const received = await Promise.all(Array.from({ length: CLIENTS }, () => ask(`GET ${path}`)));
      assert.deepEqual([...new Set(received.flatMap(statusesIn))], [500]);
      assert.equal(logged.match(/could not be answered: Error: no value/g)?.length, 1, logged);

      answer = () => plainAnswer(200, "ok");
      poll = 2;
      const laterMs = performance.now() + 61_000;
      t.mock.method(performance, "now", () => laterMs);
      assert.deepEqual(statusesIn(await ask(`GET ${path}`)), [200]);
      assert.ok(logged.includes(`${path} is answered again.`), logged);
    });

    test(`${path} allows only GET and HEAD`, async () => {
      for (const method of ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "QUERY"]) {
        const received = await ask(`${method} ${path}`);
        assert.deepEqual(statusesIn(received), [405], method);
        assert.match(received, /^Allow: GET, HEAD\r$/m);
      }
      assert.equal(made.get(path), undefined);
    });
  }

  for (const path of paths) {
    test(`${path} answers four requests in one packet; a fifth closes the connection`, async () => {
      const request = `GET ${path} HTTP/1.1\r\nHost: node\r\n\r\n`;
      const { promise: released, resolve: release } = Promise.withResolvers<void>();
      answer = async () => {
        await released;
        return plainAnswer(200, "ok");
      };
      const last = `GET ${path} HTTP/1.1\r\nHost: node\r\nConnection: close\r\n\r\n`;
      const four = rawRequest({ port, bytes: request.repeat(3) + last });
      assert.deepEqual(statusesIn(await rawRequest({ port, bytes: request.repeat(5) })), []);
      // As many as fit into 40,000 bytes, which once ended the agent.
      const many = request.repeat(40_000 / request.length);
      assert.deepEqual(statusesIn(await rawRequest({ port, bytes: many })), []);
      release();
      assert.deepEqual(statusesIn(await four), [200, 200, 200, 200]);
    });
  }

  test("passes the query only to a path that is not cached", async () => {
    const queries = new Map<Path, string>();
    await server.stop();
    port = await freePort();
    server = new HttpServer({
      host: HOST,
      port,
      answers: Object.fromEntries(
        paths.map((path) => [
          path,
          (query: string) => {
            queries.set(path, query);
            return plainAnswer(200, "ok");
          },
        ]),
      ) as Record<Path, (query: string) => Answer>,
      revision: () => "1",
      log: createLog("info", { write: () => {} }),
    });
    await server.start();
    for (const path of paths) {
      await ask(`GET http://node:9464${path}?within=50`);
      assert.equal(queries.get(path), PATHS[path].cache === "poll" ? "" : "within=50", path);
    }
  });

  test("does not read a body: it answers, and closes", async () => {
    for (const [method, status] of [
      ["GET", 200],
      ["POST", 405],
    ] as const) {
      const client = connect({ port, host: HOST });
      const { promise: closed, resolve } = Promise.withResolvers<void>();
      let received = "";
      client.on("data", (bytes) => {
        received += bytes;
      });
      client.on("error", () => {});
      client.on("close", () => resolve());
      client.write(`${method} /livez HTTP/1.1\r\nHost: node\r\nContent-Length: 1000000000000\r\n`);
      client.write("Expect: 100-continue\r\n\r\n");
      const piece = Buffer.alloc(65_536);
      let taken = 0;
      const send = () => {
        client.write(piece, (error) => {
          if (!error) {
            taken += piece.length;
            send();
          }
        });
      };
      send();
      await closed;
      assert.deepEqual(statusesIn(received), [status], received);
      assert.ok(taken <= MOST_BYTES_IN_KERNEL, `${taken} bytes were taken`);
    }
  });

  test("answers a client that closes its side, and one that sends a head in pieces", async () => {
    const client = connect({ port, host: HOST });
    let received = "";
    client.on("data", (bytes) => {
      received += bytes;
    });
    for (const piece of ["GET /livez HTTP/1.1\r\nHo", "st: node\r", "\n\r", "\n"]) {
      await new Promise((resolve) => {
        client.write(piece, resolve);
      });
    }
    client.end();
    await once(client, "close");
    assert.deepEqual(statusesIn(received), [200], received);
  });

  test("answers half a request with 408 after 10 s, and closes idle connections", async () => {
    const half = rawRequest({ port, bytes: "GET /livez HTTP/1.1\r\nHost: node\r\n" });
    const nothing = rawRequest({ port, bytes: "" });
    const received = await half;
    assert.deepEqual(statusesIn(received), [408]);
    assert.ok(received.endsWith("\r\n\r\nThe request took too long.\n"), received);
    assert.equal(await nothing, "");
  });

  test("accepts a head of 8 KiB, and no longer one, complete or not", async () => {
    const whole = rawRequest({ port, bytes: `${headOf(8192)}\r\n\r\n` });
    assert.deepEqual(statusesIn(await whole), [200]);
    for (const bytes of [headOf(8193), `${headOf(8193)}\r\n\r\n`]) {
      const received = await rawRequest({ port, bytes });
      assert.deepEqual(statusesIn(received), [431]);
      assert.ok(received.endsWith("\r\n\r\nThe headers are too large.\n"), received);
    }
  });

  test("says what is wrong with an invalid request", async () => {
    for (const [bytes, sentence] of [
      ["\x16\x03\x01", "This is no HTTP."],
      ["GET\r\n\r\n", "The first line is not a request of HTTP/1.0 or HTTP/1.1."],
    ] as const) {
      const received = await rawRequest({ port, bytes });
      assert.deepEqual(statusesIn(received), [400]);
      assert.match(received, /^Content-Type: text\/plain; charset=utf-8\r$/m);
      assert.ok(received.endsWith(`\r\n\r\n${sentence}\n`), received);
    }
  });

  test("answers in order, and an invalid request last", async () => {
    const bytes =
      "GET /livez HTTP/1.1\r\nHost: a\r\n\r\nHEAD / HTTP/1.1\r\nHost: a\r\n\r\nGET\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n";
    const received = await rawRequest({ port, bytes });
    assert.deepEqual(statusesIn(received), [200, 200, 400], received);
    assert.equal(received.match(/of poll 1/g)?.length, 1, "HEAD has no body");
  });

  test("closes a connection after a megabyte of answers", async () => {
    answer = () => plainAnswer(200, "x".repeat(300_000));
    const bytes = "GET / HTTP/1.1\r\nHost: node\r\n\r\n".repeat(4);
    const received = await rawRequest({ port, bytes });
    assert.deepEqual(statusesIn(received), [200, 200, 200, 200]);
    assert.equal(received.match(/^connection: close\r$/gim)?.length, 1);
  });

  test("resets the oldest connections that do not read when their answers exceed 16 MiB", async (t) => {
    const probe = connect({ port, host: HOST });
    let probed = "";
    probe.on("data", (bytes) => {
      probed += bytes;
    });
    t.after(() => probe.destroy());
    await once(probe, "connect");
    answer = (path) => plainAnswer(200, path === "/livez" ? "ok" : "x".repeat(1_000_000));
    const clients: Socket[] = [];
    t.after(() => clients.map((client) => client.destroy()));
    for (let client = 0; client < 24; client += 1) {
      const socket = connect({ port, host: HOST, localAddress: "127.0.0.2" });
      clients.push(socket);
      socket.write("GET /metrics HTTP/1.1\r\nHost: node\r\nConnection: close\r\n\r\n");
      // The beginning arrives, and with this kind of listener no more is read.
      await once(socket, "readable");
    }
    probe.write("GET /livez HTTP/1.1\r\nHost: node\r\n\r\n");
    await waitFor("the probe to be answered", () => statusesIn(probed).length > 0);

    const ends = clients.map(async (socket) => {
      const { promise: end, resolve } = Promise.withResolvers<string>();
      socket.on("error", () => resolve("reset"));
      socket.on("end", () => resolve("read"));
      socket.resume();
      return end;
    });
    const expected = clients.map((_, client) => (client < 24 - 16 ? "reset" : "read"));
    assert.deepEqual(await Promise.all(ends), expected);
  });

  test("answers a crowd that comes at once, and keeps 256 connections", async (t) => {
    const counts = new SharedArrayBuffer(3 * Int32Array.BYTES_PER_ELEMENT);
    const shared = new Int32Array(counts);
    const data: CrowdData = { host: HOST, port, clients: CROWD, counts };
    const worker = new Worker(new URL("crowd.ts", import.meta.url), { workerData: data });
    t.after(() => worker.terminate());
    await once(worker, "online");
    // This thread, the server's, waits until all requests have been sent, because a client without a request may be
    // reset when there are too many.
    for (let written = 0; written < CROWD; written = Atomics.load(shared, WRITTEN)) {
      assert.notEqual(Atomics.wait(shared, WRITTEN, written, 30_000), "timed-out");
    }
    await waitFor("256 connections", () => Atomics.load(shared, OPEN) === 256);
    assert.equal(Atomics.load(shared, ANSWERED), CROWD);
  });

  test("has the wall clock in each answer's Date, to the second", async () => {
    const beganMs = Date.now();
    const received = await ask("GET /livez");
    const [, date = ""] = /^Date: (.*)\r$/m.exec(received) ?? [];
    assert.match(date, /^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$/);
    const dateMs = Date.parse(date);
    assert.ok(dateMs > beganMs - 1_000 && dateMs <= Date.now(), date);
  });

  test("lists the paths when another one is requested", async () => {
    const received = await ask("GET /nowhere");
    assert.deepEqual(statusesIn(received), [404]);
    for (const path of paths) {
      assert.ok(received.includes(path), path);
    }
  });
});
