// What a marker is. When one is due: test/push/backlog.test.ts.

import assert from "node:assert/strict";
import { test } from "node:test";
import { seriesKey } from "../../src/push/compact-collection.ts";
import { markerOf, WITHHELD_PREFIX } from "../../src/push/withheld.ts";

const ATTRIBUTES = { tracking_refid: "A", tracking_name: "B" };
const NAME = "chrony_tracking_info";
const marker = markerOf({ name: NAME, attributes: ATTRIBUTES, key: seriesKey(NAME, ATTRIBUTES) });

test("a marker is a gauge with the labels of the series that it ends, under another name", () => {
  assert.equal(marker.descriptor.name, `${WITHHELD_PREFIX}chrony_tracking_info`);
  assert.equal(marker.kind, "gauge");
  assert.deepEqual(marker.attributes, ATTRIBUTES);
});

test("a marker ends that series, whatever the order of its labels, and no other", () => {
  assert.equal(marker.ends, seriesKey(NAME, { tracking_name: "B", tracking_refid: "A" }));
  assert.notEqual(marker.ends, seriesKey(NAME, { tracking_name: "A", tracking_refid: "B" }));
  assert.notEqual(marker.ends, marker.key);
});

test("the prefix is the one that the collector takes off", () => {
  assert.equal(WITHHELD_PREFIX, "chrony_tracker.withheld.");
});
