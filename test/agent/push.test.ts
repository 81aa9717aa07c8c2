// How the agent pushes its backlog: a real chronyd and the agent; a fake collector
// (test/push/fake-collector.ts) keeps the requests and answers as the case requires.

import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { before, describe, type TestContext, test } from "node:test";
import { type Agent, startAgent } from "../parts/agent.ts";
import type { Chronyd } from "../parts/chronyd.ts";
import { startFollower } from "../parts/follower.ts";
import { folderOf } from "../parts/scratch-folder.ts";
import { suiteScope } from "../parts/suite-scope.ts";
import { waitFor } from "../parts/wait-for.ts";
import {
  type Answer,
  type Attempt,
  accept,
  FakeCollector,
  keepSilent,
  refuse,
} from "../push/fake-collector.ts";
import { scrape } from "./scrape.ts";

const scope = suiteScope();
let chronyd: Chronyd;

before(async () => {
  chronyd = await startFollower(scope);
});

/** Starts both. The settings have the agent's intervals. */
async function startPair(
  t: TestContext,
  settings: Readonly<Record<string, string>>,
  ...answers: readonly [...Answer[], Answer]
): Promise<{ readonly agent: Agent; readonly collector: FakeCollector }> {
  const collector = await FakeCollector.start(...answers);
  t.after(() => collector.stop());
  const agent = await startAgent(t, {
    environment: {
      CHRONY_ADDRESS: chronyd.address,
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${collector.port}`,
      OTEL_RESOURCE_ATTRIBUTES: "k8s.node.name=aks-pool-1",
      ...settings,
    },
  });
  return { agent, collector };
}

const late: Answer = (response) => {
  setTimeout(() => accept(response), 1_000);
};

const OFTEN = { SLEEP_INTERVAL: "0.1", OTEL_METRIC_EXPORT_INTERVAL: "300" };

type Point = {
  readonly timeUnixNano: string;
  readonly asDouble?: number;
  readonly flags?: number;
};
type Metric = {
  readonly name: string;
  readonly gauge?: { readonly dataPoints: readonly Point[] };
  readonly sum?: { readonly dataPoints: readonly Point[] };
};

function metricsIn({ body }: Attempt): readonly Metric[] {
  const { resourceMetrics }: { resourceMetrics: [{ scopeMetrics: [{ metrics: Metric[] }] }] } =
    JSON.parse(body.toString());
  return resourceMetrics[0].scopeMetrics[0].metrics;
}

/** The times of a gauge's points in a request, in the request's order. */
function timesIn(attempt: Attempt, name = "chrony_up"): string[] {
  const points = metricsIn(attempt).find((metric) => metric.name === name)?.gauge?.dataPoints;
  return (points ?? []).map(({ timeUnixNano }) => timeUnixNano);
}

/** The names of the series that end in a request. */
function endsIn(attempt: Attempt): string[] {
  const ends = metricsIn(attempt).filter(({ gauge, sum }) =>
    (gauge ?? sum)?.dataPoints.some(({ flags }) => flags === 1),
  );
  return ends.map(({ name }) => name);
}

function untilAttempts(collector: FakeCollector, count: number): Promise<boolean> {
  return waitFor(`${count} attempts`, () => collector.attempts.length >= count);
}

describe("a collection", () => {
  test("has a poll that no earlier one had, also right after the first push", async (t) => {
    const seldom = { SLEEP_INTERVAL: "1", OTEL_METRIC_EXPORT_INTERVAL: "1000" };
    const { collector } = await startPair(t, seldom, accept);
    await untilAttempts(collector, 4);
    const times = collector.attempts.flatMap((attempt) => timesIn(attempt));
    assert.ok(times.length >= 4);
    assert.deepEqual(times, [...new Set(times)].toSorted());
  });

  test("is made during a push, and is sent with the next one, without duplicates", async (t) => {
    const { collector } = await startPair(
      t,
      { ...OFTEN, OTEL_METRIC_EXPORT_INTERVAL: "500" },
      refuse(401),
      keepSilent,
      keepSilent,
      accept,
    );
    const times = () => collector.attempts.slice(3).flatMap((attempt) => timesIn(attempt));
    await waitFor("four collections to be taken", () => times().length >= 4, 20_000);
    const [first] = collector.attempts;
    assert.ok(first !== undefined);
    assert.equal(times()[0], timesIn(first)[0], "what was not accepted goes again");
    assert.deepEqual(times(), [...new Set(times())].toSorted());
  });
});

describe("a request", () => {
  test("is not sent during another one", async (t) => {
    let open = 0;
    let most = 0;
    const watched: Answer = (response) => {
      open += 1;
      most = Math.max(most, open);
      response.once("close", () => {
        open -= 1;
      });
    };
    const { collector } = await startPair(t, OFTEN, watched);
    await untilAttempts(collector, 6);
    assert.equal(most, 1);
  });

  test("that was accepted is not sent again, even if the answer is late", async (t) => {
    const often = { ...OFTEN, OTEL_METRIC_EXPORT_INTERVAL: "1500" };
    const { collector } = await startPair(t, often, late);
    await untilAttempts(collector, 3);
    const times = collector.attempts.flatMap((attempt) => timesIn(attempt));
    assert.deepEqual(times, [...new Set(times)].toSorted());
  });

  test("whose token was rejected is retried with the current token", async (t) => {
    const tokenFile = join(await folderOf(t), "token");
    await writeFile(tokenFile, "old");
    const { collector } = await startPair(
      t,
      { ...OFTEN, COLLECTOR_TOKEN_FILE: tokenFile },
      refuse(401),
      refuse(401),
      (response) => {
        void writeFile(tokenFile, "new").then(() => refuse(401)(response));
      },
      accept,
    );
    await untilAttempts(collector, 5);
    const [first, second, , probe, rest] = collector.attempts;
    assert.ok(first !== undefined && second !== undefined);
    assert.ok(probe !== undefined && rest !== undefined);
    assert.equal(probe.headers.authorization, "Bearer new");
    assert.deepEqual(timesIn(probe), timesIn(first), "after three answers the oldest goes alone");
    assert.equal(timesIn(rest)[0], timesIn(second)[1], "then all others");
    assert.ok(timesIn(rest).length >= 3);
  });
});

describe("on SIGTERM", () => {
  for (const [how, answer] of [
    ["is refused", refuse(401)],
    ["is to be tried again after a pause", refuse(503, "", { "retry-after": "5" })],
    ["is not answered", keepSilent],
  ] as const) {
    test(`the backlog and a last collection are sent when a push ${how}`, async (t) => {
      let ending = false;
      const { agent, collector } = await startPair(
        t,
        { SLEEP_INTERVAL: "1", OTEL_METRIC_EXPORT_INTERVAL: "600000" },
        (response) => (ending ? accept : answer)(response),
      );
      await untilAttempts(collector, 1);
      await agent.process.waitUntil("a second reading", async () => {
        const { value } = await scrape(agent);
        return (value("chrony_tracker_readings_total", { result: "success" }) ?? 0) >= 2;
      });
      ending = true;
      const before = collector.attempts.length;
      agent.process.signal("SIGTERM");
      assert.deepEqual(await agent.process.exited, { code: 0, signal: null });
      const [first] = collector.attempts;
      const last = collector.attempts.at(-1);
      assert.ok(first !== undefined && last !== undefined && last !== first);
      const times = collector.attempts.slice(before).flatMap((attempt) => timesIn(attempt));
      assert.equal(times[0], timesIn(first)[0]);
      assert.ok(times.length >= 2, "with a newer collection");
      assert.ok(
        endsIn(last).every((name) => endsIn(first).includes(name)),
        "nothing ends with the agent",
      );
    });
  }
});
