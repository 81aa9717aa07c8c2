// The decoder of TRACKING with replies of real chronyds (captures.ts), compared with complete expected records, and with
// chronyc's output for the same chronyd.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { decodeReply, encodeRequest } from "../../src/chrony/packet.ts";
import {
  followsItself,
  type LeapStatus,
  type Tracking,
  tracking,
} from "../../src/chrony/tracking.ts";
import {
  LOCAL,
  NEVER_SYNCHRONISED,
  OVER_IPV6,
  REFERENCE_CLOCK,
  SOURCE_LOST,
  SYNCHRONISED,
} from "./captures.ts";
import { type Patch, patched } from "./wire.ts";

function decoded(reply: Uint8Array): Tracking {
  const result = decodeReply(tracking, reply);
  assert.ok(result.ok, "the reply is refused");
  return result.value;
}

test("is requested with 104 bytes, because chronyd does not answer a request that is shorter than its reply", () => {
  const request = Buffer.from(encodeRequest(tracking, 0, 1));
  assert.deepEqual([request.byteLength, request.readUInt16BE(4)], [104, 33]);
});

test("a chronyd with 127.127.1.1 and no address follows itself", () => {
  assert.equal(followsItself(decoded(LOCAL.reply)), true);
  const address = { family: "ipv4", text: "192.0.2.1" } as const;
  assert.equal(followsItself({ ...decoded(LOCAL.reply), address }), false, "a follower by copy");
  assert.equal(followsItself(decoded(REFERENCE_CLOCK.reply)), false);
  assert.equal(followsItself(decoded(SYNCHRONISED.reply)), false);
});

test("a chronyd that never synchronised reports it, with a second of delay and of dispersion", () => {
  assert.deepEqual(decoded(NEVER_SYNCHRONISED.reply), {
    referenceId: 0,
    address: { family: "unspecified" },
    stratum: 0,
    leapStatus: "unsynchronised",
    referenceTimeSeconds: undefined,
    systemTimeOffsetSeconds: 0,
    lastOffsetSeconds: 0,
    rmsOffsetSeconds: 0,
    frequencyPpm: 0,
    residualFrequencyPpm: 0,
    skewPpm: 0,
    rootDelaySeconds: 1,
    rootDispersionSeconds: 1,
    updateIntervalSeconds: 0,
  });
});

test("a reply from facebook/time gives its expected numbers", () => {
  assert.deepEqual(decoded(OVER_IPV6.reply), {
    referenceId: 3861235310,
    address: { family: "ipv6", text: "2401:db00:3110:2132:face:0:8e:0" },
    stratum: 3,
    leapStatus: "normal",
    referenceTimeSeconds: 1631117697.9157052,
    systemTimeOffsetSeconds: -3.4395072816550964e-6,
    lastOffsetSeconds: -2.823539716700907e-6,
    rmsOffsetSeconds: 1.405413968313951e-5,
    frequencyPpm: -1.5478190183639526,
    residualFrequencyPpm: -0.00012660636275541037,
    skewPpm: 0.005385049618780613,
    rootDelaySeconds: 0.00022063794312998652,
    rootDispersionSeconds: 0.0010384710039943457,
    updateIntervalSeconds: 520.49078369140625,
  });
});

describe("the same numbers as chronyc prints:", () => {
  const captures = { NEVER_SYNCHRONISED, LOCAL, SYNCHRONISED, SOURCE_LOST, REFERENCE_CLOCK };
  for (const [name, { reply, chronyc }] of Object.entries(captures)) {
    test(name, () => {
      const [referenceId, name, stratum, referenceTime, ...numbers] = chronyc.split(",");
      const { address, ...record } = decoded(reply);
      assert.equal(record.referenceId.toString(16).toUpperCase().padStart(8, "0"), referenceId);
      if (address.family === "ipv4") {
        assert.equal(address.text, name);
      } else {
        assert.equal(address.family, "unspecified");
      }
      assert.equal(`${record.stratum}`, stratum);
      assert.equal(record.referenceTimeSeconds ?? 0, Number(referenceTime));

      // Computed for each answer, and chronyc's came a few milliseconds later.
      const [laterDispersion] = numbers.splice(7, 1);
      const grownSeconds = Number(laterDispersion) - record.rootDispersionSeconds;
      assert.ok(grownSeconds >= 0 && grownSeconds < 1e-7, `grown by ${grownSeconds} s`);
      const [laterOffset] = numbers.splice(0, 1);
      const slewedSeconds = Math.abs(Number(laterOffset) - record.systemTimeOffsetSeconds);
      assert.ok(slewedSeconds < 1e-8, `slewed by ${slewedSeconds} s`);
      assert.deepEqual(
        [
          record.lastOffsetSeconds.toFixed(9),
          record.rmsOffsetSeconds.toFixed(9),
          record.frequencyPpm.toFixed(3),
          record.residualFrequencyPpm.toFixed(3),
          record.skewPpm.toFixed(3),
          record.rootDelaySeconds.toFixed(9),
          record.updateIntervalSeconds.toFixed(1),
          record.leapStatus === "unsynchronised" ? "Not synchronised" : "Normal",
        ],
        numbers,
      );
    });
  }
});

test("a stratum has two bytes", () => {
  const reply = patched(SYNCHRONISED.reply, { offset: 52, width: 2, value: 0x0102 });
  assert.equal(decoded(reply).stratum, 258);
});

describe("leap status", () => {
  const codes: readonly LeapStatus[] = [
    "normal",
    "insert second",
    "delete second",
    "unsynchronised",
  ];
  for (const [code, leapStatus] of codes.entries()) {
    test(`${code} is ${leapStatus}`, () => {
      const reply = patched(SYNCHRONISED.reply, { offset: 54, width: 2, value: code });
      assert.equal(decoded(reply).leapStatus, leapStatus);
    });
  }
});

describe("an invalid reply is an error with the place:", () => {
  const LEAST_BELOW_ZERO = 0x81ff_ffff;
  const cases: readonly (readonly [what: string, patch: Patch, detail: string])[] = [
    [
      "a leap status that chrony does not have",
      { offset: 54, width: 2, value: 4 },
      "the leap status at byte 54 is 4, expected 0 to 3",
    ],
    [
      "a leap status whose low byte alone would do",
      { offset: 54, width: 2, value: 0x0100 },
      "the leap status at byte 54 is 256, expected 0 to 3",
    ],
    [
      "an address of an unknown family",
      { offset: 48, width: 2, value: 4 },
      "the address at byte 32 is of family 4, expected 0 to 3",
    ],
    [
      "too many nanoseconds",
      { offset: 64, width: 4, value: 1_000_000_000 },
      "the time at byte 56 has 1000000000 nanoseconds, expected fewer than 1000000000",
    ],
    ...[92, 96, 100].map(
      (offset) =>
        [
          `a number at byte ${offset} that would make the error bound or the limit too small`,
          { offset, width: 4, value: LEAST_BELOW_ZERO },
          `the number at byte ${offset} is ${-(2 ** -89)}, expected 0 or more`,
        ] as const,
    ),
  ];
  for (const [what, patch, detail] of cases) {
    test(what, () => {
      assert.deepEqual(decodeReply(tracking, patched(SYNCHRONISED.reply, patch)), {
        ok: false,
        error: { kind: "invalid field", report: "TRACKING", detail },
      });
    });
  }

  test("offsets and frequencies may be negative", () => {
    for (const offset of [68, 72, 80, 84]) {
      const patch: Patch = { offset, width: 4, value: LEAST_BELOW_ZERO };
      assert.ok(decodeReply(tracking, patched(SYNCHRONISED.reply, patch)).ok, `byte ${offset}`);
    }
  });
});
