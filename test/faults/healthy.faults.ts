// Without a fault: the control of the other scenarios.

import assert from "node:assert/strict";
import { test } from "node:test";
import { FaultPath } from "./fault-path.ts";

test("without a fault every interval has its collection, and no value is false", async (t) => {
  const path = await FaultPath.start(t);
  await path.untilCollections(10);
  const { collections, readings } = await path.check("none", "nothing is lost");
  assert.ok(collections.length >= 10 && readings.length > collections.length);
});
