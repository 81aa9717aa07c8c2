// Unusual answers of a collector, and how the agent handles them: a real chronyd and real agents; a fake
// collector (test/push/fake-collector.ts) keeps the requests.

import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { writeFile } from "node:fs/promises";
import type { ServerResponse } from "node:http";
import { join } from "node:path";
import { before, describe, type TestContext, test } from "node:test";
import { type Agent, startAgent } from "../parts/agent.ts";
import { type Chronyd, startChronyd } from "../parts/chronyd.ts";
import { neverSynchronisedConfiguration } from "../parts/chronyd-configuration.ts";
import { startFollower } from "../parts/follower.ts";
import { freeUdpPort } from "../parts/free-port.ts";
import { Random } from "../parts/random.ts";
import { folderOf } from "../parts/scratch-folder.ts";
import { suiteScope } from "../parts/suite-scope.ts";
import { type Answer, accept, FakeCollector, refuse } from "../push/fake-collector.ts";
import { scrape, scrapeInState } from "./scrape.ts";

const scope = suiteScope();
let chronyd: Chronyd;

before(async () => {
  chronyd = await startFollower(scope);
});

async function startCollector(t: TestContext, answer: Answer): Promise<FakeCollector> {
  const collector = await FakeCollector.start(answer);
  t.after(() => collector.stop());
  return collector;
}

/** An agent that pushes to a collector several times a second. */
function startPushing(
  t: TestContext,
  collector: FakeCollector,
  settings: Readonly<Record<string, string>> = {},
): Promise<Agent> {
  return startAgent(t, {
    shiftableClock: true,
    environment: {
      CHRONY_ADDRESS: chronyd.address,
      SLEEP_INTERVAL: "0.1",
      OTEL_METRIC_EXPORT_INTERVAL: "300",
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${collector.port}`,
      OTEL_RESOURCE_ATTRIBUTES: "k8s.node.name=aks-pool-1",
      ...settings,
    },
  });
}

function messages(agent: Agent): string[] {
  return agent.logs().map(({ message }) => String(message));
}

async function logged(agent: Agent, pattern: RegExp): Promise<string> {
  return agent.process.waitUntil(`a line like ${String(pattern)}`, () =>
    messages(agent).find((message) => pattern.test(message)),
  );
}

async function dropped(agent: Agent, reason = "rejected"): Promise<number> {
  const { value } = await scrape(agent);
  return value("chrony_tracker_backlog_dropped_points_total", { reason }) ?? Number.NaN;
}

async function untilAttempts(agent: Agent, collector: FakeCollector, more: number): Promise<void> {
  const count = collector.attempts.length + more;
  await agent.process.waitUntil(`${count} attempts`, () => collector.attempts.length >= count);
}

/** The times of the collections in a request, in milliseconds since 1970. */
function timesIn(body: Buffer): number[] {
  const found = /"name":"chrony_up".*?"dataPoints":(\[.*?\])\}/.exec(body.toString());
  const points = JSON.parse(found?.[1] ?? "[]") as { readonly timeUnixNano: string }[];
  return points.map(({ timeUnixNano }) => Number(timeUnixNano) / 1e6);
}

function json(body: unknown): Answer {
  return (response) => {
    response.setHeader("content-type", "application/json").end(JSON.stringify(body));
  };
}

function signInPage(response: ServerResponse): void {
  response.setHeader("content-type", "text/html").end("<html><h1>Sign in</h1></html>");
}

describe("a partial success", () => {
  for (const rejectedDataPoints of [3, "3"]) {
    test(`with ${JSON.stringify(rejectedDataPoints)} counts three dropped points, and logs the reason once`, async (t) => {
      const partialSuccess = { rejectedDataPoints, errorMessage: "no\nsuch tenant" };
      const collector = await startCollector(t, json({ partialSuccess }));
      const agent = await startPushing(t, collector);
      await untilAttempts(agent, collector, 10);
      await agent.process.waitUntil("dropped points", async () => (await dropped(agent)) >= 30);
      const line = await logged(agent, /Points are dropped/);
      assert.match(line, /because they are rejected\. The backend answered: no such tenant$/);
      const times = collector.attempts.flatMap(({ body }) => timesIn(body));
      assert.deepEqual(times, [...new Set(times)], "nothing is sent twice");
      assert.equal((await dropped(agent)) % 3, 0);
      assert.equal(messages(agent).filter((message) => /no such tenant/.test(message)).length, 1);
    });
  }
});

test("a page with 200 is not a success: everything is kept, which is logged once, and arrives later", async (t) => {
  let answer = signInPage;
  const collector = await startCollector(t, (response) => answer(response));
  const agent = await startPushing(t, collector);
  await untilAttempts(agent, collector, 6);
  const line = await logged(agent, /answered 200/);
  assert.match(line, /answered 200 \(Sign in\), which is not an answer of an OTLP receiver/);
  assert.equal(messages(agent).filter((message) => /answered 200/.test(message)).length, 1);
  const sent = new Set(collector.attempts.flatMap(({ body }) => timesIn(body)));
  const accepted = collector.attempts.length;
  answer = accept;
  await agent.process.waitUntil("all that waited", () => {
    const arrived = collector.attempts.slice(accepted).flatMap(({ body }) => timesIn(body));
    return [...sent].every((timeMs) => arrived.includes(timeMs));
  });
  await agent.letPass(60_000);
  await logged(agent, /accepts pushes again/);
  for (const reason of ["age", "bytes", "rejected"]) {
    assert.equal(await dropped(agent, reason), 0, reason);
  }
});

describe("a backend that rejects with 500", () => {
  const seed = randomInt(2 ** 31);
  const random = new Random(seed);
  let requests = 0;
  const ways: Readonly<Record<string, () => boolean>> = {
    "every second request": () => {
      requests += 1;
      return requests % 2 === 0;
    },
    [`every second request by chance (seed ${seed})`]: () => random.below(2) === 0,
  };
  for (const [which, isRejected] of Object.entries(ways)) {
    test(`${which} loses no point over ten minutes`, async (t) => {
      const accepted: number[] = [];
      let isOpen = false;
      const collector = await startCollector(t, (response) => {
        const { body } = collector.attempts.at(-1) ?? {};
        if (!isOpen && isRejected()) {
          refuse(500)(response);
        } else {
          accepted.push(...(body === undefined ? [] : timesIn(body)));
          accept(response);
        }
      });
      const agent = await startPushing(t, collector, { BACKLOG_MAX_AGE: "86400" });
      for (let halfMinute = 0; halfMinute < 20; halfMinute += 1) {
        await untilAttempts(agent, collector, 2);
        await agent.letPass(30_000);
      }
      isOpen = true;
      await agent.process.waitUntil("all that waits to arrive", async () => {
        const { value } = await scrape(agent);
        return value("chrony_tracker_backlog_points") === 0;
      });
      const sent = new Set(collector.attempts.flatMap(({ body }) => timesIn(body)));
      assert.deepEqual(
        new Set(accepted.toSorted((a, b) => a - b)),
        new Set([...sent].toSorted((a, b) => a - b)),
      );
      for (const reason of ["age", "bytes", "rejected"]) {
        assert.equal(await dropped(agent, reason), 0, reason);
      }
    });
  }
});

describe("a node that was slewed 4 s away after it agreed with the collector", () => {
  test("keeps its own time while it is synchronised", async (t) => {
    const collector = await startCollector(t, accept);
    const agent = await startPushing(t, collector);
    await scrapeInState(agent, "synchronised");
    const aheadMs = await slewedAway(agent, collector);
    assert.ok(aheadMs > 3_000 && aheadMs < 5_500, `${aheadMs} ms`);
  });

  test("has the collector's time while it is not synchronised", async (t) => {
    const configuration = neverSynchronisedConfiguration(await freeUdpPort());
    const unsynchronised = await startChronyd(t, { configuration });
    const collector = await startCollector(t, accept);
    const agent = await startPushing(t, collector, { CHRONY_ADDRESS: unsynchronised.address });
    await scrapeInState(agent, "unsynchronised");
    const aheadMs = await slewedAway(agent, collector);
    assert.ok(Math.abs(aheadMs) < 1_500, `${aheadMs} ms`);
  });
});

test("401 with the text 'no org id' is logged as that, and not as a rejected token", async (t) => {
  const tokenFile = join(await folderOf(t), "token");
  await writeFile(tokenFile, "good");
  const collector = await startCollector(t, (response) => {
    response.writeHead(401, { "content-type": "text/plain" }).end("no org id\n");
  });
  const agent = await startPushing(t, collector, { COLLECTOR_TOKEN_FILE: tokenFile });
  const line = await logged(agent, /answered 401/);
  assert.match(line, /answered 401 \(no org id\): .* check .*OTEL_EXPORTER_OTLP_HEADERS\./);
  assert.doesNotMatch(line, /accept the .*token/);
});

test("308 is logged with its target, which gets no request", async (t) => {
  const elsewhere = await startCollector(t, accept);
  const location = `http://127.0.0.1:${elsewhere.port}/v1/metrics`;
  const collector = await startCollector(t, refuse(308, "", { location }));
  const agent = await startPushing(t, collector);
  const line = await logged(agent, /answered 308/);
  assert.ok(line.includes(`a redirect to ${location}. The agent does not follow redirects`), line);
  await untilAttempts(agent, collector, 2);
  assert.deepEqual([elsewhere.attempts, elsewhere.questions], [[], []]);
});

describe("a proxy in the environment", () => {
  for (const name of ["HTTP_PROXY", "https_proxy", "ALL_PROXY"]) {
    test(`(${name}) is not used, which is logged without the address`, async (t) => {
      const collector = await startCollector(t, accept);
      const proxy = await startCollector(t, accept);
      const agent = await startPushing(t, collector, {
        [name]: `http://user:password@127.0.0.1:${proxy.port}`,
      });
      const line = await logged(agent, /proxy/i);
      assert.equal(
        line,
        `${name} is set but not used: the agent pushes to the collector without a proxy.`,
      );
      await untilAttempts(agent, collector, 2);
      assert.deepEqual([proxy.attempts, proxy.questions], [[], []]);
      assert.doesNotMatch(agent.process.output(), /password/);
    });
  }

  test("that is empty is not mentioned", async (t) => {
    const collector = await startCollector(t, accept);
    const agent = await startPushing(t, collector, { HTTP_PROXY: "" });
    await untilAttempts(agent, collector, 2);
    assert.doesNotMatch(agent.process.output(), /proxy/i);
  });
});

/** Slews both clocks of the node. Returns how far ahead its points are then. */
async function slewedAway(agent: Agent, collector: FakeCollector): Promise<number> {
  await untilAttempts(agent, collector, 3);
  for (let time = 0; time < 40; time += 1) {
    await agent.letPass(100);
    await untilAttempts(agent, collector, 1);
  }
  await untilAttempts(agent, collector, 5);
  const { body } = collector.attempts.at(-1) ?? {};
  const nowMs = Date.now();
  return (body === undefined ? [] : timesIn(body)).reduce(
    (_, timeMs) => timeMs - nowMs,
    Number.NaN,
  );
}
