// Receivers of OTLP/HTTP without our configuration: a real collector with only an OTLP receiver and remote write
// (foreign-collector.yaml), and Prometheus' own endpoint, if this version accepts JSON. Real chronyds and agents push.
// Each receiver shows true times, the ends of series, and the metrics' own names.

import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { catalogueOf } from "../../src/metrics/catalogue.ts";
import { UTC_CHECK_METRICS } from "../../src/metrics/utc-check.ts";
import { type Agent, startAgent } from "../parts/agent.ts";
import { startCollector } from "../parts/collector.ts";
import { type Follower, startFollower } from "../parts/follower.ts";
import { otlpOption, type Prometheus, startPrometheus } from "../parts/prometheus.ts";

const CONFIGURATION = fileURLToPath(new URL("foreign-collector.yaml", import.meta.url));
const NODE = "aks-pool-1";
const HOUR_MS = 3_600_000;

/** The labels from the resource, by OpenTelemetry's specification for Prometheus. */
const OF_THE_RESOURCE = "target_info";

/** The metrics that a healthy clock without a step does not have. */
const ABSENT_WHEN_HEALTHY = [
  "chrony_ptp_clock_info",
  "chrony_clock_last_step_seconds",
  // With UTC_CHECK_SERVERS only: test/agent/utc-check.test.ts.
  ...UTC_CHECK_METRICS.map(({ name }) => name),
];

type Receiver = {
  readonly prometheus: Prometheus;
  /** For OTEL_EXPORTER_OTLP_ENDPOINT. */
  readonly endpoint: string;
};

const RECEIVERS: Readonly<Record<string, (t: TestContext) => Promise<Receiver>>> = {
  async "a collector with an OTLP receiver and remote write alone"(t) {
    const prometheus = await startPrometheus(t);
    const { otlpUrl } = await startCollector(t, {
      remoteWriteUrl: prometheus.remoteWriteUrl,
      configurationFiles: [CONFIGURATION],
    });
    return { prometheus, endpoint: otlpUrl };
  },
  async "Prometheus' own endpoint"(t) {
    const prometheus = await startPrometheus(t, { takesOtlp: true });
    return { prometheus, endpoint: `${prometheus.url}/api/v1/otlp` };
  },
};

const takesOtlp = (await otlpOption()) !== undefined;

for (const [name, startReceiver] of Object.entries(RECEIVERS)) {
  const skip = name.startsWith("Prometheus") && !takesOtlp && "this Prometheus takes no OTLP";
  describe(name, { skip }, () => {
    test("shows every metric with its own name, and nothing else", async (t) => {
      const { agent, prometheus } = await startAll(t, startReceiver);
      const expected = catalogueOf(["tracking", "sources"])
        .map((metric) => metric.name)
        .filter((metric) => !ABSENT_WHEN_HEALTHY.includes(metric))
        .concat(OF_THE_RESOURCE)
        .toSorted();
      await agent.process.waitUntil("the whole catalogue", async () => {
        const found = await prometheus.query(`count by (__name__) ({instance="${NODE}"})`);
        const names = found.map(({ labels }) => labels["__name__"] ?? "").toSorted();
        assert.deepEqual(names, expected);
        return true;
      });
    });

    test("ends the clock's series at once when chronyd stops", async (t) => {
      const { agent, prometheus, chronyd } = await startAll(t, startReceiver);
      const errors = () => prometheus.query("chrony_clock_error_ms");
      await agent.process.waitUntil("an error", async () => (await errors()).length === 1);
      await chronyd.stop();
      // Without a staleness marker Prometheus shows a series for 5 minutes.
      await agent.process.waitUntil(
        "the end of the error",
        async () => (await errors()).length === 0,
        60_000,
      );
      const [up] = await prometheus.query("chrony_up");
      assert.equal(up?.value, 0);
    });

    test("has true times from an agent whose clock is an hour ahead", async (t) => {
      const { agent, prometheus } = await startAll(t, startReceiver);
      const steps = () => prometheus.query("chrony_clock_steps_total > 0");
      await agent.process.waitUntil(
        "a point",
        async () => (await prometheus.query("chrony_up")).length > 0,
      );
      await agent.shiftWallClock(HOUR_MS);
      // A query at the true time does not find a point that is ahead.
      await agent.process.waitUntil("the step", async () => (await steps()).length === 1);
      const nowSeconds = Date.now() / 1_000;
      const [{ samples } = { samples: [] }] = await prometheus.series(
        "chrony_up",
        nowSeconds - 600,
        nowSeconds + 2 * (HOUR_MS / 1_000),
      );
      const times = samples.map(({ timestampSeconds }) => timestampSeconds);
      // The header Date has whole seconds.
      assert.ok(
        times.every((seconds) => seconds < Date.now() / 1_000 + 1),
        `${times.join()}, now ${nowSeconds}`,
      );
    });
  });
}

async function startAll(
  t: TestContext,
  startReceiver: (t: TestContext) => Promise<Receiver>,
): Promise<{ agent: Agent; chronyd: Follower; prometheus: Prometheus }> {
  const { prometheus, endpoint } = await startReceiver(t);
  const chronyd = await startFollower(t);
  const agent = await startAgent(t, {
    shiftableClock: true,
    environment: {
      CHRONY_ADDRESS: chronyd.address,
      SLEEP_INTERVAL: "0.2",
      OTEL_METRIC_EXPORT_INTERVAL: "1000",
      OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
      OTEL_RESOURCE_ATTRIBUTES: `k8s.node.name=${NODE}`,
    },
  });
  return { agent, chronyd, prometheus };
}
