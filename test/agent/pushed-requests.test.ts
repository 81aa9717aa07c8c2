// The content and the times of the agent's requests: a real chronyd and real agents; a fake collector
// (test/push/fake-collector.ts) keeps the bodies.

import assert from "node:assert/strict";
import { before, describe, type TestContext, test } from "node:test";
import { METRICS } from "../../src/metrics/catalogue.ts";
import { type Agent, startAgent } from "../parts/agent.ts";
import { type Chronyd, startChronyd } from "../parts/chronyd.ts";
import { localReferenceConfiguration } from "../parts/chronyd-configuration.ts";
import { suiteScope } from "../parts/suite-scope.ts";
import { waitFor } from "../parts/wait-for.ts";
import { accept, FakeCollector, refuse } from "../push/fake-collector.ts";

type Point = {
  readonly startTimeUnixNano: string;
  readonly timeUnixNano: string;
  readonly flags?: number;
};

/** A metric of OTLP's JSON (opentelemetry/proto/metrics/v1/metrics.proto). */
type Metric = {
  readonly name: string;
  readonly unit?: string;
  readonly gauge?: { readonly dataPoints: readonly Point[] };
  readonly sum?: {
    readonly dataPoints: readonly Point[];
    readonly aggregationTemporality: number;
    readonly isMonotonic: boolean;
  };
};

const CUMULATIVE = 2;

/** The metrics of the catalogue in all requests so far, without the empty requests that ask for the collector's time. */
function metricsIn({ attempts }: FakeCollector): Metric[] {
  const names = new Set(METRICS.map(({ name }) => name));
  return attempts.flatMap(({ body }) => {
    const request: {
      resourceMetrics?: readonly { scopeMetrics: readonly { metrics: readonly Metric[] }[] }[];
    } = JSON.parse(body.toString());
    return (request.resourceMetrics ?? [])
      .flatMap(({ scopeMetrics }) => scopeMetrics.flatMap(({ metrics }) => metrics))
      .filter(({ name }) => names.has(name));
  });
}

function pointsOf({ gauge, sum }: Metric): readonly Point[] {
  return gauge?.dataPoints ?? sum?.dataPoints ?? [];
}

/** The times of the collections so far, in milliseconds since 1970, oldest first. */
function collectionTimesMs(collector: FakeCollector): number[] {
  const times = metricsIn(collector)
    .filter(({ name }) => name === "chrony_up")
    .flatMap(pointsOf)
    .map(({ timeUnixNano }) => Number(timeUnixNano) / 1e6);
  return [...new Set(times)].toSorted((a, b) => a - b);
}

/** Waits for this many collections. */
async function untilCollections(collector: FakeCollector, count: number): Promise<void> {
  await waitFor(`${count} collections`, () => collectionTimesMs(collector).length >= count);
}

async function startCollector(
  t: TestContext,
  ...answers: Parameters<typeof FakeCollector.start>
): Promise<FakeCollector> {
  const collector = await FakeCollector.start(...answers);
  t.after(() => collector.stop());
  return collector;
}

describe("the requests of an agent", { concurrency: true }, () => {
  const scope = suiteScope();
  let chronyd: Chronyd;

  before(async () => {
    chronyd = await startChronyd(scope, { configuration: localReferenceConfiguration() });
    await chronyd.waitUntilAnswering();
  });

  /** Starts an agent that pushes to a collector and polls chronyd ten times a second. */
  function startPushing(
    t: TestContext,
    collector: FakeCollector,
    { node = "aks-pool-1", intervalMs = 500 } = {},
  ): Promise<Agent> {
    return startAgent(t, {
      environment: {
        CHRONY_ADDRESS: chronyd.address,
        CHRONY_METRICS: "tracking,sources,sourcestats,ntpdata,serverstats,activity",
        SLEEP_INTERVAL: "0.1",
        OTEL_METRICS_EXPORTER: "otlp",
        OTEL_METRIC_EXPORT_INTERVAL: String(intervalMs),
        OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${collector.port}`,
        OTEL_RESOURCE_ATTRIBUTES: `k8s.node.name=${node}`,
      },
    });
  }

  test("have each counter as a monotonic cumulative sum, and each gauge as a gauge", async (t) => {
    const collector = await startCollector(t, accept);
    await startPushing(t, collector);
    await untilCollections(collector, 3);
    const kinds = new Map(METRICS.map(({ name, kind }) => [name, kind]));
    const seen = new Set<string>();
    for (const metric of metricsIn(collector)) {
      const { name, gauge, sum, unit } = metric;
      seen.add(name);
      assert.equal(unit ?? "", "", `${name}: a collector appends a unit to the name`);
      if (kinds.get(name) === "counter") {
        assert.equal(gauge, undefined, name);
        assert.equal(sum?.isMonotonic, true, name);
        assert.equal(sum.aggregationTemporality, CUMULATIVE, name);
      } else {
        assert.equal(sum, undefined, name);
        assert.ok(gauge !== undefined, name);
      }
    }
    for (const name of ["chrony_up", "chrony_clock_steps_total", "chrony_tracker_exports_total"]) {
      assert.ok(seen.has(name), name);
    }
  });

  test("have the start time of the counters: the agent's start", async (t) => {
    // The start times are of the wall clock, which the machine may be slewing.
    const toleranceMs = 100;
    let endMs = 0;
    for (let start = 1; start <= 2; start += 1) {
      const collector = await startCollector(t, accept);
      const earliestMs = Math.max(Date.now(), endMs) - toleranceMs;
      const agent = await startPushing(t, collector);
      await untilCollections(collector, 3);
      await agent.stop();
      const [firstMs = 0] = collectionTimesMs(collector);
      endMs = Date.now();
      const counters = metricsIn(collector).filter(({ sum }) => sum !== undefined);
      assert.ok(counters.length > 0);
      for (const { startTimeUnixNano } of counters.flatMap(pointsOf)) {
        const beganMs = Number(startTimeUnixNano) / 1e6;
        assert.ok(
          beganMs >= earliestMs && beganMs <= firstMs + toleranceMs,
          `began at ${beganMs}, started after ${earliestMs}, first collection at ${firstMs}`,
        );
      }
    }
  });

  test("come at the node's own phase: agents that start together do not push together", async (t) => {
    const intervalMs = 4_000;
    const phasesMs = await Promise.all(
      Array.from({ length: 5 }, async (_, index) => {
        const collector = await startCollector(t, accept);
        await startPushing(t, collector, { node: `aks-pool-${index + 1}`, intervalMs });
        await untilCollections(collector, 2);
        const [first = 0, second = 0] = collectionTimesMs(collector);
        return second - first;
      }),
    );
    const spreadMs = Math.max(...phasesMs) - Math.min(...phasesMs);
    assert.ok(spreadMs > intervalMs / 4, `second collections after ${phasesMs.join(", ")} ms`);
  });

  test("come after a random delay if one has failed, so that agents do not return together", async (t) => {
    const intervalMs = 3_000;
    const arrivalsMs: number[] = [];
    // A failure that is not retried before the next interval.
    const collector = await startCollector(t, accept, (response) => {
      arrivalsMs.push(performance.now());
      refuse(401)(response);
    });
    await startPushing(t, collector, { intervalMs });
    // The delay is up to a tenth of the interval (300 ms). Without it, only the wait for the next poll of
    // chronyd varies (100 ms). With it, 30 requests in a row vary no more than that in one case of 10⁷.
    await waitFor(
      "requests that do not come at one distance from each other",
      () => {
        const [first = 0] = arrivalsMs;
        const beyondMs = arrivalsMs.map(
          (arrivalMs, index) => arrivalMs - first - index * intervalMs,
        );
        return Math.max(...beyondMs) - Math.min(...beyondMs) > 150;
      },
      90_000,
    );
  });
});
