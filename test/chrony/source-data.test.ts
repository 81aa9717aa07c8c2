// SOURCE_DATA with the replies of real chronyds (report-captures.ts).

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { encodeRequest } from "../../src/chrony/packet.ts";
import { type SourceData, sourceData } from "../../src/chrony/source-data.ts";
import { sourcesRow } from "./chronyc-rows.ts";
import { decoded, refusalOf } from "./decoded.ts";
import { FACEBOOK, NO_SUCH_SOURCE, SOURCE_DATA } from "./report-captures.ts";
import { type Patch, patched } from "./wire.ts";

const report = sourceData(0);
const server = SOURCE_DATA.leftOut.reply;

function decodedWith(patch: Patch, reply: Uint8Array = server): SourceData {
  return decoded(report, patched(reply, patch));
}

test("is requested by index", () => {
  const request = encodeRequest(sourceData(0x0102), 0, 0x0304_0506);
  assert.equal(
    Buffer.from(request).toString("hex"),
    `06010000000f000003040506${"00".repeat(8)}00000102${"00".repeat(52)}`,
  );
});

describe("the same as chronyc prints:", () => {
  for (const [name, { reply, chronyc }] of Object.entries(SOURCE_DATA)) {
    test(name, () => assert.equal(sourcesRow(decoded(report, reply)).join(), chronyc));
  }
});

test("a server is an address, and its last measurement has an age", () => {
  assert.deepEqual(decoded(report, FACEBOOK.sourceData), {
    source: { kind: "ntp", address: { family: "ipv6", text: "2401:db00:3110:20c0:face:0:48:0" } },
    pollLog2Seconds: 10,
    stratum: 2,
    state: "unselected",
    mode: "client",
    reachability: 255,
    latestMeasurement: {
      ageSeconds: 1705,
      originalOffsetSeconds: 4.719099888461642e-5,
      offsetSeconds: 4.990374873159453e-5,
      errorSeconds: 0.00017888184811454266,
    },
  });
});

test("a reference clock is its id, which looks like an address on the wire", () => {
  const { source, mode } = decoded(report, SOURCE_DATA.referenceClock.reply);
  assert.deepEqual(source, { kind: "reference clock", referenceId: 0x5048_4330 });
  assert.equal(mode, "reference clock");
});

test("a source whose name has no address is a number of chronyd's own", () => {
  const { source } = decoded(report, SOURCE_DATA.unresolved.reply);
  assert.deepEqual(source, { kind: "unresolved", identifier: 2 });
});

test("a source that never answered has no measurement, and not one of 0", () => {
  for (const { reply } of [SOURCE_DATA.silent, SOURCE_DATA.unsynchronised]) {
    assert.equal(decoded(report, reply).latestMeasurement, undefined);
  }
});

test("codes are chrony's", () => {
  const states = [0, 1, 2, 3, 4, 5].map(
    (value) => decodedWith({ offset: 52, width: 2, value }).state,
  );
  assert.deepEqual(states, [
    "selected",
    "nonselectable",
    "falseticker",
    "jittery",
    "unselected",
    "selectable",
  ]);
  const modes = [0, 1, 2].map((value) => decodedWith({ offset: 54, width: 2, value }).mode);
  assert.deepEqual(modes, ["client", "peer", "reference clock"]);
});

test("the stratum has two bytes", () => {
  assert.equal(decodedWith({ offset: 50, width: 2, value: 0x0110 }).stratum, 0x0110);
});

test("the poll is signed, and an offset may be", () => {
  const polls = [0x0018, 0xfff9, 0x007f, 0xff80].map(
    (value) => decodedWith({ offset: 48, width: 2, value }).pollLog2Seconds,
  );
  assert.deepEqual(polls, [24, -7, 127, -128]);
  for (const offset of [64, 68]) {
    decodedWith({ offset, width: 4, value: 0x81ff_ffff });
  }
});

describe("an invalid reply is an error with the place:", () => {
  const cases: readonly (readonly [what: string, patch: Patch, detail: string])[] = [
    [
      "an address of an unknown family",
      { offset: 44, width: 2, value: 4 },
      "the address at byte 28 is of family 4, expected 0 to 3",
    ],
    [
      "a server without an address",
      { offset: 44, width: 2, value: 0 },
      "the source at byte 28 has no address, and is no reference clock",
    ],
    [
      "a poll that would be an interval without end",
      { offset: 48, width: 2, value: 128 },
      "the poll at byte 48 is 128, expected -128 to 127",
    ],
    [
      "a poll that would be no interval",
      { offset: 48, width: 2, value: 0xff7f },
      "the poll at byte 48 is -129, expected -128 to 127",
    ],
    [
      "a state that chrony does not have",
      { offset: 52, width: 2, value: 6 },
      "the state at byte 52 is 6, expected 0 to 5",
    ],
    [
      "a mode that chrony does not have",
      { offset: 54, width: 2, value: 3 },
      "the mode at byte 54 is 3, expected 0 to 2",
    ],
    [
      "more than eight polls",
      { offset: 58, width: 2, value: 0x0100 },
      "the reachability at byte 58 is 256, expected 0 to 255",
    ],
    [
      "an error that would make a bound too small",
      { offset: 72, width: 4, value: 0x81ff_ffff },
      `the number at byte 72 is ${-(2 ** -89)}, expected 0 or more`,
    ],
  ];
  for (const [what, patch, detail] of cases) {
    test(what, () => {
      assert.deepEqual(refusalOf(report, patched(server, patch)), {
        kind: "invalid field",
        report: "SOURCE_DATA",
        detail,
      });
    });
  }
});

test("an index after the last source is rejected", () => {
  assert.deepEqual(refusalOf(report, NO_SUCH_SOURCE), {
    kind: "refused",
    report: "SOURCE_DATA",
    status: 4,
  });
});
