// GET /synchronised?within=MS at the real agent, with real chronyds.

import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { type Agent, startAgentBeside } from "../parts/agent.ts";
import { startChronyd } from "../parts/chronyd.ts";
import {
  localReferenceConfiguration,
  neverSynchronisedConfiguration,
} from "../parts/chronyd-configuration.ts";
import { type Follower, startFollower } from "../parts/follower.ts";
import { freeUdpPort } from "../parts/free-port.ts";
import { suiteScope } from "../parts/suite-scope.ts";
import { get, scrapeInState } from "./scrape.ts";

/** More than the error of a healthy clock on a loaded machine. */
const ANY_MS = 86_400_000;

describe("GET /synchronised", () => {
  const scope = suiteScope();
  let follower: Follower;
  let agent: Agent;

  before(async () => {
    follower = await startFollower(scope);
    agent = await startAgentBeside(scope, follower);
    await scrapeInState(agent, "synchronised");
  });

  test("is 200 within the limit, with the peak of /status, and must not be cached", async () => {
    const { status, headers, body } = await get(agent, `/synchronised?within=${ANY_MS}`);
    assert.equal(status, 200);
    assert.match(
      body,
      /^Synchronised, and the (peak|bound|error) of [\d.]+ ms is within 86400000 ms\.\n$/,
    );
    assert.equal(headers.get("cache-control"), "no-store");
    assert.equal(headers.get("content-type"), "text/plain; charset=utf-8");
    const head = await get(agent, `/synchronised?within=${ANY_MS}`, "HEAD");
    assert.deepEqual([head.status, head.body], [200, ""]);
  });

  test("is 503 above it, and 400 without a limit", async () => {
    const [status, body] = await ask(agent, "?within=0.001");
    assert.equal(status, 503);
    assert.match(body, /^The (peak|bound|error) of [\d.<]+ ms is above 0\.001 ms\.\n$/);
    for (const query of ["", "?", "?within=0", "?within=NaN", "?within=1&within=1"]) {
      assert.equal((await ask(agent, query))[0], 400, query);
    }
  });

  test("judges by the bound while an offset of 2 s is slewed, whatever the error is", async (t) => {
    const wrong = await startFollower(t, { offsetSeconds: 2 });
    const beside = await startAgentBeside(t, wrong);
    await scrapeInState(beside, "synchronised");
    const [status, body] = await ask(beside, "?within=1000");
    assert.equal(status, 503);
    assert.match(body, /^The (peak|bound) of \d+\.\d{3} ms is above 1000 ms\.\n$/);
    assert.equal((await ask(beside, `?within=${ANY_MS}`))[0], 200);
  });

  test("is 503 for a chronyd that follows itself, and one that never synchronised", async (t) => {
    const silentPort = await freeUdpPort();
    for (const [state, configuration] of [
      ["local", localReferenceConfiguration()],
      ["unsynchronised", neverSynchronisedConfiguration(silentPort)],
    ] as const) {
      const chronyd = await startChronyd(t, { configuration });
      const beside = await startAgentBeside(t, chronyd);
      await scrapeInState(beside, state);
      const [status, body] = await ask(beside, `?within=${ANY_MS}`);
      assert.equal(status, 503);
      assert.match(body, new RegExp(`^The state is ${state}, not synchronised\\. `));
      assert.doesNotMatch(body, /\d ms/);
    }
  });

  test("is 503 as soon as chronyd does not answer, and 200 when it does again", async () => {
    await follower.freeze();
    try {
      await scrapeInState(agent, "unreachable");
      const [status, body] = await ask(agent, `?within=${ANY_MS}`);
      assert.deepEqual(
        [status, body],
        [
          503,
          "The state is unreachable, not synchronised. chronyd does not answer: the clock may be wrong by any amount.\n",
        ],
      );
    } finally {
      await follower.thaw();
    }
    await scrapeInState(agent, "synchronised");
    assert.equal((await ask(agent, `?within=${ANY_MS}`))[0], 200);
  });

  test("is 503 when the agent's polls stop, because an old poll does not count", async (t) => {
    const slow = await startAgentBeside(t, follower, {
      SLEEP_INTERVAL: "60",
      OTEL_METRIC_EXPORT_INTERVAL: "60000",
    });
    await scrapeInState(slow, "synchronised");
    assert.equal((await ask(slow, `?within=${ANY_MS}`))[0], 200);
    await slow.letPass(4 * 60_000);
    const [status, body] = await ask(slow, `?within=${ANY_MS}`);
    assert.equal(status, 503, body);
    assert.match(body, /^The state is unreachable/);
  });

  test("does not poll chronyd, however often it is requested", async (t) => {
    const chronyd = await startFollower(t, { server: follower.server });
    const slow = await startAgentBeside(t, chronyd, {
      SLEEP_INTERVAL: "60",
      OTEL_METRIC_EXPORT_INTERVAL: "60000",
      CHRONY_METRICS: "tracking",
    });
    await scrapeInState(slow, "synchronised");
    const packets = async () => {
      const text = await chronyd.chronyc("serverstats");
      return Number(/^Command packets received +: (?<count>\d+)$/m.exec(text)?.groups?.["count"]);
    };
    const beforehand = await packets();
    const answers = await Promise.all(
      Array.from({ length: 200 }, (_, index) => ask(slow, `?within=${ANY_MS - index}`)),
    );
    assert.deepEqual([...new Set(answers.map(([status]) => status))], [200]);
    assert.equal((await packets()) - beforehand, 1, "chronyc's own packet alone");
  });
});

async function ask(of: Agent, query: string): Promise<[status: number, body: string]> {
  const { status, body } = await get(of, `/synchronised${query}`);
  return [status, body];
}
