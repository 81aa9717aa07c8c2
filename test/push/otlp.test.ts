// The content of a request (src/push/otlp.ts), as written by OpenTelemetry's packages.

import assert from "node:assert/strict";
import { test } from "node:test";
import { batchOf } from "../../src/push/batch.ts";
import { exportOnce, requestOf } from "../../src/push/otlp.ts";
import { clocksAt } from "../clock/reports.ts";
import { RESOURCE, seriesNamed } from "./points.ts";

const MOMENT = {
  clocks: clocksAt(1_000),
  countedMs: 60_000,
  sentMs: 1_700_000_000_123,
};
/** Text that would be an end, were it not within a label. */
const TRICKY = { ...seriesNamed("tricky"), attributes: { label: '"asDouble":null' } };
const COUNTER = { ...seriesNamed("counter_total"), kind: "counter" } as const;

test("a request is OTLP in JSON: the end of a series has its flag and no value, all else a value", async () => {
  const points = [
    { series: seriesNamed("value"), value: 0.25 },
    { series: seriesNamed("gone"), value: Number.NaN },
    { series: TRICKY, value: 1 },
    { series: COUNTER, value: Number.NaN },
  ];
  const bodies: Uint8Array[] = [];
  await exportOnce(requestOf([batchOf(MOMENT, points)], RESOURCE), async (body) => {
    bodies.push(body);
  });
  const [body, ...others] = bodies;
  assert.ok(body !== undefined && others.length === 0);
  const times = { startTimeUnixNano: "1699999940123000000", timeUnixNano: "1700000000123000000" };
  const { resourceMetrics } = JSON.parse(Buffer.from(body).toString());
  const metrics = resourceMetrics[0].scopeMetrics[0].metrics as { name: string }[];
  assert.deepEqual(Object.fromEntries(metrics.map(({ name, ...metric }) => [name, metric])), {
    value: {
      description: "",
      unit: "",
      gauge: { dataPoints: [{ attributes: [], ...times, asDouble: 0.25 }] },
    },
    gone: {
      description: "",
      unit: "",
      gauge: { dataPoints: [{ attributes: [], ...times, flags: 1 }] },
    },
    tricky: {
      description: "",
      unit: "",
      gauge: {
        dataPoints: [
          {
            attributes: [{ key: "label", value: { stringValue: '"asDouble":null' } }],
            ...times,
            asDouble: 1,
          },
        ],
      },
    },
    counter_total: {
      description: "",
      unit: "",
      sum: {
        aggregationTemporality: 2,
        isMonotonic: true,
        dataPoints: [{ attributes: [], ...times, flags: 1 }],
      },
    },
  });
});

test("no counter began before 1970, as where the clock was set back to then", () => {
  const moment = { ...MOMENT, sentMs: MOMENT.countedMs - 1 };
  const points = [{ series: COUNTER, value: 1 }];
  const { scopeMetrics } = requestOf([batchOf(moment, points)], RESOURCE);
  assert.deepEqual(scopeMetrics[0]?.metrics[0]?.dataPoints[0]?.startTime, [0, 0]);
});
