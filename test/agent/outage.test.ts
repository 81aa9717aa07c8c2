// What becomes of the readings while the far end is away or refuses: a real chronyd, the agent, the
// real collector with the shipped configuration and a real Prometheus, as it is by default and with an
// out-of-order window. Between these two stands a gate (fake-gate.ts), for what no Prometheus does
// when it is told to. Intervals are compressed: a collection twice a second.

import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { type Agent, startAgent } from "../parts/agent.ts";
import { bringPrograms, progressToStandardError } from "../parts/bring.ts";
import { type Chronyd, startChronyd } from "../parts/chronyd.ts";
import { localReferenceConfiguration } from "../parts/chronyd-configuration.ts";
import { type Collector, startCollector } from "../parts/collector.ts";
import { freePort } from "../parts/free-port.ts";
import { type Prometheus, type Sample, startPrometheus } from "../parts/prometheus.ts";
import { type ScratchFolder, scratchFolder } from "../parts/scratch-folder.ts";
import { type FakeGate, startFakeGate } from "./fake-gate.ts";
import { scrape, scrapeInState } from "./scrape.ts";

const HOUR_MS = 3_600_000;
const NODE = "aks-pool-1";
const WAITING = "chrony_tracker_backlog_points";
const DROPPED = "chrony_tracker_backlog_dropped_points_total";
const FAILED = { result: "failure" };
/** Wide enough to find samples that landed at a wrong time. */
const RANGE_SECONDS = 2 * 3600;

class Path {
  readonly folder: ScratchFolder;
  readonly chronyd: Chronyd;
  readonly gate: FakeGate;
  readonly agent: Agent;
  collector: Collector;
  prometheus: Prometheus;
  readonly restartCollector: () => Promise<void>;
  readonly restartPrometheus: () => Promise<void>;

  private constructor(parts: {
    readonly folder: ScratchFolder;
    readonly chronyd: Chronyd;
    readonly gate: FakeGate;
    readonly agent: Agent;
    readonly collector: Collector;
    readonly prometheus: Prometheus;
    readonly collectorAgain: () => Promise<Collector>;
    readonly prometheusAgain: () => Promise<Prometheus>;
  }) {
    this.folder = parts.folder;
    this.chronyd = parts.chronyd;
    this.gate = parts.gate;
    this.agent = parts.agent;
    this.collector = parts.collector;
    this.prometheus = parts.prometheus;
    this.restartCollector = async () => {
      this.collector = await parts.collectorAgain();
    };
    this.restartPrometheus = async () => {
      this.prometheus = await parts.prometheusAgain();
    };
  }

  static async start(outOfOrderTimeWindow: string): Promise<Path> {
    const programs = await bringPrograms(progressToStandardError);
    const folder = await scratchFolder("ct");
    const chronyd = await startChronyd({
      ...programs,
      folder: join(folder.path, "chronyd"),
      configuration: localReferenceConfiguration(),
    });
    await chronyd.waitUntilAnswering();
    const prometheusPort = await freePort();
    const prometheusAgain = () =>
      startPrometheus({
        prometheus: programs.prometheus,
        folder: join(folder.path, "prometheus"),
        outOfOrderTimeWindow,
        port: prometheusPort,
      });
    const prometheus = await prometheusAgain();
    const gate = await startFakeGate(prometheus.remoteWriteUrl);
    const otlpPort = await freePort();
    const collectorAgain = () =>
      startCollector({
        collector: programs.collector,
        folder: join(folder.path, "collector"),
        remoteWriteUrl: gate.remoteWriteUrl,
        clusterName: "blue",
        environment: { OTLP_LISTEN_ADDRESS: `127.0.0.1:${otlpPort}` },
      });
    const collector = await collectorAgain();
    const agent = await startAgent({
      shiftableClock: true,
      environment: {
        CHRONY_ADDRESS: chronyd.address,
        SLEEP_INTERVAL: "0.1",
        OTEL_METRIC_EXPORT_INTERVAL: "500",
        OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${otlpPort}`,
        OTEL_RESOURCE_ATTRIBUTES: `k8s.node.name=${NODE}`,
      },
    });
    await scrapeInState(agent, "local");
    // The first collection has markers, which do not show in Prometheus.
    await agent.process.waitUntil("two pushes", async () => {
      const { value } = await scrape(agent);
      return (value("chrony_tracker_exports_total", { result: "success" }) ?? 0) >= 2;
    });
    return new Path({
      folder,
      chronyd,
      gate,
      agent,
      collector,
      prometheus,
      collectorAgain,
      prometheusAgain,
    });
  }

  /** The newest value of a metric of the agent itself. */
  async own(name: string, labels: Readonly<Record<string, string>> = {}): Promise<number> {
    return (await scrape(this.agent)).value(name, labels) ?? Number.NaN;
  }

  /** Waits for pushes that fail, from now on. */
  async untilFailed(pushes: number): Promise<void> {
    const before = await this.own("chrony_tracker_exports_total", FAILED);
    await this.agent.process.waitUntil(`${pushes} pushes to fail`, async () => {
      return (await this.own("chrony_tracker_exports_total", FAILED)) >= before + pushes;
    });
  }

  /** Waits until nothing waits, or what is said to be left. */
  async untilPushed(left = 0): Promise<void> {
    await this.agent.process.waitUntil(
      "what waits to be pushed",
      async () => {
        const points = await this.own(WAITING);
        assert.ok(points <= left, `${points} points wait`);
        return true;
      },
      60_000,
    );
  }

  /** Every pushed series that the collector did not make itself, with all its samples. */
  async pushed(): Promise<Map<string, readonly Sample[]>> {
    const nowSeconds = Date.now() / 1000;
    const series = await this.prometheus.series(
      `{instance="${NODE}", __name__!="chrony_collector_offset_seconds"}`,
      nowSeconds - RANGE_SECONDS,
      nowSeconds + RANGE_SECONDS,
    );
    return new Map(
      series.map(({ labels, samples }) => [
        `${labels["__name__"]} ${labels["result"] ?? labels["state"] ?? labels["reason"] ?? ""}`,
        samples,
      ]),
    );
  }

  /**
   * Compares what Prometheus holds with what the agent said that it held back: at its fullest, the
   * backlog had so many points, and so many are now there from that time, each once, in order.
   */
  async assertNothingLost(): Promise<void> {
    for (const reason of ["age", "bytes", "refused"]) {
      assert.equal(await this.own(DROPPED, { reason }), 0, reason);
    }
    const series = await this.pushed();
    const sizes = only(series, WAITING);
    const fullest = sizes.reduce((most, one) => (one.value > most.value ? one : most));
    const begin = sizes.findLast(
      ({ value, timestampSeconds }) => value === 0 && timestampSeconds < fullest.timestampSeconds,
    );
    assert.ok(begin !== undefined && fullest.value > 0, "nothing waited");
    const held = [...series]
      .flatMap(([, samples]) => samples)
      .filter(
        ({ timestampSeconds }) =>
          timestampSeconds >= begin.timestampSeconds && timestampSeconds < fullest.timestampSeconds,
      );
    assert.equal(held.length, fullest.value);
    this.assertReadings(series);
  }

  /** The readings that samples stand for are in order, none twice, and none of them in the future. */
  assertReadings(series: ReadonlyMap<string, readonly Sample[]>): void {
    const readings = only(series, "chrony_tracker_readings_total success");
    for (const [index, { value, timestampSeconds }] of readings.entries()) {
      const before = readings[index - 1];
      assert.ok(before === undefined || value > before.value, `reading ${value} twice`);
      assert.ok(timestampSeconds < Date.now() / 1000 + 1, `${timestampSeconds} is in the future`);
    }
  }

  async stop(): Promise<void> {
    await this.agent.stop();
    await Promise.all(
      [this.chronyd, this.collector, this.gate, this.prometheus].map((part) => part.stop()),
    );
    this.folder.remove();
  }
}

/** The samples of the only series whose name begins like this. */
function only(series: ReadonlyMap<string, readonly Sample[]>, name: string): readonly Sample[] {
  const found = [...series].filter(([key]) => key.startsWith(name));
  assert.equal(found.length, 1, `${found.length} series of ${name}`);
  return found[0]?.[1] ?? [];
}

for (const window of ["0s", "30m"]) {
  describe(`nothing is lost or there twice, in a Prometheus with out_of_order_time_window ${window},`, () => {
    let path: Path;

    before(async () => {
      path = await Path.start(window);
    });
    after(() => path?.stop());

    test("when the collector is killed and comes back", async () => {
      path.collector.process.signal("SIGKILL");
      await path.collector.process.exited;
      await path.untilFailed(6);
      await path.restartCollector();
      await path.untilPushed();
      await path.assertNothingLost();
    });

    test("when Prometheus is killed and comes back", async () => {
      path.prometheus.process.signal("SIGKILL");
      await path.prometheus.process.exited;
      await path.untilFailed(4);
      await path.restartPrometheus();
      await path.untilPushed();
      await path.assertNothingLost();
    });

    for (const stepMs of [HOUR_MS, -5_000]) {
      test(`when the node's clock is stepped by ${stepMs / 1000} s while points wait`, async () => {
        path.collector.process.signal("SIGKILL");
        await path.collector.process.exited;
        await path.untilFailed(4);
        await path.agent.shiftWallClock(stepMs);
        await path.untilFailed(4);
        await path.agent.shiftWallClock(0);
        await path.untilFailed(4);
        await path.restartCollector();
        await path.untilPushed();
        await path.assertNothingLost();
      });
    }
  });
}

describe("a backend that refuses", () => {
  let path: Path;

  before(async () => {
    path = await Path.start("30m");
  });
  after(() => path?.stop());

  test("everything for a while, as without a role: nothing is lost, and what waited arrives", async () => {
    path.gate.refuseEverything(403);
    await path.untilFailed(6);
    path.gate.passEverything();
    await path.untilPushed();
    await path.assertNothingLost();
  });

  test("one series: every other goes on", async () => {
    const poison = "chrony_tracking_skew_ppms";
    const beganSeconds = Date.now() / 1000;
    path.gate.refuseWritesWith(poison);
    await path.agent.process.waitUntil(
      "two of its points to be given up",
      async () => (await path.own(DROPPED, { reason: "refused" })) >= 2,
      60_000,
    );
    path.gate.passEverything();
    await path.untilPushed();
    const series = await path.pushed();
    path.assertReadings(series);
    const sinceThen = (samples: readonly Sample[]) =>
      samples.filter(({ timestampSeconds }) => timestampSeconds > beganSeconds).length;
    const collections = sinceThen(only(series, "chrony_up"));
    const refused = await path.own(DROPPED, { reason: "refused" });
    for (const [name, samples] of series) {
      const expected = name.startsWith(poison) ? collections - refused : collections;
      assert.equal(sinceThen(samples), expected, name);
    }
  });
});
