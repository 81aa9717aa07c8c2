// One request over real UDP sockets: to real chronyds, and to a fake server for answers that none of them sends. chronyd
// sends a kiss of death for its rate limit since 4.7, so that one comes from the newest other suite of this machine's
// distribution.

import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { askServer, findServer } from "../../src/utc-check/ask-server.ts";
import { readClocksExactly } from "../../src/utc-check/exact-clocks.ts";
import { measure, type NtpExchange } from "../../src/utc-check/measurement.ts";
import { decodePacket } from "../../src/utc-check/packet.ts";
import { progressToStandardError } from "../parts/bring.ts";
import { startChronyd } from "../parts/chronyd.ts";
import { freeUdpPort } from "../parts/free-port.ts";
import { Random } from "../parts/random.ts";
import { setVariable } from "../parts/set-variable.ts";
import { otherSuites, programsOfSuite } from "../parts/suite-package.ts";
import { startTimeServer } from "../parts/time-server.ts";
import { waitFor } from "../parts/wait-for.ts";
import { answerTo, startFakeNtpServer } from "./fake-ntp-server.ts";

const NEVER = new AbortController().signal;
const SEED = 0x6368_726f;

async function asked(port: number, address = "127.0.0.1"): Promise<NtpExchange> {
  const result = await askServer({ address, port }, NEVER);
  assert.ok(result.ok, result.ok ? "" : result.error.kind);
  return result.value;
}

describe("a real server", () => {
  test("answers over IPv4 and IPv6, and its interval includes the machine's clock", async (t) => {
    const port = await freeUdpPort();
    await startChronyd(t, {
      configuration: ["local stratum 8", "allow 127.0.0.1", "allow ::1", `port ${port}`],
    });
    for (const address of ["127.0.0.1", "::1"]) {
      const before = readClocksExactly();
      const exchange = await asked(port, address);
      const measured = measure(exchange, before, readClocksExactly());
      assert.ok(measured.ok, JSON.stringify(measured));
      const { offsetSeconds, marginSeconds } = measured.value;
      assert.ok(Math.abs(offsetSeconds) <= marginSeconds, `${offsetSeconds} by ${address}`);
      assert.equal(exchange.packet.stratum, 8);
    }
  });

  test("is measured as 40 ms ahead when its reference clock is", async (t) => {
    const server = await startTimeServer(t);
    await server.shift(0.04);
    const before = readClocksExactly();
    const exchange = await asked(server.ntpPort);
    const measured = measure(exchange, before, readClocksExactly());
    assert.ok(measured.ok, JSON.stringify(measured));
    const { offsetSeconds, marginSeconds } = measured.value;
    assert.ok(Math.abs(offsetSeconds - 0.04) <= marginSeconds + 1e-4, `${offsetSeconds} s`);
  });

  test("that is asked too often sends a kiss of death, RATE", async (t) => {
    const suite = (await otherSuites()).at(-1);
    if (suite === undefined) {
      t.skip("chronyd 4.7 or later is needed, which this distribution has in no other suite");
      return;
    }
    setVariable(
      t,
      "CHRONYD",
      join(await programsOfSuite(suite, progressToStandardError), "chronyd"),
    );
    const port = await freeUdpPort();
    await startChronyd(t, {
      configuration: [
        "local stratum 8",
        "allow 127.0.0.1",
        "bindaddress 127.0.0.1",
        `port ${port}`,
        "ratelimit interval 12 burst 1 leak 10 kod 1",
      ],
    });
    // chronyd answers half of the requests above the limit, at random, and drops the others.
    const kissed = await waitFor("a kiss of death", async () => {
      const exchanges = Array.from({ length: 8 }, () =>
        askServer({ address: "127.0.0.1", port }, NEVER),
      );
      const packets = (await Promise.all(exchanges)).flatMap((result) =>
        result.ok ? [result.value] : [],
      );
      return packets.find(({ packet }) => packet.stratum === 0);
    });
    const clocks = readClocksExactly();
    const measured = measure(kissed, clocks, clocks);
    assert.deepEqual(measured.ok ? undefined : measured.error, { kind: "kiss", code: "RATE" });
  });
});

describe("datagrams that do not answer the request are dropped:", () => {
  const wrongAnswers: readonly (readonly [string, (request: Buffer) => Uint8Array])[] = [
    ["another request's origin timestamp", (request) => answerTo(request, { origin: 1n })],
    ["an empty origin timestamp", (request) => answerTo(request, { origin: 0n })],
    ["the request itself", (request) => request],
    ["the mode of a client", (request) => answerTo(request, { head: 0x23 })],
    ["the mode of a broadcast", (request) => answerTo(request, { head: 0x25 })],
    ["version 2", (request) => answerTo(request, { head: 0x14 })],
    ["a byte too few", (request) => answerTo(request).subarray(0, 47)],
    ["a byte too many", (request) => Buffer.concat([answerTo(request), Buffer.alloc(1)])],
    ["nothing", () => Buffer.alloc(0)],
    ["as much as a datagram holds", () => Buffer.alloc(60_000)],
  ];
  for (const [what, wrong] of wrongAnswers) {
    test(what, async (t) => {
      const server = await startFakeNtpServer(t);
      server.answerWith((request) => [
        wrong(request),
        wrong(request),
        answerTo(request, { stratum: 3 }),
      ]);
      assert.equal((await asked(server.port)).packet.stratum, 3);
      assert.equal(server.requests.length, 1, "one datagram is sent, whatever is answered");
    });
  }

  test("more than 64 of them end the request", async (t) => {
    const server = await startFakeNtpServer(t);
    const wrong = Array.from({ length: 64 }, () => Buffer.alloc(48));
    server.answerWith((request) => [...wrong, answerTo(request)]);
    const result = await askServer({ address: "127.0.0.1", port: server.port }, NEVER);
    assert.equal(result.ok ? undefined : result.error.kind, "no answer");
  });

  test("an answer from another port of the same host", async (t) => {
    const server = await startFakeNtpServer(t);
    const other = createSocket("udp4");
    t.after(() => other.close());
    other.bind(0, "127.0.0.1");
    await once(other, "listening");
    const question = askServer({ address: "127.0.0.1", port: server.port }, NEVER);
    const asker = await waitFor("the question", () => server.asker);
    other.send(answerTo(asker.request, { stratum: 9 }), asker.port, "127.0.0.1");
    server.send(answerTo(asker.request, { stratum: 3 }));
    const result = await question;
    assert.equal(result.ok ? result.value.packet.stratum : result.error.kind, 3);
  });
});

/** The local port of the UDP socket that is connected to a port at 127.0.0.1, from /proc/net/udp. */
async function connectedTo(port: number): Promise<number | undefined> {
  const remote = `0100007F:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const rows = (await readFile("/proc/net/udp", "utf8")).split("\n");
  const row = rows.map((line) => line.trim().split(/\s+/)).find((fields) => fields[2] === remote);
  const local = row?.[1]?.split(":")[1];
  return local === undefined ? undefined : Number.parseInt(local, 16);
}

describe("a request without an answer", () => {
  test("to a port on which nothing listens ends at once", async () => {
    const result = await askServer({ address: "127.0.0.1", port: await freeUdpPort() }, NEVER);
    assert.deepEqual(result.ok ? undefined : result.error, { kind: "nobody listens" });
  });

  test("to an address without a route has the system's error", async () => {
    const result = await askServer({ address: "255.255.255.255", port: 123 }, NEVER);
    assert.deepEqual(result.ok ? undefined : result.error, {
      kind: "socket failed",
      detail: "EACCES",
    });
  });

  test("to a frozen chronyd ends after its timeout", async (t) => {
    const server = await startTimeServer(t);
    await server.freeze();
    const result = await askServer({ address: "127.0.0.1", port: server.ntpPort }, NEVER);
    assert.deepEqual(result.ok ? undefined : result.error, { kind: "no answer", afterMs: 3_000 });
    await server.thaw();
  });

  test("ends when it is stopped, and leaves no socket", async (t) => {
    const server = await startFakeNtpServer(t);
    const stop = new AbortController();
    let hasEnded = false;
    void askServer({ address: "127.0.0.1", port: server.port }, stop.signal).finally(() => {
      hasEnded = true;
    });
    await waitFor("the question", () => server.asker);
    stop.abort();
    await setImmediate();
    assert.ok(hasEnded);
    await waitFor("the socket to be gone", async () => {
      return (await connectedTo(server.port)) === undefined;
    });
  });
});

describe("a server's address", () => {
  test("is looked up if it is a name, and else used unchanged", async () => {
    const found = await findServer("localhost", 123);
    assert.ok(found.ok && ["127.0.0.1", "::1"].includes(found.value.address));
    assert.deepEqual(await findServer("::1", 1123), {
      ok: true,
      value: { address: "::1", port: 1123 },
    });
  });

  test("is an error if the name does not exist", async () => {
    const found = await findServer("time.invalid", 123);
    assert.ok(!found.ok);
    assert.equal(found.error.kind, "host unknown");
  });
});

test(`any datagrams: an exchange or an error, and exactly one datagram sent (seed ${SEED})`, async (t) => {
  const random = new Random(SEED);
  const server = await startFakeNtpServer(t);
  for (let number = 0; number < 300; number += 1) {
    server.answerWith((request) => {
      const good = answerTo(request, { stratum: 5 });
      const altered = Array.from({ length: random.below(20) }, () => {
        const copy = Buffer.from(good.subarray(0, random.below(8) === 0 ? random.below(49) : 48));
        const changes = 1 + random.below(3);
        for (let change = 0; change < changes && copy.length > 0; change += 1) {
          // Mostly in a place where it is no longer an answer.
          const place = random.of([0, 24 + random.below(8), random.below(copy.length)]);
          if (place < copy.length) {
            copy[place] = random.below(256);
          }
        }
        return copy;
      });
      return [...altered, good];
    });
    const { packet } = await asked(server.port);
    const request = server.requests.at(-1);
    assert.equal(packet.origin, request && decodePacket(request)?.transmit);
    assert.equal(packet.mode, 4);
  }
  assert.equal(server.requests.length, 300);
});
