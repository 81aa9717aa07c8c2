// A short soak: at the end the agent holds the same as when it was warm. Longer: npm run soak.

import assert from "node:assert/strict";
import { test } from "node:test";
import { soak } from "./soak.ts";

const MINUTES = 2;

test("after many outages the agent holds no more than before", async (t) => {
  const { pushes, outages, early, late, risePerHour } = await soak({ minutes: MINUTES });
  t.diagnostic(
    `${pushes} pushes, ${outages} outages: ${JSON.stringify({ early, late, risePerHour })}`,
  );
  assert.ok(pushes > 100 && outages > 10, `${pushes} pushes, ${outages} outages`);
  assert.ok(late.fileDescriptors <= early.fileDescriptors + 2, "file descriptors");
  assert.ok(late.sockets <= early.sockets + 2, "sockets");
  assert.ok(late.resources <= early.resources + 2, "timers and sockets");
  assert.ok(late.socketFiles <= 2, "socket files: chronyd's, and that of the reading under way");
  assert.ok(late.residentMib <= early.residentMib * 1.25, "resident memory");
  assert.ok(late.heapMib <= early.heapMib * 1.25, "JavaScript's heap");
});
