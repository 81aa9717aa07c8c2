// Which series get a marker, and what a marker is. The collections are the real SDK's; no push
// leaves: what became of one is what the case says.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { millisToHrTime } from "@opentelemetry/core";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { DataPointType } from "@opentelemetry/sdk-metrics";
import { collect, type Series } from "../../src/telemetry/collection.ts";
import { isPlain, type Metric } from "../../src/telemetry/metrics/metric.ts";
import { METRICS, SENT_PLACEHOLDER } from "../../src/telemetry/metrics.ts";
import { FarEndSeries, WITHHELD_PREFIX, withMarkers } from "../../src/telemetry/withheld.ts";
import { clocksAt, LOCAL, reading, unansweredReading, WALL_AT_START_MS } from "../clock/reports.ts";
import { metricsOf, observation, pointsOf } from "./observations.ts";

const RESOURCE = resourceFromAttributes({});
const CATALOGUE = [...METRICS, SENT_PLACEHOLDER];
const FIGURES = [
  "chrony_clock_error_ms",
  "chrony_clock_error_bound_ms",
  "chrony_clock_error_peak_ms",
];

function collected(newest = reading(clocksAt(12_000))) {
  return collect(RESOURCE, CATALOGUE, observation(newest));
}

/** A collection of one series, with these labels. */
function collectedLabels(labels: Readonly<Record<string, string>>) {
  const labelled: Metric = {
    name: "chrony_labelled",
    kind: "gauge",
    help: "With labels.",
    labels: Object.keys(labels),
    values: () => [{ labels, value: 1 }],
  };
  return collect(RESOURCE, [labelled], observation());
}

const healthy = await collected();
const local = await collected(reading(clocksAt(12_000), LOCAL));
const silent = await collected(unansweredReading(clocksAt(13_000)));
const another = {
  address: { family: "ipv4", text: "192.0.2.2" },
  referenceId: 0xc000_0202,
} as const;
const anotherSource = await collected(reading(clocksAt(14_000), another));

function namesOf(series: readonly Series[]): string[] {
  return series.map(({ name }) => name);
}

describe("a marker is due", () => {
  test("at the start for every series without labels that is not observed: an agent before this one may have pushed it", () => {
    for (const collection of [healthy, local, silent]) {
      const observed = new Set(pointsOf(collection).map(({ name }) => name));
      const expected = METRICS.filter((metric) => isPlain(metric) && !observed.has(metric.name));
      assert.ok(expected.length > 0);
      assert.deepEqual(
        new FarEndSeries(CATALOGUE).missingFrom(collection),
        expected.map(({ name }) => ({ name, attributes: {} })),
      );
    }
  });

  test("at the start for no series with labels: which there were, nobody knows", () => {
    const marked = namesOf(new FarEndSeries(CATALOGUE).missingFrom(silent));
    assert.ok(marked.includes("chrony_tracking_stratum"));
    assert.ok(!marked.includes("chrony_tracking_info"));
  });

  test("after an accepted push for exactly what vanished since", () => {
    const farEnd = new FarEndSeries(CATALOGUE);
    farEnd.pushing(healthy);
    farEnd.accepted(healthy);
    assert.deepEqual(farEnd.missingFrom(healthy), []);
    assert.deepEqual(namesOf(farEnd.missingFrom(local)).slice(0, 3), FIGURES);
    assert.deepEqual(namesOf(farEnd.missingFrom(local)).slice(3), ["chrony_tracking_info"]);
  });

  test("once: after the push that carried it was accepted there is nothing left to mark", () => {
    const farEnd = new FarEndSeries(CATALOGUE);
    farEnd.accepted(healthy);
    farEnd.pushing(silent);
    farEnd.accepted(silent);
    assert.deepEqual(farEnd.missingFrom(silent), []);
  });

  test("again and again while pushes fail", () => {
    const farEnd = new FarEndSeries(CATALOGUE);
    farEnd.accepted(healthy);
    const due = farEnd.missingFrom(silent);
    assert.ok(due.length > 15);
    for (let failures = 0; failures < 3; failures += 1) {
      farEnd.pushing(silent);
      assert.deepEqual(farEnd.missingFrom(silent), due);
    }
  });

  test("for what only a failed push carried: the far end may have it although the answer was lost", () => {
    const farEnd = new FarEndSeries(CATALOGUE);
    farEnd.accepted(silent);
    farEnd.pushing(healthy);
    const due = namesOf(farEnd.missingFrom(silent));
    for (const name of FIGURES) {
      assert.ok(due.includes(name), name);
    }
  });

  test("not for what came back before the marker was pushed", () => {
    const farEnd = new FarEndSeries(CATALOGUE);
    farEnd.accepted(healthy);
    farEnd.pushing(silent);
    assert.deepEqual(farEnd.missingFrom(healthy), []);
  });

  test("for the old labels of a series that changed them, and not for the new", () => {
    const farEnd = new FarEndSeries(CATALOGUE);
    farEnd.accepted(healthy);
    assert.deepEqual(farEnd.missingFrom(anotherSource), [
      {
        name: "chrony_tracking_info",
        attributes: {
          tracking_refid: "C0000201",
          tracking_address: "192.0.2.1",
          tracking_name: "192.0.2.1",
        },
      },
    ]);
  });

  test("not for labels that are the same in another order", async () => {
    const farEnd = new FarEndSeries([]);
    farEnd.accepted(await collectedLabels({ a: "1", b: "2" }));
    assert.deepEqual(farEnd.missingFrom(await collectedLabels({ b: "2", a: "1" })), []);
    assert.equal(farEnd.missingFrom(await collectedLabels({ b: "1", a: "2" })).length, 1);
  });
});

describe("a collection with markers", () => {
  const wallMs = WALL_AT_START_MS + 13_000;
  const missing: readonly Series[] = [
    { name: "chrony_clock_error_ms", attributes: {} },
    { name: "chrony_tracking_info", attributes: { tracking_refid: "A" } },
    { name: "chrony_tracking_info", attributes: { tracking_refid: "B" } },
  ];
  const marked = withMarkers(silent, missing, wallMs);

  test("has what was collected, as it was", () => {
    const count = metricsOf(silent).length;
    assert.deepEqual(metricsOf(marked).slice(0, count), metricsOf(silent));
    assert.equal(marked.resource, silent.resource);
  });

  test("has a gauge for each name that is missing, with a point of 0 for each series, now", () => {
    const markers = metricsOf(marked).slice(metricsOf(silent).length);
    assert.deepEqual(
      markers.map(({ descriptor, dataPointType }) => [descriptor.name, dataPointType]),
      [
        [`${WITHHELD_PREFIX}chrony_clock_error_ms`, DataPointType.GAUGE],
        [`${WITHHELD_PREFIX}chrony_tracking_info`, DataPointType.GAUGE],
      ],
    );
    const time = millisToHrTime(wallMs);
    assert.deepEqual(
      markers.flatMap<unknown>(({ dataPoints }) => dataPoints),
      missing.map(({ attributes }) => ({ startTime: time, endTime: time, attributes, value: 0 })),
    );
  });

  test("is the collection itself when nothing is missing", () => {
    assert.deepEqual(withMarkers(silent, [], wallMs), silent);
  });

  test("leaves the collection alone that it was made from", () => {
    assert.ok(!pointsOf(silent).some(({ name }) => name.startsWith(WITHHELD_PREFIX)));
  });
});

test("the prefix is the one that the collector takes off", () => {
  assert.equal(WITHHELD_PREFIX, "chrony_tracker.withheld.");
});
