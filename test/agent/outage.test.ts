// The polls while the backend is away or rejects: a real chronyd, the agent, the real collector with the
// shipped configuration, and a real Prometheus, with its defaults and with an out-of-order window. Between
// collector and Prometheus there is a gate (fake-gate.ts), for answers that a Prometheus cannot be made to
// give. Intervals are compressed: a collection twice a second, or every two seconds where a late answer
// would be a loss.

import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { startChronyd } from "../parts/chronyd.ts";
import { localReferenceConfiguration } from "../parts/chronyd-configuration.ts";
import { startCollector } from "../parts/collector.ts";
import { type FakeGate, startFakeGate } from "../parts/fake-gate.ts";
import { freePort } from "../parts/free-port.ts";
import type { Owner } from "../parts/owner.ts";
import { NODE, type Path, startPath } from "../parts/path.ts";
import { type PrometheusDescription, type Sample, startPrometheus } from "../parts/prometheus.ts";
import { suiteScope } from "../parts/suite-scope.ts";
import { scrape, scrapeInState } from "./scrape.ts";

const HOUR_MS = 3_600_000;
/** How long a collection is rejected alone before it is dropped (src/push/rounds.ts). */
const REJECTED_FOR_MS = 5 * 60_000;
/** BACKLOG_MAX_AGE. */
const OLDEST_MS = 1_140_000;
const WAITING = "chrony_tracker_backlog_points";
const DROPPED = "chrony_tracker_backlog_dropped_points_total";
const FAILED = { result: "failure" };
/** Long enough to find samples with a wrong time. */
const RANGE_SECONDS = 2 * 3600;

/** A path with a gate between the collector and Prometheus. */
type GatedPath = Path & { readonly gate: FakeGate };

type GatedPathOptions = {
  readonly ofPrometheus?: PrometheusDescription;
  /** Between two pushes, each of which has so long for its answer. */
  readonly intervalMs?: number;
};

async function startGatedPath(
  owner: Owner,
  outOfOrderTimeWindow: string,
  { ofPrometheus = {}, intervalMs = 500 }: GatedPathOptions = {},
): Promise<GatedPath> {
  // Because its reports do not change when the test moves the clocks.
  const chronyd = await startChronyd(owner, { configuration: localReferenceConfiguration() });
  const prometheus = await startPrometheus(owner, { ...ofPrometheus, outOfOrderTimeWindow });
  const gate = await startFakeGate(owner, prometheus.remoteWriteUrl);
  const collector = await startCollector(owner, { remoteWriteUrl: gate.remoteWriteUrl });
  const path = await startPath(owner, {
    chronyd,
    prometheus,
    collector,
    settings: { SLEEP_INTERVAL: "0.1", OTEL_METRIC_EXPORT_INTERVAL: String(intervalMs) },
  });
  await scrapeInState(path.agent, "local");
  // The first collection has staleness markers, which PromQL does not show.
  await path.agent.process.waitUntil("two pushes", async () => {
    const { value } = await scrape(path.agent);
    return (value("chrony_tracker_exports_total", { result: "success" }) ?? 0) >= 2;
  });
  return { ...path, gate };
}

/** The newest value of a metric of the agent itself. */
async function own(
  path: Path,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): Promise<number> {
  return (await scrape(path.agent)).value(name, labels) ?? Number.NaN;
}

/** Waits for pushes that fail after now. */
async function untilFailed(path: Path, pushes: number): Promise<void> {
  const before = await own(path, "chrony_tracker_exports_total", FAILED);
  await path.agent.process.waitUntil(`${pushes} pushes to fail`, async () => {
    return (await own(path, "chrony_tracker_exports_total", FAILED)) >= before + pushes;
  });
}

/** Waits until the backlog is empty, or has only `left` points. */
async function untilPushed(path: Path, left = 0): Promise<void> {
  await path.agent.process.waitUntil("what waits to be pushed", async () => {
    const points = await own(path, WAITING);
    assert.ok(points <= left, `${points} points wait`);
    return true;
  });
}

/** All pushed series with their samples, without those that the collector made. */
async function pushed(path: Path): Promise<Map<string, readonly Sample[]>> {
  const nowSeconds = Date.now() / 1000;
  const series = await path.prometheus.series(
    `{instance="${NODE}", __name__!="chrony_collector_offset_seconds"}`,
    nowSeconds - RANGE_SECONDS,
    nowSeconds + RANGE_SECONDS,
  );
  return new Map(
    series.map(({ labels, samples }) => [
      `${labels["__name__"]} ${labels["result"] ?? labels["state"] ?? labels["reason"] ?? ""} ${JSON.stringify(labels)}`,
      samples,
    ]),
  );
}

/**
 * Compares Prometheus with the agent's backlog: as many points as the largest backlog had must now be in
 * Prometheus, each once, in order.
 */
async function assertNothingLost(path: Path): Promise<void> {
  for (const reason of ["age", "bytes", "rejected"]) {
    assert.equal(await own(path, DROPPED, { reason }), 0, reason);
  }
  const series = await pushed(path);
  const sizes = only(series, WAITING);
  const fullest = sizes.reduce((most, one) => (one.value > most.value ? one : most));
  const begin = sizes.findLast(
    ({ value, timestampSeconds }) => value === 0 && timestampSeconds < fullest.timestampSeconds,
  );
  assert.ok(begin !== undefined && fullest.value > 0, "nothing waited");
  const isHeld = ({ timestampSeconds }: Sample) =>
    timestampSeconds >= begin.timestampSeconds && timestampSeconds < fullest.timestampSeconds;
  // Once a minute chronyd's reference time is now. To a clock that is behind it is of the future: a
  // collection then has the end of this series, which Prometheus does not show, in place of its value.
  const others = [...series].filter(([name]) => !name.startsWith("chrony_reference_age_seconds "));
  const held = others.flatMap(([, samples]) => samples).filter(isHeld);
  assert.equal(held.length + sizes.filter(isHeld).length, fullest.value);
  assertReadings(series);
}

/** The polls of these samples are in order, none twice, and none in the future. */
function assertReadings(series: ReadonlyMap<string, readonly Sample[]>): void {
  const readings = only(series, "chrony_tracker_readings_total success");
  for (const [index, { value, timestampSeconds }] of readings.entries()) {
    const before = readings[index - 1];
    assert.ok(before === undefined || value > before.value, `reading ${value} twice`);
    assert.ok(timestampSeconds < Date.now() / 1000 + 1, `${timestampSeconds} is in the future`);
  }
}

/** The samples of the only series whose name begins with this. */
function only(series: ReadonlyMap<string, readonly Sample[]>, name: string): readonly Sample[] {
  const found = [...series].filter(([key]) => key.startsWith(name));
  assert.equal(found.length, 1, `${found.length} series of ${name}`);
  return found[0]?.[1] ?? [];
}

for (const [window, intervalMs] of [
  // Points that arrived, but were not answered in time, are rejected when they are sent again.
  ["0s", 2_000],
  ["30m", 500],
] as const) {
  describe(`no sample is lost or duplicated in a Prometheus with out_of_order_time_window ${window},`, () => {
    const scope = suiteScope();
    let path: GatedPath;

    before(async () => {
      path = await startGatedPath(scope, window, { intervalMs });
    });

    test("when the collector is killed and comes back", async () => {
      await path.collector.process.kill();
      await untilFailed(path, 6);
      await path.collector.restart();
      await untilPushed(path);
      await assertNothingLost(path);
    });

    test("when Prometheus is killed and comes back", async () => {
      await path.prometheus.process.kill();
      await untilFailed(path, 4);
      await path.prometheus.restart();
      await untilPushed(path);
      await assertNothingLost(path);
    });

    for (const stepMs of [HOUR_MS, -5_000]) {
      test(`when the node's clock is stepped by ${stepMs / 1000} s during an outage`, async () => {
        await path.collector.process.kill();
        await untilFailed(path, 4);
        await path.agent.shiftWallClock(stepMs);
        await untilFailed(path, 4);
        await path.agent.shiftWallClock(0);
        await untilFailed(path, 4);
        await path.collector.restart();
        await untilPushed(path);
        await assertNothingLost(path);
      });
    }
  });
}

test("points that the backend no longer accepts after lost answers and an outage do not block new ones", async (t) => {
  const port = await freePort();
  // More than the ten rounds after which the newest collection is tried.
  const windowSeconds = 10;
  // Its own samples go on during the outage, so samples older than the window are rejected afterwards.
  const itself = {
    job_name: "itself",
    scrape_interval: "1s",
    static_configs: [{ targets: [`127.0.0.1:${port}`] }],
  };
  const path = await startGatedPath(t, `${windowSeconds}s`, {
    ofPrometheus: { port, scrapeConfigs: [itself] },
  });
  path.gate.behave("answer lost");
  await untilFailed(path, 4);
  path.gate.behave(503);
  const beganSeconds = Date.now() / 1000;
  await untilFailed(path, 1);
  await path.agent.process.waitUntil("an outage of two windows", () => {
    return Date.now() / 1000 > beganSeconds + 2 * windowSeconds;
  });
  const openedSeconds = Date.now() / 1000;
  path.gate.behave("open");
  const times = async () =>
    only(await pushed(path), "chrony_up ").map(({ timestampSeconds }) => timestampSeconds);
  await path.agent.process.waitUntil("ten new collections", async () => {
    return (await times()).filter((seconds) => seconds > openedSeconds).length >= 10;
  });
  const waiting = await own(path, WAITING);
  assert.ok(waiting > 0, "some can no longer be taken");
  const arrived = await times();
  assert.ok(
    arrived.some((seconds) => seconds > openedSeconds - windowSeconds && seconds < openedSeconds),
    "what was within the window is there",
  );
  assert.ok(!arrived.some((seconds) => seconds > beganSeconds + 1 && seconds < beganSeconds + 3));
  for (const reason of ["age", "bytes", "rejected"]) {
    assert.equal(await own(path, DROPPED, { reason }), 0, reason);
  }
  // Prometheus 2.42 answers 500 to samples that are too old, and the collector 503: the agent keeps them until they expire.
  await path.agent.letMonotonicPass(OLDEST_MS);
  await untilPushed(path);
  assertReadings(await pushed(path));
});

describe("a backend that rejects", () => {
  const scope = suiteScope();
  let path: GatedPath;

  before(async () => {
    path = await startGatedPath(scope, "30m");
  });

  test("everything for a while, as without a role: nothing is lost, and the backlog arrives", async () => {
    path.gate.behave(403);
    await untilFailed(path, 6);
    path.gate.behave("open");
    await untilPushed(path);
    await assertNothingLost(path);
  });

  test("one series: the clock's series go on, and points that are rejected for five minutes are dropped", async () => {
    const rejected = "chrony_tracking_skew_ppms";
    const before = await pushed(path);
    const lastSeconds = only(before, "chrony_up ").at(-1)?.timestampSeconds ?? 0;
    const names = [...before]
      .filter(([, samples]) => samples.at(-1)?.timestampSeconds === lastSeconds)
      .map(([name]) => name);
    const times = async (name: string) =>
      only(await pushed(path), name)
        .map(({ timestampSeconds }) => timestampSeconds)
        .filter((seconds) => seconds > lastSeconds);
    path.gate.behave({ rejectWritesWith: rejected });
    await path.agent.process.waitUntil("the clock's own series to go on alone", async () => {
      const withoutTheOthers = new Set(await times("chrony_up "));
      for (const seconds of await times(rejected)) {
        withoutTheOthers.delete(seconds);
      }
      return withoutTheOthers.size >= 3;
    });
    assert.equal(await own(path, DROPPED, { reason: "rejected" }), 0);
    const waiting = await own(path, WAITING);
    await path.agent.letMonotonicPass(REJECTED_FOR_MS);
    await path.agent.process.waitUntil("what was rejected to be dropped", async () => {
      return (await own(path, DROPPED, { reason: "rejected" })) >= waiting / 2;
    });
    path.gate.behave("open");
    await untilPushed(path);

    const series = await pushed(path);
    assertReadings(series);
    const collected = await times("chrony_up ");
    const dropped = await own(path, DROPPED, { reason: "rejected" });
    let missing = 0;
    for (const name of names) {
      const found = new Set(series.get(name)?.map(({ timestampSeconds }) => timestampSeconds));
      const gaps = collected.filter((seconds) => !found.has(seconds)).length;
      assert.ok(gaps === 0 || !/^chrony_(up|sync_state|clock)/.test(name), `${gaps}: ${name}`);
      missing += gaps;
    }
    assert.ok(missing > 0);
    // Collections were dropped whole before the clock's series were sent alone.
    assert.equal((dropped - missing) % names.length, 0, `${missing} of ${dropped} dropped`);
    for (const reason of ["age", "bytes"]) {
      assert.equal(await own(path, DROPPED, { reason }), 0, reason);
    }
  });
});
