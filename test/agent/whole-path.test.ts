// The whole path with real parts: two chronyds, the agent, the collector with the shipped configuration,
// Prometheus. The results are read by PromQL.

import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { catalogueOf, METRICS } from "../../src/metrics/catalogue.ts";
import { UTC_CHECK_METRICS } from "../../src/metrics/utc-check.ts";
import { followerConfiguration } from "../parts/chronyd-configuration.ts";
import { CLUSTER } from "../parts/collector.ts";
import { type Follower, startFollower } from "../parts/follower.ts";
import { JOBS, NODE, type Path, startPath, type Way } from "../parts/path.ts";
import { suiteScope } from "../parts/suite-scope.ts";
import { waitFor } from "../parts/wait-for.ts";
import { scrape, scrapeInState } from "./scrape.ts";

const WAYS: readonly Way[] = ["push", "pull"];

/** The metrics that a healthy clock without a step does not have. */
const ABSENT_WHEN_HEALTHY = [
  "chrony_ptp_clock_info",
  "chrony_clock_last_step_seconds",
  // With UTC_CHECK_SERVERS only: test/agent/utc-check.test.ts.
  ...UTC_CHECK_METRICS.map(({ name }) => name),
];

/** The metrics that are absent when chronyd does not answer. */
const WITHHELD_WHEN_UNREACHABLE = METRICS.map(({ name }) => name).filter((name) =>
  /^chrony_(clock_error|tracking_|sources_|reference_age)/.test(name),
);

for (const compression of ["none", "gzip"]) {
  describe(`from chronyd to PromQL, compression ${compression}`, () => {
    const scope = suiteScope();
    let path: Path;

    before(async () => {
      path = await startPath(scope, {
        settings: {
          OTEL_EXPORTER_OTLP_COMPRESSION: compression,
        },
      });
    });

    for (const way of WAYS) {
      test(`every metric of the catalogue arrives by ${way} with its own name`, async () => {
        const expected = catalogueOf(["tracking", "sources"])
          .map(({ name }) => name)
          .filter((name) => !ABSENT_WHEN_HEALTHY.includes(name))
          .concat(way === "push" ? ["chrony_collector_offset_seconds"] : [])
          .toSorted();
        await waitFor(`the whole catalogue by ${way}`, async () => {
          const found = (await path.samples({}, way)).map(({ labels }) => labels["__name__"] ?? "");
          const names = [...new Set(found)].filter((name) => name.startsWith("chrony")).toSorted();
          assert.deepEqual(names, expected);
          return true;
        });
      });

      test(`the labels by ${way} are as designed, so that both ways can be joined`, async () => {
        const [sample] = await waitFor(`a clock error by ${way}`, async () => {
          const found = await path.samples({ __name__: "chrony_clock_error_ms" }, way);
          return found.length > 0 && found;
        });
        assert.deepEqual(sample?.labels, {
          __name__: "chrony_clock_error_ms",
          cluster: CLUSTER,
          instance: NODE,
          job: JOBS[way],
          k8s_node_name: NODE,
          k8s_namespace_name: "chrony-tracker",
        });
      });

      test(`the bound by ${way} shows that the clock is 25 ms off`, async () => {
        const bound = await waitFor(`a bound by ${way}`, () =>
          path.value("chrony_clock_error_bound_ms", way),
        );
        // On a loaded machine the path to the time server takes milliseconds.
        assert.ok(bound > 24 && bound < 100, `${bound} ms`);
        const synchronised = { state: "synchronised" };
        assert.equal(await path.value("chrony_sync_state", way, synchronised), 1);
        assert.equal(await path.value("chrony_sync_state", way, { state: "stale" }), 0);
      });
    }

    test("the collector's offset of this node's clock is small, because both run on one machine", async () => {
      // It includes the duration of the push, which can be long on a loaded machine.
      await waitFor("an offset of less than a second", async () => {
        const offset = await path.value("chrony_collector_offset_seconds", "push");
        assert.ok(offset !== undefined && Math.abs(offset) < 1, `${offset} s`);
        return true;
      });
    });

    test("each pushed point has the time of its poll", async () => {
      await waitFor("three pushes", async () => {
        const ages = await path.history("chrony_reference_age_seconds", "push");
        return ages.length >= 3;
      });
      const ages = await path.history("chrony_reference_age_seconds", "push");
      const references = await path.history("chrony_tracking_reference_timestamp_seconds", "push");
      for (const { timestampSeconds, value: age } of ages) {
        const reference = references.find((one) => one.timestampSeconds === timestampSeconds);
        // The age is the wall clock of the poll minus the reference time, and both are known here.
        const readAt = (reference?.value ?? 0) + age;
        assert.ok(
          Math.abs(readAt - timestampSeconds) < 0.05,
          `${readAt} is not ${timestampSeconds}`,
        );
      }
    });
  });
}

describe("a value that is not known", () => {
  const scope = suiteScope();
  let path: Path;

  before(async () => {
    path = await startPath(scope, { settings: { OTEL_METRIC_EXPORT_TIMEOUT: "1000" } });
  });

  async function untilShown(way: Way): Promise<void> {
    await waitFor(`a clock error by ${way}`, () => path.value("chrony_clock_error_ms", way));
  }

  async function untilGone(way: Way): Promise<void> {
    await waitFor(`all that is unknown to be gone by ${way}`, async () => {
      assert.equal(await path.value("chrony_sync_state", way, { state: "unreachable" }), 1);
      const found = (await path.samples({}, way)).map(({ labels }) => labels["__name__"] ?? "");
      assert.deepEqual(
        found.filter((name) => WITHHELD_WHEN_UNREACHABLE.includes(name)),
        [],
      );
      return true;
    });
  }

  test("disappears from PromQL with the next push, not five minutes later, and returns", async () => {
    await Promise.all(WAYS.map(untilShown));
    await path.chronyd.stop();
    await Promise.all(WAYS.map(untilGone));
    assert.equal(await path.value("chrony_up", "push"), 0);

    await path.chronyd.restart();
    await Promise.all(WAYS.map(untilShown));
  });

  test("disappears after the collector was away, and the failure is logged once", async () => {
    await untilShown("push");
    path.collector.process.signal("SIGSTOP");
    const failures = { result: "failure" };
    await path.agent.process.waitUntil("two failed pushes", async () => {
      const { value } = await scrape(path.agent);
      return (value("chrony_tracker_exports_total", failures) ?? 0) >= 2;
    });
    await path.chronyd.stop();
    await scrapeInState(path.agent, "unreachable");
    path.collector.process.signal("SIGCONT");
    await untilGone("push");
    const told = path.agent
      .logs()
      .filter(({ message }) => String(message).includes(path.collector.otlpUrl));
    assert.equal(told.length, 1, JSON.stringify(told));
    assert.equal(told[0]?.["level"], "warn");
    assert.match(String(told[0]?.["message"]), /did not answer within 1000 ms/);
    assert.ok(((await path.value("chrony_tracker_exports_total", "push", failures)) ?? 0) >= 2);

    await path.chronyd.restart();
    await untilShown("push");
  });
});

describe("a node whose wall clock is wrong", () => {
  const HOUR = 3600;
  const scope = suiteScope();
  let follower: Follower;
  let path: Path;

  before(async () => {
    follower = await startFollower(scope, { offsetSeconds: 0.025 });
    path = await startPath(scope, { chronyd: follower });
  });

  // Only the agent's wall clock is moved (test/parts/shifted-clocks.ts). chronyd,
  // the collector and Prometheus use the machine's.

  test("an hour ahead: its samples have the correct time, and its offset is reported", async () => {
    await waitFor("a push", () => path.value("chrony_clock_error_ms", "push"));
    await path.agent.shiftWallClock(HOUR * 1000);
    const shiftedAt = Date.now() / 1000;

    await waitFor("the collector to see the hour", async () => {
      const offset = await path.value("chrony_collector_offset_seconds", "push");
      assert.ok(offset !== undefined && Math.abs(offset + HOUR) < 2, `${offset} s`);
      return true;
    });
    await waitFor("samples after the shift", async () => {
      const history = await path.history("chrony_clock_error_ms", "push");
      return history.filter(({ timestampSeconds }) => timestampSeconds > shiftedAt).length >= 3;
    });
    const now = Date.now() / 1000;
    for (const { timestampSeconds } of await path.history("chrony_clock_error_ms", "push")) {
      assert.ok(timestampSeconds < now + 2, `a sample stands ${timestampSeconds - now} s ahead`);
    }
    for (const way of WAYS) {
      await waitFor(`the step by ${way}`, async () => {
        assert.equal(await path.value("chrony_clock_steps_total", way), 1);
        const size = await path.value("chrony_clock_last_step_seconds", way);
        assert.ok(Math.abs((size ?? 0) - HOUR) < 0.1, `${size} s`);
        return true;
      });
    }
    assert.match(JSON.stringify(path.agent.logs()), /stepped by (3600|3599)\.\d+ s/);
  });

  test("stepped back by an hour while it runs: no value from before the step is repeated", async () => {
    await path.agent.shiftWallClock(0);
    await waitFor("the step", async () => {
      const { value } = await scrape(path.agent);
      assert.equal(value("chrony_clock_steps_total"), 2);
      return true;
    });
    // Other values than before: the configured offset of the source is 100 ms instead of 25.
    await follower.restart(followerConfiguration(follower.server.ntpPort, { offsetSeconds: 0.1 }));
    await follower.waitUntilSynchronised();
    const bound = "chrony_clock_error_bound_ms";
    await scrapeInState(path.agent, "synchronised");
    const changedAt = Date.now() / 1000;

    for (const way of WAYS) {
      await waitFor(`three samples by ${way} after the change`, async () => {
        const newer = (await path.history(bound, way)).filter(
          ({ timestampSeconds }) => timestampSeconds > changedAt + 0.5,
        );
        return newer.length >= 3;
      });
      for (const { timestampSeconds, value } of await path.history(bound, way)) {
        if (timestampSeconds > changedAt + 0.5) {
          assert.ok(value > 90, `${value} ms by ${way}, ${timestampSeconds - changedAt} s after`);
        }
      }
    }

    // Values that are not observed are not repeated either.
    await path.chronyd.stop();
    const dead = await scrapeInState(path.agent, "unreachable");
    assert.equal(dead.value(bound), undefined);
    await waitFor("the bound to be gone by push", async () => {
      assert.equal(await path.value(bound, "push"), undefined);
      return true;
    });
  });
});
