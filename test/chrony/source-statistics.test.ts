// SOURCESTATS with the replies of real chronyds (report-captures.ts).

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { encodeRequest } from "../../src/chrony/packet.ts";
import { sourceStatistics } from "../../src/chrony/source-statistics.ts";
import { sourcestatsRow } from "./chronyc-rows.ts";
import { decoded, refusalOf } from "./decoded.ts";
import { FACEBOOK, SOURCE_STATISTICS } from "./report-captures.ts";
import { patched } from "./wire.ts";

const report = sourceStatistics(0);
const server = SOURCE_STATISTICS.leftOut.reply;
const LEAST_BELOW_ZERO = 0x81ff_ffff;

test("is requested by index", () => {
  const request = encodeRequest(sourceStatistics(0x0102), 0, 0x0304_0506);
  assert.equal(
    Buffer.from(request).toString("hex"),
    `060100000022000003040506${"00".repeat(8)}00000102${"00".repeat(60)}`,
  );
});

describe("the same as chronyc prints:", () => {
  for (const [name, { reply, chronyc }] of Object.entries(SOURCE_STATISTICS)) {
    test(name, () => {
      const row = sourcestatsRow(decoded(report, reply));
      const printed = chronyc.split(",");
      // The estimate is for the moment of the answer, and chronyc's came a few milliseconds later.
      const [offset] = row.splice(6, 1);
      const [laterOffset] = printed.splice(6, 1);
      assert.ok(Math.abs(Number(offset) - Number(laterOffset)) < 4e-9, `${offset} ${laterOffset}`);
      assert.deepEqual(row, printed);
    });
  }
});

test("a server's numbers, as facebook/time reads them", () => {
  assert.deepEqual(decoded(report, FACEBOOK.sourceStatistics), {
    referenceId: 3213616617,
    source: { kind: "ntp", address: { family: "ipv6", text: "2401:db00:3110:20c0:face:0:48:0" } },
    samples: 12,
    runs: 5,
    spanSeconds: 6695,
    standardDeviationSeconds: 1.770472044881899e-5,
    residualFrequencyPpm: -0.00038742992910556495,
    skewPpm: 0.0117427296936512,
    estimatedOffset: {
      offsetSeconds: -3.44656518791453e-6,
      errorSeconds: 0.0001771473471308127,
    },
  });
});

test("a source without an address is the reference clock of that id", () => {
  const { source } = decoded(report, SOURCE_STATISTICS.referenceClock.reply);
  assert.deepEqual(source, { kind: "reference clock", referenceId: 0x5048_4330 });
});

test("a server that passes for its own server (copy) is still known by its address", () => {
  const copying = patched(server, { offset: 28, width: 4, value: 0x7f7f_0101 });
  const { source, referenceId } = decoded(report, copying);
  assert.deepEqual(source, { kind: "ntp", address: { family: "ipv4", text: "127.0.0.1" } });
  assert.equal(referenceId, 0x7f7f_0101);
});

test("without samples there is no estimate, and not an offset of 0 ± 0", () => {
  for (const { reply } of [SOURCE_STATISTICS.silent, SOURCE_STATISTICS.unsynchronised]) {
    assert.equal(decoded(report, reply).estimatedOffset, undefined);
  }
  // Whatever the number of samples is.
  const exact = patched(server, { offset: 80, width: 4, value: 0 });
  assert.equal(decoded(report, exact).estimatedOffset, undefined);
  const right = patched(server, { offset: 76, width: 4, value: 0 });
  assert.equal(decoded(report, right).estimatedOffset?.offsetSeconds, 0);
});

test("what cannot be negative is not", () => {
  for (const offset of [64, 72, 80]) {
    const reply = patched(server, { offset, width: 4, value: LEAST_BELOW_ZERO });
    assert.deepEqual(refusalOf(report, reply), {
      kind: "invalid field",
      report: "SOURCESTATS",
      detail: `the number at byte ${offset} is ${-(2 ** -89)}, expected 0 or more`,
    });
  }
  for (const offset of [68, 76]) {
    decoded(report, patched(server, { offset, width: 4, value: LEAST_BELOW_ZERO }));
  }
});

test("an address of an unknown family is an error", () => {
  const reply = patched(server, { offset: 48, width: 2, value: 4 });
  assert.equal(refusalOf(report, reply).kind, "invalid field");
});
