// The real HTTP server with answers that count how often they are made: what a path costs, whoever
// asks how often. The answers of the agent itself are in test/agent/pull.test.ts.

import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";
import { createLog } from "../../src/log.ts";
import { HttpServer } from "../../src/serve/http-server.ts";
import { type Answer, PATHS, type Path, plainAnswer } from "../../src/serve/paths.ts";
import { rawRequest, statusesIn } from "../agent/raw-request.ts";
import { freePort } from "../parts/free-port.ts";

const HOST = "127.0.0.1";
const CLIENTS = 50;

const paths = Object.keys(PATHS) as Path[];

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

  /** All that comes back for a request with this line. */
  function ask(requestLine: string): Promise<string> {
    return rawRequest({
      port,
      bytes: `${requestLine} HTTP/1.1\r\nHost: node\r\nConnection: close\r\n\r\n`,
    });
  }

  for (const path of paths) {
    const { cost, cache } = PATHS[path];
    test(`${path} costs a ${cost} and is kept for: ${cache}`, async () => {
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

    test(`${path} that cannot be answered is 500, and the log has that once`, async () => {
      answer = () => Promise.reject(new Error("no value"));
      const received = await Promise.all(Array.from({ length: CLIENTS }, () => ask(`GET ${path}`)));
      assert.deepEqual([...new Set(received.flatMap(statusesIn))], [500]);
      assert.equal(logged.match(/could not be answered: Error: no value/g)?.length, 1, logged);

      answer = () => plainAnswer(200, "ok");
      poll = 2;
      assert.deepEqual(statusesIn(await ask(`GET ${path}`)), [200]);
      assert.match(logged, /is answered again/);
    });

    test(`${path} is asked for with GET and HEAD alone`, async () => {
      for (const method of ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "QUERY"]) {
        const received = await ask(`${method} ${path}`);
        assert.deepEqual(statusesIn(received), [405], method);
        assert.match(received, /^allow: GET, HEAD\r$/m);
      }
      assert.equal(made.get(path), undefined);
    });
  }

  test("says which paths there are when another is asked for", async () => {
    const received = await ask("GET /nowhere");
    assert.deepEqual(statusesIn(received), [404]);
    for (const path of paths) {
      assert.ok(received.includes(path), path);
    }
  });
});
