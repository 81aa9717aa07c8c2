// The check against NTP servers: a real agent with a real chronyd, real chronyds as servers, and a fake server
// for answers that none of them sends. The time of the first check depends on the node's name, so names are
// chosen for which it is soon. For later checks only the monotonic clock is moved
// (test/parts/shifted-clocks.ts), because otherwise the offsets would change. To the agent that is a step, which
// raises its bound, so contradictions are tested in a first check or without moving the clock.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { describe, test } from "node:test";
import { phaseOf } from "../../src/push/push.ts";
import { type Agent, startAgent, startAgentBeside } from "../parts/agent.ts";
import { type Chronyd, startChronyd } from "../parts/chronyd.ts";
import { localReferenceConfiguration } from "../parts/chronyd-configuration.ts";
import { startFollower } from "../parts/follower.ts";
import { freeUdpPort } from "../parts/free-port.ts";
import type { Owner } from "../parts/owner.ts";
import { startPath } from "../parts/path.ts";
import { startTimeServer } from "../parts/time-server.ts";
import { waitFor } from "../parts/wait-for.ts";
import { answerTo, startFakeNtpServer } from "../utc-check/fake-ntp-server.ts";
import { get, type Scrape, scrape, scrapeInState } from "./scrape.ts";

/** The shortest allowed interval. */
const INTERVAL_MS = 64_000;

/** The time to the first check. A loaded machine starts an agent in less. */
const FIRST_CHECK_MS = 4_000;
/** If it takes longer, the first check is one interval later. */
const LONGEST_MS = 2 * INTERVAL_MS;

/** The name of a node whose first check is due soon. */
function nodeOfSoon(): string {
  const phase = ((Date.now() + FIRST_CHECK_MS) % INTERVAL_MS) / INTERVAL_MS;
  for (let number = 0; ; number += 1) {
    if (Math.abs(phaseOf(`node-${number}`) - phase) < 0.005) {
      return `node-${number}`;
    }
  }
}

/** Starts an agent that asks these servers in a few seconds. */
function startChecking(
  owner: Owner,
  chronyd: Pick<Chronyd, "address">,
  servers: readonly string[],
): Promise<Agent> {
  return startAgentBeside(owner, chronyd, {
    UTC_CHECK_SERVERS: servers.join(","),
    UTC_CHECK_INTERVAL: String(INTERVAL_MS / 1000),
    OTEL_RESOURCE_ATTRIBUTES: `k8s.node.name=${nodeOfSoon()}`,
  });
}

const contradiction = (seen: Scrape) => seen.value("chrony_utc_contradiction");
const offset = (seen: Scrape, server: string) =>
  seen.value("chrony_utc_offset_seconds", { server });
const margin = (seen: Scrape, server: string) =>
  seen.value("chrony_utc_offset_margin_seconds", { server });

/** Scrapes until there is an offset of a server. */
function scrapeWithOffset(agent: Agent, server: string): Promise<Scrape> {
  return agent.process.waitUntil(
    `an offset of ${server}`,
    async () => {
      const seen = await scrape(agent);
      return offset(seen, server) === undefined ? Promise.reject(new Error("none")) : seen;
    },
    LONGEST_MS,
  );
}

function scrapeWithContradiction(agent: Agent, expected: number | undefined): Promise<Scrape> {
  return agent.process.waitUntil(
    `a contradiction of ${expected}`,
    async () => {
      const seen = await scrape(agent);
      return contradiction(seen) === expected
        ? seen
        : Promise.reject(new Error(`it is ${contradiction(seen)}`));
    },
    LONGEST_MS,
  );
}

const messages = (agent: Agent) => agent.logs().map(({ message }) => String(message));

describe("servers that are right", () => {
  test("agree with the clock by name, IPv4 and IPv6, and nothing is logged", async (t) => {
    const port = await freeUdpPort();
    await startChronyd(t, {
      configuration: ["local stratum 8", "allow 127.0.0.1", "allow ::1", `port ${port}`],
    });
    const servers = [`localhost:${port}`, `127.0.0.1:${port}`, `[::1]:${port}`];
    const agent = await startChecking(t, await startFollower(t), servers);
    const seen = await scrapeWithContradiction(agent, 0);
    for (const server of servers) {
      const [offsetSeconds = 9, marginSeconds = 0] = [offset(seen, server), margin(seen, server)];
      assert.ok(marginSeconds > 0 && marginSeconds < 1.5, `${server}: ${marginSeconds} s`);
      assert.ok(Math.abs(offsetSeconds) <= marginSeconds, `${server}: ${offsetSeconds} s`);
    }
    assert.deepEqual(
      messages(agent).filter((message) => /NTP server/.test(message)),
      [],
    );
    const status = JSON.parse((await get(agent, "/status")).body);
    assert.equal(status.clock.utc_check.contradiction, false);
    assert.deepEqual(
      status.clock.utc_check.servers.map(({ server }: { server: string }) => server),
      servers,
    );
    const page = (await get(agent, "/")).body;
    assert.match(page, /UTC check.*agrees.*3 of 3 NTP servers gave the time/s);
  });
});

describe("a clock whose source is 40 ms off", () => {
  test("is contradicted by a correct server, even if its bound is microseconds", async (t) => {
    const [right, source] = [await startTimeServer(t), await startTimeServer(t)];
    // The server is moved, because chronyd does not change the machine's clock here.
    await right.shift(0.04);
    const server = `127.0.0.1:${right.ntpPort}`;
    const follower = await startFollower(t, { server: source });
    const agent = await startChecking(t, follower, [server]);
    const seen = await scrapeWithContradiction(agent, 1);
    const [offsetSeconds = 0, marginSeconds = 9] = [offset(seen, server), margin(seen, server)];
    assert.ok(Math.abs(offsetSeconds - 0.04) <= marginSeconds + 1e-4, `${offsetSeconds} s`);
    assert.ok((seen.value("chrony_clock_error_bound_ms") ?? 99) < 10);
    assert.equal(seen.state, "synchronised");
    await agent.process.waitForLine(/No NTP server agrees with the clock/, LONGEST_MS);
    const { body } = await get(agent, "/");
    assert.match(body, /contradicted/);

    // The next check agrees, when it is due.
    await right.shift(0);
    await scrapeWithContradiction(agent, 0);
    await agent.process.waitForLine(/agrees with the clock again/, LONGEST_MS);
  });

  test("is not contradicted if one of two servers agrees with it", async (t) => {
    const [right, wrong] = [await startTimeServer(t), await startTimeServer(t)];
    await wrong.shift(0.04);
    const servers = [`127.0.0.1:${right.ntpPort}`, `127.0.0.1:${wrong.ntpPort}`];
    const agent = await startChecking(t, await startFollower(t), servers);
    const seen = await scrapeWithContradiction(agent, 0);
    const offsetSeconds = offset(seen, servers[1] ?? "") ?? 0;
    assert.ok(offsetSeconds > 0.03, `${offsetSeconds} s`);
  });

  test("is not contradicted while its own bound includes the offset that is still slewed", async (t) => {
    const right = await startTimeServer(t);
    await right.shift(0.04);
    const follower = await startFollower(t, { offsetSeconds: 0.06 });
    const agent = await startChecking(t, follower, [`127.0.0.1:${right.ntpPort}`]);
    const seen = await scrapeWithContradiction(agent, 0);
    assert.ok((seen.value("chrony_clock_error_bound_ms") ?? 0) > 60);
  });
});

test("nothing is known without chronyd, or while it is `local`", async (t) => {
  const right = await startTimeServer(t);
  const server = `127.0.0.1:${right.ntpPort}`;
  const chronyd = await startChronyd(t, { configuration: localReferenceConfiguration() });
  const agent = await startChecking(t, chronyd, [server]);
  assert.equal(contradiction(await scrapeWithOffset(agent, server)), undefined);

  const follower = await startFollower(t);
  const other = await startChecking(t, follower, [server]);
  await scrapeWithContradiction(other, 0);
  await follower.stop();
  const seen = await scrapeInState(other, "unreachable");
  assert.equal(contradiction(seen), undefined);
  assert.notEqual(
    offset(seen, server),
    undefined,
    "what the server said does not depend on chronyd",
  );
});

test("after a step of the clock nothing is known until the next check", async (t) => {
  const right = await startTimeServer(t);
  const server = `127.0.0.1:${right.ntpPort}`;
  const agent = await startChecking(t, await startFollower(t), [server]);
  await scrapeWithContradiction(agent, 0);
  await agent.shiftWallClock(-5_000);
  const stepped = await scrapeWithContradiction(agent, undefined);
  assert.equal(stepped.value("chrony_clock_steps_total"), 1);
  assert.equal(offset(stepped, server), undefined);
  assert.equal(margin(stepped, server), undefined);
  await agent.letMonotonicPass(INTERVAL_MS);
  const seen = await scrapeWithOffset(agent, server);
  assert.ok(Math.abs((offset(seen, server) ?? 0) - 5) < 0.1, `${offset(seen, server)} s`);
});

describe("a server without a time has no series:", () => {
  test("one that becomes silent, from the next check on, until it answers again", async (t) => {
    const server = await startTimeServer(t);
    const name = `127.0.0.1:${server.ntpPort}`;
    const agent = await startChecking(t, await startFollower(t), [name]);
    await scrapeWithOffset(agent, name);
    await server.freeze();
    await agent.letMonotonicPass(INTERVAL_MS);
    await agent.process.waitForLine(/did not answer within 3 s/, LONGEST_MS);
    const seen = await scrape(agent);
    assert.equal(offset(seen, name), undefined);
    assert.equal(contradiction(seen), undefined);
    await server.thaw();
    await agent.letMonotonicPass(INTERVAL_MS);
    await scrapeWithOffset(agent, name);
    await agent.process.waitForLine(/gives the time again/, LONGEST_MS);
  });

  test("one with impossible times, one that does not exist, one without a source", async (t) => {
    const fake = await startFakeNtpServer(t);
    fake.answerWith((request) => [
      answerTo(request, { origin: 7n }),
      answerTo(request, { head: 0xe4 }),
    ]);
    const unsynchronisedPort = await freeUdpPort();
    await startChronyd(t, {
      configuration: [
        `server 127.0.0.1 port ${await freeUdpPort()}`,
        "allow 127.0.0.1",
        "bindaddress 127.0.0.1",
        `port ${unsynchronisedPort}`,
      ],
    });
    const agent = await startChecking(t, await startFollower(t), [
      `127.0.0.1:${fake.port}`,
      `127.0.0.1:${await freeUdpPort()}`,
      `127.0.0.1:${unsynchronisedPort}`,
      "time.invalid",
    ]);
    for (const sentence of [
      /is not synchronised itself \(leap indicator 3, stratum 1\)/,
      /nothing listens on that port/,
      /is not synchronised itself \(leap indicator 3, stratum 0\)/,
      /time\.invalid was not found/,
    ]) {
      await agent.process.waitForLine(sentence, LONGEST_MS);
    }
    const seen = await scrape(agent);
    assert.deepEqual(
      seen.names.filter((name) => name.startsWith("chrony_utc_")),
      [],
    );
    const { body } = await get(agent, "/status");
    assert.equal(JSON.parse(body).clock.utc_check.servers.length, 4);
  });

  test("one that sends RATE is asked in every second check, one that sends DENY in none", async (t) => {
    const [rate, deny] = [await startFakeNtpServer(t), await startFakeNtpServer(t)];
    rate.answerWith((request) => [
      answerTo(request, { head: 0xe4, stratum: 0, referenceId: "RATE" }),
    ]);
    deny.answerWith((request) => [
      answerTo(request, { head: 0xe4, stratum: 0, referenceId: "DENY" }),
    ]);
    const other = await startFakeNtpServer(t);
    other.answerWith((request) => [answerTo(request)]);
    const servers = [rate, deny, other].map(({ port }) => `127.0.0.1:${port}`);
    const agent = await startChecking(t, await startFollower(t), servers);
    await agent.process.waitForLine(/asks for fewer requests \(RATE\)/, LONGEST_MS);
    await agent.process.waitForLine(/does not serve this node \(DENY\)/, LONGEST_MS);
    rate.answerWith((request) => [answerTo(request)]);
    for (const [index, expected] of [1, 2, 2, 3].entries()) {
      const check = index + 2;
      await agent.letMonotonicPass(INTERVAL_MS);
      await waitFor(`check ${check}`, () => {
        return other.requests.length === check && rate.requests.length >= expected;
      });
    }
    assert.deepEqual([rate.requests.length, deny.requests.length], [3, 1]);
  });
});

test("a server is asked once an interval, by a request without data of the node", async (t) => {
  const server = await startFakeNtpServer(t);
  server.answerWith((request) => [answerTo(request)]);
  const name = `127.0.0.1:${server.port}`;
  const agent = await startChecking(t, await startFollower(t), [name]);
  await scrapeWithOffset(agent, name);
  assert.equal(server.requests.length, 1);
  const polls = async () =>
    (await scrape(agent)).value("chrony_tracker_readings_total", { result: "success" }) ?? 0;
  const before = await polls();
  await agent.letMonotonicPass(INTERVAL_MS - 10_000);
  await waitFor("ten more polls", async () => (await polls()) >= before + 10);
  assert.equal(server.requests.length, 1, "the interval is not over");
  await agent.letMonotonicPass(20_000);
  await waitFor("the next question", () => server.requests.length === 2);
  for (const request of server.requests) {
    assert.deepEqual(
      [request.length, request.subarray(0, 40).toString("hex")],
      [48, `23${"00".repeat(39)}`],
    );
  }
  const [first, second] = server.requests.map((request) => request.readBigUInt64BE(40));
  assert.notEqual(first, second);
});

test("the same by push, and a missing answer ends its series", async (t) => {
  const server = await startTimeServer(t);
  const name = `127.0.0.1:${server.ntpPort}`;
  const path = await startPath(t, {
    node: nodeOfSoon(),
    settings: { UTC_CHECK_SERVERS: name, UTC_CHECK_INTERVAL: "64" },
  });
  for (const way of ["push", "pull"] as const) {
    await waitFor(
      `an agreement by ${way}`,
      async () => {
        return (await path.value("chrony_utc_contradiction", way)) === 0;
      },
      LONGEST_MS,
    );
    const [of, wrongBy] = await Promise.all([
      path.value("chrony_utc_offset_seconds", way, { server: name }),
      path.value("chrony_utc_offset_margin_seconds", way, { server: name }),
    ]);
    assert.ok(Math.abs(of ?? 9) <= (wrongBy ?? 0), `${of} s ± ${wrongBy} s by ${way}`);
  }
  await server.stop();
  await path.agent.letMonotonicPass(INTERVAL_MS);
  await waitFor("the end of the series", async () => {
    return (await path.value("chrony_utc_offset_seconds", "push", { server: name })) === undefined;
  });
  assert.equal(await path.value("chrony_utc_contradiction", "push"), undefined);
});

test("without the setting no UDP socket is opened, and nothing is logged", async (t) => {
  const follower = await startFollower(t);
  const agent = await startAgent(t, {
    environment: { CHRONY_ADDRESS: follower.address, OTEL_METRICS_EXPORTER: "prometheus" },
  });
  const seen = await scrapeInState(agent, "synchronised");
  assert.doesNotMatch(seen.text, /chrony_utc/);
  const status = JSON.parse((await get(agent, "/status")).body);
  assert.equal(status.clock.utc_check, null);
  assert.doesNotMatch((await get(agent, "/")).body, /UTC check/);
});

test("without the setting nothing of src/utc-check is loaded: only types are imported statically", async () => {
  const { readdir } = await import("node:fs/promises");
  const src = new URL("../../src/", import.meta.url);
  for (const file of await readdir(src, { recursive: true })) {
    if (file.endsWith(".ts") && !file.startsWith("utc-check/")) {
      const text = await readFile(new URL(file, src), "utf8");
      const imports = [...text.matchAll(/^import (?<what>[^;]*) from "[^"]*utc-check\/[^"]*";$/gm)];
      for (const { groups } of imports) {
        assert.match(groups?.["what"] ?? "", /^type /, `${file} imports a value`);
      }
    }
  }
});
