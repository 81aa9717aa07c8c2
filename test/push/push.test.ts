// How collections are sent (src/push/push.ts): a real chronyd, and real agents in this process. A fake collector
// (fake-collector.ts) keeps the requests and answers as the case requires.

import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { before, describe, mock, type TestContext, test } from "node:test";
import { Agent } from "../../src/agent.ts";
import { createLog } from "../../src/log.ts";
import { CLOCK_METRICS } from "../../src/metrics/clock.ts";
import { phaseOf } from "../../src/push/push.ts";
import { readSettings } from "../../src/settings.ts";
import { startChronyd } from "../parts/chronyd.ts";
import { localReferenceConfiguration } from "../parts/chronyd-configuration.ts";
import { parseExposition, seriesValue } from "../parts/exposition.ts";
import { startFollower } from "../parts/follower.ts";
import { freePort, freeUdpPort } from "../parts/free-port.ts";
import { suiteScope } from "../parts/suite-scope.ts";
import { waitFor } from "../parts/wait-for.ts";
import {
  type Answer,
  type Attempt,
  accept,
  FakeCollector,
  keepSilent,
  refuse,
} from "./fake-collector.ts";

const HOUR_MS = 3_600_000;

/** Names of nodes, by their phase of the interval. */
const AT_ONCE = "aks-pool-19"; // 0.016
const EARLY = "aks-pool-13"; // 0.096
const LATER_THAN_MOST = "aks-pool-39"; // 0.908
const LATE = "aks-pool-22"; // 0.985

const scope = suiteScope();
/** Addresses over UDP, because a chronyd that is not root's gives root no answer over its socket. */
let local: string;
let synchronised: string;

before(async () => {
  // A wait at random is as long as it can be.
  mock.method(Math, "random", () => 0.99);
  const [portOfLocal, portOfFollower] = [await freeUdpPort(), await freeUdpPort()];
  await startFollower(scope, { commandPort: portOfFollower });
  const chronyd = await startChronyd(scope, {
    configuration: localReferenceConfiguration(),
    commandPort: portOfLocal,
  });
  await chronyd.waitUntilAnswering();
  local = `udp://127.0.0.1:${portOfLocal}`;
  synchronised = `udp://127.0.0.1:${portOfFollower}`;
});

type Pushing = {
  readonly collector: FakeCollector;
  /** What the agent logged. */
  readonly messages: () => string[];
  /** A value that it serves. */
  readonly value: (name: string, labels: Readonly<Record<string, string>>) => Promise<number>;
  readonly status: () => Promise<{ push: { accepted: number; failed: number; failure: string } }>;
  readonly stop: () => Promise<void>;
};

/** Starts an agent that polls chronyd ten times a second. */
async function startPushing(
  t: TestContext,
  answer: Answer,
  {
    node = AT_ONCE,
    answerQuestion = accept,
    ...settings
  }: {
    readonly node?: string;
    readonly answerQuestion?: Answer;
  } & Readonly<Record<`${Uppercase<string>}_${Uppercase<string>}`, string>> = {},
): Promise<Pushing> {
  const collector = await FakeCollector.start(answer);
  collector.answerQuestion = answerQuestion;
  const port = await freePort();
  const read = readSettings({
    CHRONY_ADDRESS: local,
    SLEEP_INTERVAL: "0.1",
    OTEL_METRICS_EXPORTER: "otlp,prometheus",
    OTEL_METRIC_EXPORT_INTERVAL: "60000",
    OTEL_EXPORTER_PROMETHEUS_HOST: "127.0.0.1",
    OTEL_EXPORTER_PROMETHEUS_PORT: String(port),
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${collector.port}`,
    OTEL_RESOURCE_ATTRIBUTES: `k8s.node.name=${node}`,
    ...settings,
  });
  assert.ok(read.ok, JSON.stringify(read));
  let lines = "";
  const output = {
    write(text: string) {
      lines += text;
    },
  };
  const agent = new Agent(read.value, createLog("info", output));
  await agent.start();
  let stopped: Promise<void> | undefined;
  const stop = () => {
    stopped ??= agent.stop();
    return stopped;
  };
  t.after(async () => {
    await stop();
    await collector.stop();
  });
  const get = (path: string) => fetch(`http://127.0.0.1:${port}${path}`);
  return {
    collector,
    stop,
    messages: () =>
      lines
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => String(JSON.parse(line).message)),
    value: async (name, labels) =>
      seriesValue(parseExposition(await (await get("/metrics")).text()), name, labels) ??
      Number.NaN,
    status: async () => (await get("/status")).json() as ReturnType<Pushing["status"]>,
  };
}

type Point = { readonly timeUnixNano: string; readonly flags?: number };
type Metric = {
  readonly name: string;
  readonly unit?: string;
  readonly gauge?: { readonly dataPoints: readonly Point[] };
  readonly sum?: { readonly dataPoints: readonly Point[] };
};

function metricsIn({ body }: Attempt): readonly Metric[] {
  return JSON.parse(body.toString()).resourceMetrics[0].scopeMetrics[0].metrics;
}

/** The times of the collections in requests, in milliseconds since 1970. */
function timesIn(...attempts: readonly Attempt[]): number[] {
  return attempts
    .flatMap((attempt) => metricsIn(attempt))
    .flatMap(({ name, gauge }) => (name === "chrony_up" ? (gauge?.dataPoints ?? []) : []))
    .map(({ timeUnixNano }) => Number(timeUnixNano) / 1e6);
}

async function untilAttempts({ collector }: Pushing, count: number): Promise<readonly Attempt[]> {
  await waitFor(`${count} attempts`, () => collector.attempts.length >= count, 20_000);
  return collector.attempts;
}

/** How often the agent has asked chronyd. */
function readingsOf({ value }: Pushing): Promise<number> {
  return value("chrony_tracker_readings_total", { result: "success" });
}

function untilLogged({ messages }: Pushing, pattern: RegExp): Promise<string> {
  return waitFor(`a line like ${String(pattern)}`, () =>
    messages().find((message) => pattern.test(message)),
  );
}

/** Accepts, with a date so far from the node's. */
function acceptAt(aheadMs: () => number): Answer {
  return (response) => {
    response.setHeader("date", new Date(Date.now() + aheadMs()).toUTCString());
    accept(response);
  };
}

const tooLargeAfterAWhile: Answer = (response) => {
  setTimeout(() => refuse(413)(response), 200);
};

function isClocks(name: string): boolean {
  return CLOCK_METRICS.some((metric) => metric.name === name);
}

function timers(): number {
  return process.getActiveResourcesInfo().filter((resource) => resource === "Timeout").length;
}

/** Answers nothing until it is released, and then everything in one way. */
function held(): { readonly answer: Answer; readonly release: (answer: Answer) => void } {
  const responses: ServerResponse[] = [];
  let now: Answer | undefined;
  return {
    answer: (response) => {
      if (now === undefined) {
        responses.push(response);
      } else {
        now(response);
      }
    },
    release: (answer) => {
      now = answer;
      for (const response of responses) {
        answer(response);
      }
    },
  };
}

test("a node's phase of the interval is the same at every start, in every version", () => {
  assert.equal(phaseOf("aks-pool-1"), 0.8916278588585556);
  assert.equal(phaseOf("aks-pool-19"), 0.0158455076161772);
});

describe("an agent that pushes", { concurrency: true }, () => {
  describe("collections", () => {
    test("are sent at once, then at the node's own phase of the interval", async (t) => {
      const pushing = await startPushing(t, accept, { node: EARLY });
      const [first = 0, second = 0] = timesIn(...(await untilAttempts(pushing, 2)));
      // 6 s of 60, less what a busy machine takes for the first.
      assert.ok(second - first > 2_000, `${second - first} ms`);
      assert.ok(second - first < 30_000, `${second - first} ms`);
    });

    test("are sent once an interval, however late that phase is", async (t) => {
      const pushing = await startPushing(t, accept, {
        node: LATE,
        OTEL_METRIC_EXPORT_INTERVAL: "4000",
      });
      const [first = 0, second = 0] = timesIn(...(await untilAttempts(pushing, 2)));
      assert.ok(second - first > 2_000, `${second - first} ms`);
    });

    test("have the time of sending, and are sent to the path of metrics", async (t) => {
      const earliestMs = Date.now();
      const pushing = await startPushing(t, accept);
      const [attempt] = await untilAttempts(pushing, 1);
      const sentMs = Number(attempt?.headers["x-chrony-tracker-sent-us"]) / 1_000;
      assert.ok(sentMs >= earliestMs && sentMs <= Date.now(), `${sentMs}`);
      assert.equal(attempt?.path, "/v1/metrics");
    });

    test("end, in the first, all series that an agent before may have pushed and this one has not", async (t) => {
      const pushing = await startPushing(t, accept, { CHRONY_ADDRESS: synchronised });
      const [first] = await untilAttempts(pushing, 1);
      assert.ok(first !== undefined);
      const ends = metricsIn(first).filter(({ gauge, sum }) =>
        (gauge ?? sum)?.dataPoints.some(({ flags }) => flags === 1),
      );
      assert.ok(ends.every(({ unit = "" }) => unit === ""));
      const names = ends.map(({ name }) => name);
      assert.ok(
        names.includes("chrony_tracker_last_export_success_timestamp_seconds"),
        names.join(),
      );
      assert.ok(!names.includes("chrony_up"));
      assert.ok(!names.includes("chrony_sync_state"), "only series without labels");
    });

    test("carry a reading that none before had, however seldom chronyd is asked", async (t) => {
      const pushing = await startPushing(t, accept, {
        node: LATER_THAN_MOST,
        SLEEP_INTERVAL: "8",
        OTEL_METRIC_EXPORT_INTERVAL: "8000",
      });
      const [, second] = await untilAttempts(pushing, 2);
      assert.ok(second !== undefined);
      const sentMs = Number(second.headers["x-chrony-tracker-sent-us"]) / 1_000;
      const [time = 0] = timesIn(second);
      // Without the poll that is waited for, it would be seven seconds.
      assert.ok(sentMs - time < 5_000, `${sentMs - time} ms old`);
    });
  });

  describe("the collector's date", () => {
    test("is requested twice before the first push if it is far from the node's, and used for correction", async (t) => {
      const answer = acceptAt(() => HOUR_MS);
      const pushing = await startPushing(t, answer, { answerQuestion: answer });
      const [time = 0] = timesIn(...(await untilAttempts(pushing, 1)));
      assert.equal(pushing.collector.questions.length, 2);
      const aheadMs = time - Date.now();
      assert.ok(aheadMs > HOUR_MS - 20_000 && aheadMs < HOUR_MS + 2_000, `${aheadMs} ms`);
    });

    test("is requested once if the collector rejects the request, and does not count then", async (t) => {
      const date = new Date(Date.now() + HOUR_MS).toUTCString();
      const pushing = await startPushing(t, accept, {
        answerQuestion: refuse(400, "no points", { date }),
      });
      const times = timesIn(...(await untilAttempts(pushing, 2)));
      assert.equal(pushing.collector.questions.length, 1);
      assert.ok(times.every((time) => time <= Date.now()));
    });

    test("is awaited if the collector is away: no point is sent, which counts as a failure", async (t) => {
      const pushing = await startPushing(t, accept, {
        OTEL_METRIC_EXPORT_INTERVAL: "3000",
        answerQuestion: refuse(503, "away"),
      });
      const line = await untilLogged(pushing, /answered 503/);
      assert.match(line, /\(away\).* points wait\.$/);
      await waitFor("two questions", () => pushing.collector.questions.length >= 2);
      assert.equal(pushing.collector.attempts.length, 0);
      assert.ok((await pushing.status()).push.failed >= 1);
      pushing.collector.answerQuestion = accept;
      const times = timesIn(...(await untilAttempts(pushing, 1)));
      assert.ok(times.length >= 2, "with all that waited");
    });

    for (const [state, chronyd, isMoved] of [
      ["synchronised", () => synchronised, false],
      ["local", () => local, true],
    ] as const) {
      test(`4 s ahead ${isMoved ? "moves" : "does not move"} the points of a clock that is ${state}`, async (t) => {
        const answer = acceptAt(() => 4_500);
        const pushing = await startPushing(t, answer, {
          CHRONY_ADDRESS: chronyd(),
          answerQuestion: refuse(503),
          OTEL_METRIC_EXPORT_INTERVAL: "2000",
        });
        await waitFor(`the state ${state}`, async () => {
          return (await pushing.value("chrony_sync_state", { state })) === 1;
        });
        pushing.collector.answerQuestion = answer;
        const attempts = await untilAttempts(pushing, 2);
        const sentMs = Number(attempts[1]?.headers["x-chrony-tracker-sent-us"]) / 1_000;
        const [time = 0] = timesIn(...attempts.slice(1));
        assert.equal(time > sentMs, isMoved, `${time} of ${sentMs}`);
      });
    }
  });
});

describe("an agent whose pushes take long, fail or end", { concurrency: true }, () => {
  describe("rounds", () => {
    test("do not overlap; what is collected meanwhile is sent with the next request", async (t) => {
      const { answer, release } = held();
      const pushing = await startPushing(t, answer, { OTEL_METRIC_EXPORT_INTERVAL: "10000" });
      const [first] = await untilAttempts(pushing, 1);
      assert.ok(first !== undefined);
      const points = metricsIn(first).flatMap(({ gauge, sum }) => (gauge ?? sum)?.dataPoints ?? []);
      await waitFor("another collection to wait", async () => {
        const waiting = await pushing.value("chrony_tracker_backlog_points", {});
        return waiting > 1.5 * points.length;
      });
      assert.equal(pushing.collector.attempts.length, 1);
      release(accept);
      const [, second] = await untilAttempts(pushing, 2);
      assert.ok(second !== undefined);
      const [firstTime = Number.NaN] = timesIn(first);
      assert.ok(timesIn(second).length === 1 && timesIn(second).every((time) => time > firstTime));
    });

    test("begin no request when the time of a push is over", async (t) => {
      const pushing = await startPushing(t, tooLargeAfterAWhile, {
        node: LATE,
        OTEL_METRIC_EXPORT_TIMEOUT: "500",
      });
      await untilAttempts(pushing, 1);
      const before = await readingsOf(pushing);
      await waitFor(
        "two seconds of readings",
        async () => (await readingsOf(pushing)) > before + 20,
      );
      const { length } = pushing.collector.attempts;
      assert.ok(length >= 1 && length <= 3, `${length} requests`);
    });

    test("begin after a random delay if the one before failed, and only then", async (t) => {
      const pushing = await startPushing(t, refuse(401), {
        node: EARLY,
      });
      const waitsMs = (await untilAttempts(pushing, 2)).map(
        (attempt) =>
          Number(attempt.headers["x-chrony-tracker-sent-us"]) / 1_000 -
          Math.max(...timesIn(attempt)),
      );
      const [firstMs = Number.NaN, secondMs = Number.NaN] = waitsMs;
      assert.ok(firstMs < 4_000, `the first after ${firstMs} ms`);
      // A tenth of the interval.
      assert.ok(secondMs > 5_900 && secondMs < 30_000, `the second after ${secondMs} ms`);
    });

    test("have only the clock's series when the newest collection was rejected three times", async (t) => {
      const pushing = await startPushing(
        t,
        (response) => {
          const attempt = pushing.collector.attempts.at(-1);
          const names = attempt === undefined ? [] : metricsIn(attempt).map(({ name }) => name);
          (names.every(isClocks) ? accept : refuse(400, "out of bounds"))(response);
        },
        { OTEL_METRIC_EXPORT_INTERVAL: "500" },
      );
      await waitFor("an accepted push", async () => (await pushing.status()).push.accepted >= 2);
      const names = pushing.collector.attempts.map((one) => metricsIn(one).map(({ name }) => name));
      assert.ok(
        names.slice(0, 3).every((some) => !some.every(isClocks)),
        "three times whole",
      );
      assert.ok(names.slice(3).some((some) => some.every(isClocks) && some.includes("chrony_up")));
    });
  });

  test("that points are dropped is logged with the next collection", async (t) => {
    const partialSuccess = { rejectedDataPoints: 3, errorMessage: "no such tenant" };
    const pushing = await startPushing(t, (response) => {
      response.end(JSON.stringify({ partialSuccess }));
    });
    const line = await untilLogged(pushing, /Points are dropped/);
    assert.match(line, /because they are rejected\. The backend answered: no such tenant$/);
  });

  describe("the end", () => {
    test("before the first poll sends nothing", async (t) => {
      const pushing = await startPushing(t, accept);
      await pushing.stop();
      assert.equal(pushing.collector.attempts.length, 0);
    });

    test("sends nothing if everything is accepted and no poll is newer", async (t) => {
      const pushing = await startPushing(t, accept, { SLEEP_INTERVAL: "60" });
      await untilAttempts(pushing, 1);
      await pushing.stop();
      assert.equal(pushing.collector.attempts.length, 1);
    });

    test("sends the backlog and a newer collection", async (t) => {
      let answer = refuse(503, "away");
      const pushing = await startPushing(t, (response) => answer(response), { node: LATE });
      await untilLogged(pushing, /answered 503/);
      await waitFor("a second reading", async () => (await readingsOf(pushing)) >= 2);
      answer = accept;
      await pushing.stop();
      const [first, last, ...others] = pushing.collector.attempts;
      assert.ok(first !== undefined && last !== undefined && others.length === 0);
      assert.equal(timesIn(last)[0], timesIn(first)[0]);
      assert.equal(timesIn(last).length, 2);
    });

    test("does not wait for an answer that does not come, and leaves time for the last push", async (t) => {
      const { answer, release } = held();
      const pushing = await startPushing(t, answer, { SLEEP_INTERVAL: "60" });
      const [first] = await untilAttempts(pushing, 1);
      release(keepSilent);
      const beganMs = performance.now();
      await pushing.stop();
      assert.ok(performance.now() - beganMs < 15_000, "not so long as a push may take");
      const [, last, ...others] = pushing.collector.attempts;
      assert.ok(first !== undefined && last !== undefined && others.length === 0);
      assert.deepEqual(timesIn(last), timesIn(first));
    });

    test("ends the wait after a push that failed, and makes one push, not two", async (t) => {
      const pushing = await startPushing(t, refuse(401, "no"), {
        OTEL_METRIC_EXPORT_INTERVAL: "100000",
      });
      await untilLogged(pushing, /answered 401/);
      const points = await pushing.value("chrony_tracker_backlog_points", {});
      await waitFor("the next collection to wait", async () => {
        return (await pushing.value("chrony_tracker_backlog_points", {})) > 1.5 * points;
      });
      assert.equal(pushing.collector.attempts.length, 1);
      await pushing.stop();
      assert.equal(pushing.collector.attempts.length, 2);
    });
  });
});

test("an agent that ended leaves no timer, which would keep its process", async (t) => {
  const before = timers();
  const pushing = await startPushing(t, accept);
  await untilAttempts(pushing, 1);
  await pushing.stop();
  assert.ok(timers() <= before, process.getActiveResourcesInfo().join());
});
