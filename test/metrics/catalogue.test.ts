// The catalogue as a table, and the values of a real chronyd's reply (captured by facebook/time, see
// test/chrony/captures.ts).

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { decodeReply } from "../../src/chrony/packet.ts";
import { tracking } from "../../src/chrony/tracking.ts";
import { COLLECTOR_OFFSET, METRICS } from "../../src/metrics/catalogue.ts";
import { collect } from "../../src/metrics/collection.ts";
import { isPlain } from "../../src/metrics/metric.ts";
import { VERSION } from "../../src/version.ts";
import { OVER_IPV6 } from "../chrony/captures.ts";
import {
  clocksAt,
  LOCAL,
  NEVER_SYNCHRONISED,
  REFERENCE_CLOCK,
  reading,
  unansweredReading,
  WALL_AT_START_MS,
} from "../clock/reports.ts";
import { observation, onlyValueOf, type Point, pointsOf, seriesNamesOf } from "./observations.ts";

const RESOURCE = resourceFromAttributes({});

/** The metrics that exist whether chronyd answers or not. */
const ALWAYS = [
  'chrony_sync_state{state="synchronised"}',
  'chrony_sync_state{state="stale"}',
  'chrony_sync_state{state="stepped"}',
  'chrony_sync_state{state="local"}',
  'chrony_sync_state{state="unsynchronised"}',
  'chrony_sync_state{state="unreachable"}',
  "chrony_up",
  "chrony_suspended_seconds_total",
  "chrony_clock_steps_total",
  `chrony_tracker_build_info{version="${VERSION}"}`,
  'chrony_tracker_readings_total{result="success"}',
  'chrony_tracker_readings_total{result="failure"}',
  "chrony_tracker_reading_duration_seconds",
  'chrony_tracker_exports_total{result="success"}',
  'chrony_tracker_exports_total{result="failure"}',
  "chrony_tracker_backlog_points",
  'chrony_tracker_backlog_dropped_points_total{reason="age"}',
  'chrony_tracker_backlog_dropped_points_total{reason="bytes"}',
  'chrony_tracker_backlog_dropped_points_total{reason="rejected"}',
];

describe("the catalogue", () => {
  test("names every metric once", () => {
    const names = METRICS.map(({ name }) => name);
    assert.deepEqual(names, [...new Set(names)]);
  });

  for (const metric of METRICS) {
    const { name, kind, help } = metric;

    test(`${name}: a name that Prometheus accepts unchanged, and a help that is a sentence`, () => {
      assert.match(name, /^chrony_[a-z_]+$/);
      assert.equal(name.endsWith("_total"), kind === "counter", "a counter, and only one, ends so");
      assert.match(help, /^[A-Z01][^\n]*\.$/);
    });
  }

  test("declares the labels of its values, in order", () => {
    const observed = observation();
    for (const metric of METRICS) {
      if (!isPlain(metric)) {
        for (const { labels } of metric.values(observed)) {
          assert.deepEqual(Object.keys(labels), metric.labels, metric.name);
        }
      }
    }
  });
});

test("a real chronyd's reply gives these values", async () => {
  const result = decodeReply(tracking, OVER_IPV6.reply);
  assert.ok(result.ok);
  const referenceMs = Math.floor((result.value.referenceTimeSeconds ?? 0) * 1000);
  const newest = reading(
    { wallMs: referenceMs + 4_000, monotonicMs: 12_000, bracketMs: 0, suspendedMs: 0 },
    result.value,
  );
  const collected = await collect(RESOURCE, METRICS, observation(newest));
  const values = pointsOf(collected).map(({ name, attributes, value }) => {
    const labels = Object.values(attributes).join(" ");
    return [labels === "" ? name : `${name} ${labels}`, Number(value.toPrecision(9))];
  });
  assert.deepEqual(values, [
    ["chrony_clock_error_ms", 1.15161352],
    ["chrony_clock_error_bound_ms", 1.15222948],
    ["chrony_clock_error_peak_ms", 1.15222948],
    ["chrony_sync_state synchronised", 1],
    ["chrony_sync_state stale", 0],
    ["chrony_sync_state stepped", 0],
    ["chrony_sync_state local", 0],
    ["chrony_sync_state unsynchronised", 0],
    ["chrony_sync_state unreachable", 0],
    ["chrony_up", 1],
    ["chrony_reference_age_seconds", 3.99929476],
    ["chrony_suspended_seconds_total", 0],
    ["chrony_clock_steps_total", 0],
    [
      "chrony_tracking_info E625C66E 2401:db00:3110:2132:face:0:8e:0 2401:db00:3110:2132:face:0:8e:0",
      1,
    ],
    ["chrony_tracking_stratum", 3],
    ["chrony_tracking_leap_status normal", 1],
    ["chrony_tracking_leap_status insert_second", 0],
    ["chrony_tracking_leap_status delete_second", 0],
    ["chrony_tracking_leap_status unsynchronised", 0],
    ["chrony_tracking_remote_reference", 1],
    ["chrony_tracking_reference_timestamp_seconds", 1631117700],
    ["chrony_tracking_system_time_seconds", -0.00000343950728],
    ["chrony_tracking_last_offset_seconds", -0.00000282353972],
    ["chrony_tracking_rms_offset_seconds", 0.0000140541397],
    ["chrony_tracking_frequency_ppms", -1.54781902],
    ["chrony_tracking_residual_frequency_ppms", -0.000126606363],
    ["chrony_tracking_skew_ppms", 0.00538504962],
    ["chrony_tracking_root_delay_seconds", 0.000220637943],
    ["chrony_tracking_root_dispersion_seconds", 0.001038471],
    ["chrony_tracking_update_interval_seconds", 520.490784],
    [`chrony_tracker_build_info ${VERSION}`, 1],
    ["chrony_tracker_readings_total success", 12],
    ["chrony_tracker_readings_total failure", 3],
    ["chrony_tracker_reading_duration_seconds", 0.0002],
    ["chrony_tracker_exports_total success", 0],
    ["chrony_tracker_exports_total failure", 0],
    ["chrony_tracker_backlog_points", 0],
    ["chrony_tracker_backlog_dropped_points_total age", 0],
    ["chrony_tracker_backlog_dropped_points_total bytes", 0],
    ["chrony_tracker_backlog_dropped_points_total rejected", 0],
  ]);
});

describe("the observed metrics", () => {
  test("without an answer are those of the agent itself", async () => {
    const silent = observation(unansweredReading(clocksAt(12_000)));
    const collected = await collect(RESOURCE, METRICS, silent);
    assert.deepEqual(seriesNamesOf(collected), ALWAYS);
    assert.equal(onlyValueOf(collected, "chrony_up"), 0);
  });

  test("in `local` are all but the error, the bound and the peak", async () => {
    const collected = await collect(
      RESOURCE,
      METRICS,
      observation(reading(clocksAt(12_000), LOCAL)),
    );
    const healthy = await collect(RESOURCE, METRICS, observation());
    const left = new Set(pointsOf(collected).map(({ name }) => name));
    assert.deepEqual(
      pointsOf(healthy)
        .map(({ name }) => name)
        .filter((name) => !left.has(name)),
      ["chrony_clock_error_ms", "chrony_clock_error_bound_ms", "chrony_clock_error_peak_ms"],
    );
    assert.equal(onlyValueOf(collected, "chrony_tracking_remote_reference"), 0);
  });

  test("before the first synchronisation are all but the reference's time and age", async () => {
    const never = observation(reading(clocksAt(12_000), NEVER_SYNCHRONISED));
    const collected = await collect(RESOURCE, METRICS, never);
    assert.equal(onlyValueOf(collected, "chrony_clock_error_ms"), 1500);
    assert.equal(onlyValueOf(collected, "chrony_reference_age_seconds"), undefined);
    assert.equal(onlyValueOf(collected, "chrony_tracking_reference_timestamp_seconds"), undefined);
    assert.equal(onlyValueOf(collected, "chrony_tracking_root_delay_seconds"), 1);
  });

  test("without push are those that are not about pushes", async () => {
    const pullOnly = observation(undefined, { exports: undefined });
    const names = seriesNamesOf(await collect(RESOURCE, METRICS, pullOnly));
    assert.deepEqual(
      names.filter((name) => name.includes("export")),
      [],
    );
  });
});

test("include the time of the last accepted push, in seconds, after the first one", async () => {
  const exports = { success: 1, failure: 0, lastSuccessWallMs: WALL_AT_START_MS + 1_500 };
  const collected = await collect(RESOURCE, METRICS, observation(undefined, { exports }));
  assert.equal(
    onlyValueOf(collected, "chrony_tracker_last_export_success_timestamp_seconds"),
    WALL_AT_START_MS / 1000 + 1.5,
  );
});

test("include the sleep of the machine, in seconds", async () => {
  const asleep = reading({ ...clocksAt(12_000), suspendedMs: 90_500 });
  const collected = await collect(RESOURCE, METRICS, observation(asleep));
  assert.equal(onlyValueOf(collected, "chrony_suspended_seconds_total"), 90.5);
});

test("include the last step after the first one", async () => {
  const { assessment, ...rest } = observation();
  const stepped = { ...rest, assessment: { ...assessment, steps: 2, lastStepSeconds: -0.75 } };
  const collected = await collect(RESOURCE, METRICS, stepped);
  assert.equal(onlyValueOf(collected, "chrony_clock_steps_total"), 2);
  assert.equal(onlyValueOf(collected, "chrony_clock_last_step_seconds"), -0.75);
});

describe("the source goes by", () => {
  const sources: readonly (readonly [
    what: string,
    report: Parameters<typeof reading>[1],
    labels: readonly [refid: string, address: string],
  ])[] = [
    ["its IPv4 address", {}, ["C0000201", "192.0.2.1"]],
    [
      "its IPv6 address",
      { address: { family: "ipv6", text: "2001:db8::1" } },
      ["C0000201", "2001:db8::1"],
    ],
    ["its reference id, for a reference clock", REFERENCE_CLOCK, ["50484330", "PHC0"]],
    ["127.127.1.1, where chronyd follows itself", LOCAL, ["7F7F0101", "127.127.1.1"]],
    ["nothing, where there is none", NEVER_SYNCHRONISED, ["00000000", ""]],
    ["all eight digits of a small reference id", { referenceId: 0xab }, ["000000AB", "192.0.2.1"]],
  ];
  for (const [what, report, [refid, address]] of sources) {
    test(what, async () => {
      const collected = await collect(RESOURCE, METRICS, observation(reading(clocksAt(0), report)));
      const info = pointsOf(collected).find(({ name }) => name === "chrony_tracking_info");
      assert.deepEqual(info?.attributes, {
        tracking_refid: refid,
        tracking_address: address,
        tracking_name: address,
      });
    });
  }
});

test("the collector's own metric of a push is not an agent's metric, because it would be a flattering zero", () => {
  assert.ok(!METRICS.some(({ name }) => name === COLLECTOR_OFFSET.name));
});

test("a value that is not a finite number is not observed", async () => {
  for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
    const catalogue = [
      { name: "plain", kind: "gauge", help: "", value: () => value },
      {
        name: "labelled",
        kind: "gauge",
        help: "",
        labels: ["a"],
        values: () => [{ labels: { a: "b" }, value }],
      },
    ] as const;
    assert.deepEqual(pointsOf(await collect(RESOURCE, catalogue, observation())), []);
  }
});

/** The points about NTP servers: metric, server and value. */
async function utcValues(
  observed: ReturnType<typeof observation>,
): Promise<(readonly [string, Point["attributes"][string], number])[]> {
  const points = pointsOf(await collect(RESOURCE, METRICS, observed));
  return points
    .filter(({ name }) => name.startsWith("chrony_utc_"))
    .map(({ name, attributes: { server }, value }) => [name, server, value] as const);
}

describe("the check against NTP servers", () => {
  const utcCheck = {
    clocks: clocksAt(11_000),
    answers: [
      {
        server: "time.example",
        measurement: { offsetSeconds: -0.04, marginSeconds: 0.0025 },
        problem: undefined,
      },
      { server: "[::1]:1123", measurement: undefined, problem: "It did not answer." },
    ],
    boundMs: 3.5,
    contradiction: true,
  };
  test("has an offset and a margin for each server that gave the time", async () => {
    assert.deepEqual(await utcValues(observation(undefined, { utcCheck })), [
      ["chrony_utc_offset_seconds", "time.example", -0.04],
      ["chrony_utc_offset_margin_seconds", "time.example", 0.0025],
      ["chrony_utc_contradiction", undefined, 1],
    ]);
  });

  test("has no contradiction when it is not known, or when there is no bound now", async () => {
    const unknown = { ...utcCheck, contradiction: undefined };
    assert.equal((await utcValues(observation(undefined, { utcCheck: unknown }))).length, 2);
    const local = observation(reading(clocksAt(12_000), LOCAL), { utcCheck });
    assert.equal((await utcValues(local)).length, 2);
    const agrees = observation(undefined, { utcCheck: { ...utcCheck, contradiction: false } });
    assert.deepEqual((await utcValues(agrees)).at(-1), ["chrony_utc_contradiction", undefined, 0]);
  });
});
