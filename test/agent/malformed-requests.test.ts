// Invalid requests to the port of a real agent with a real chronyd. Slow clients and thousands of
// connections are in test/faults/.

import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { type Agent, startAgentBeside } from "../parts/agent.ts";
import { startFollower } from "../parts/follower.ts";
import { fileDescriptors } from "../parts/process-status.ts";
import { Random } from "../parts/random.ts";
import { suiteScope } from "../parts/suite-scope.ts";
import { rawRequest, spoiltRequest, statusesIn } from "./raw-request.ts";
import { get, scrape, scrapeInState } from "./scrape.ts";

const SEED = 0x6368_726f;
const REQUESTS = 2_000;
const REQUESTS_AT_ONCE = 100;
/** The sender closes after this time, because the agent answers half a request only after its own timeout. */
const SILENCE_MS = 50;
const READINGS_AFTERWARDS = 3;

/** The statuses that answer an invalid request. */
const ALLOWED = [100, 200, 400, 404, 405, 408, 413, 417, 431];

const CLOSE = "Host: localhost\r\nConnection: close\r\n\r\n";

/** A request, and the statuses of its answers. */
const CASES: Readonly<Record<string, readonly [bytes: string, ...statuses: number[]]>> = {
  "a method of another protocol": ["HELO mail.example\r\n\r\n", 400],
  "the preface of HTTP/2": ["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400],
  "the beginning of TLS": ["\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400],
  zeros: ["\0".repeat(1_000), 400],
  "a version that does not exist": [`GET /livez HTTP/9.9\r\n${CLOSE}`, 400],
  "no host": ["GET /livez HTTP/1.1\r\n\r\n", 400],
  "a URL as long as a book": [`GET /${"a".repeat(100_000)} HTTP/1.1\r\n${CLOSE}`, 431],
  "a header as long as a book": [
    `GET /livez HTTP/1.1\r\nX: ${"a".repeat(100_000)}\r\n${CLOSE}`,
    431,
  ],
  "very many headers": [`GET /livez HTTP/1.1\r\n${"X: a\r\n".repeat(5_000)}${CLOSE}`, 431],
  "a zero in a header": [`GET /livez HTTP/1.1\r\nX: a\0b\r\n${CLOSE}`, 400],
  "a space before the colon": [`GET /livez HTTP/1.1\r\nX : a\r\n${CLOSE}`, 400],
  "two lengths (smuggling)": [
    `POST /livez HTTP/1.1\r\nContent-Length: 4\r\nContent-Length: 5\r\n${CLOSE}body`,
    400,
  ],
  "a length and chunks (smuggling)": [
    `POST /livez HTTP/1.1\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n${CLOSE}0\r\n\r\nGET /metrics HTTP/1.1\r\n${CLOSE}`,
    400,
  ],
  "an encoding that is not chunks (smuggling)": [
    `POST /livez HTTP/1.1\r\nTransfer-Encoding: chunked, x\r\n${CLOSE}0\r\n\r\nGET /metrics HTTP/1.1\r\n${CLOSE}`,
    400,
  ],
  "a method that changes things": [`POST /livez HTTP/1.1\r\n${CLOSE}`, 405],
  "a method that the parser knows and the agent does not": [`TRACE / HTTP/1.1\r\n${CLOSE}`, 405],
  "a limit that is no number": [`GET /synchronised?within=NaN HTTP/1.1\r\n${CLOSE}`, 400],
  "a limit that is given 800 times": [
    `GET /synchronised?${"within=1&".repeat(800)} HTTP/1.1\r\n${CLOSE}`,
    400,
  ],
  "a path that is not served": [`GET /%00 HTTP/1.1\r\n${CLOSE}`, 404],
  "a chunk of no size, which is not read": [
    `GET /livez HTTP/1.1\r\nTransfer-Encoding: chunked\r\n${CLOSE}zz\r\n`,
    200,
  ],
  "an expectation that nobody meets": [`GET /livez HTTP/1.1\r\nExpect: more\r\n${CLOSE}`, 417],
  "a good GET with a body in chunks": [
    `GET /livez HTTP/1.1\r\nTransfer-Encoding: chunked\r\n${CLOSE}4\r\nbody\r\n0\r\n\r\n`,
    200,
  ],
  "a good GET as a proxy sends it": [
    `GET http://node.example:9464/livez HTTP/1.1\r\n${CLOSE}`,
    200,
  ],
  "a good GET that wants to upgrade": [
    "GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: upgrade, close\r\nUpgrade: h2c\r\n\r\n",
    200,
  ],
  "good requests in one go": [
    `${"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(3)}GET /nowhere HTTP/1.1\r\n${CLOSE}`,
    200,
    200,
    200,
    404,
  ],
};

describe("the agent's port", () => {
  const scope = suiteScope();
  let agent: Agent;
  let port: number;

  before(async () => {
    const chronyd = await startFollower(scope);
    agent = await startAgentBeside(scope, chronyd, { SLEEP_INTERVAL: "0.1" });
    await scrapeInState(agent, "synchronised");
    port = Number(new URL(agent.pullUrl).port);
  });

  for (const [what, [bytes, ...statuses]] of Object.entries(CASES)) {
    test(`answers ${what} with ${statuses.join(", ")}, and closes`, async () => {
      const received = await rawRequest({ port, bytes: Buffer.from(bytes, "latin1") });
      assert.deepEqual(statusesIn(received), statuses, received);
    });
  }

  test(`survives ${REQUESTS} mutated requests: each is answered or closed (seed ${SEED})`, async (t) => {
    const before = (await fileDescriptors(agent.process.pid)).length;
    const random = new Random(SEED);
    const counts = new Map<number, number>();
    for (let sent = 0; sent < REQUESTS; sent += REQUESTS_AT_ONCE) {
      const requests = Array.from({ length: REQUESTS_AT_ONCE }, () => spoiltRequest(random));
      const answers = requests.map(async (bytes) => {
        const received = await rawRequest({ port, bytes, endAfterMs: SILENCE_MS });
        for (const status of statusesIn(received)) {
          const hex = Buffer.from(bytes).toString("hex");
          assert.ok(ALLOWED.includes(status), `${status} to ${hex} (seed ${SEED})`);
          counts.set(status, (counts.get(status) ?? 0) + 1);
        }
      });
      await Promise.all(answers);
      assert.equal((await get(agent, "/livez")).status, 200);
    }
    t.diagnostic(JSON.stringify(Object.fromEntries(counts)));

    await agent.process.waitUntil("the file descriptors to be as many as before", async () => {
      const now = await fileDescriptors(agent.process.pid);
      return now.length <= before || Promise.reject(new Error(now.join(", ")));
    });
    const readings = (await scrape(agent)).value("chrony_tracker_readings_total", READ) ?? 0;
    await agent.process.waitUntil("further readings", async () => {
      const { value } = await scrape(agent);
      return (value("chrony_tracker_readings_total", READ) ?? 0) >= readings + READINGS_AFTERWARDS;
    });
    const { value, state } = await scrape(agent);
    assert.equal(state, "synchronised");
    assert.equal(value("chrony_tracker_readings_total", { result: "failure" }), 0);
    assert.deepEqual(
      agent.logs().filter(({ level }) => level === "error"),
      [],
    );
  });
});

const READ = { result: "success" };
