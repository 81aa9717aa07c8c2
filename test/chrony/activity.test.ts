// ACTIVITY with the reply of a real chronyd (report-captures.ts).

import assert from "node:assert/strict";
import { test } from "node:test";
import { activity } from "../../src/chrony/activity.ts";
import { encodeRequest } from "../../src/chrony/packet.ts";
import { activityRow } from "./chronyc-rows.ts";
import { decoded, refusalOf } from "./decoded.ts";
import { ACTIVITY } from "./report-captures.ts";
import { type Patch, patched } from "./wire.ts";

const OFFSETS = [28, 32, 36, 40, 44];

function withCounts(counts: readonly number[]): Uint8Array {
  const patches = OFFSETS.map((offset, index): Patch => {
    return { offset, width: 4, value: counts[index] ?? 0 };
  });
  return patched(ACTIVITY.reply, ...patches);
}

test("is requested by the command alone", () => {
  const request = encodeRequest(activity, 0, 0x0102_0304);
  assert.equal(Buffer.from(request).toString("hex"), `06010000002c000001020304${"00".repeat(36)}`);
});

test("agrees with chronyc", () => {
  assert.equal(activityRow(decoded(activity, ACTIVITY.reply)).join(), ACTIVITY.chronyc);
});

test("keeps the conditions apart", () => {
  assert.deepEqual(decoded(activity, withCounts([1, 2, 3, 4, 5])), {
    online: 1,
    offline: 2,
    burstOnline: 3,
    burstOffline: 4,
    unresolved: 5,
  });
});

test("has no count below zero", () => {
  for (const [index, offset] of OFFSETS.entries()) {
    const counts = OFFSETS.map((_, other) => (other === index ? 0xffff_fffe : 0x7fff_ffff));
    assert.deepEqual(refusalOf(activity, withCounts(counts)), {
      kind: "invalid field",
      report: "ACTIVITY",
      detail: `the count at byte ${offset} is -2, expected 0 or more`,
    });
  }
});
