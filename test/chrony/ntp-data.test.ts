// NTP_DATA with the replies of real chronyds (report-captures.ts), all in layout 16. Layout 26 is constructed by candm.h,
// because no chronyd with it was available.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type NtpData, type NtpResponse, ntpData } from "../../src/chrony/ntp-data.ts";
import { encodeRequest } from "../../src/chrony/packet.ts";
import { comparableNtpdataRow, ntpdataRow } from "./chronyc-rows.ts";
import { decoded, refusalOf } from "./decoded.ts";
import { FACEBOOK, NTP_DATA } from "./report-captures.ts";
import { type Patch, patched } from "./wire.ts";

const report = ntpData({ family: "ipv4", text: "192.0.2.1" });
const server = NTP_DATA.server.reply;

function responseWith(...patches: Patch[]): NtpResponse {
  const { response } = decoded(report, patched(server, ...patches));
  assert.ok(response !== undefined);
  return response;
}

function flagsOf(value: number): Pick<NtpResponse, "tests" | "interleaved" | "authenticated"> {
  const { tests, interleaved, authenticated } = responseWith({ offset: 120, width: 2, value });
  return { tests, interleaved, authenticated };
}

test("is requested by address", () => {
  const requests = [report, ntpData({ family: "ipv6", text: "2001:db8::1" })].map((asked) =>
    Buffer.from(encodeRequest(asked, 0, 0x0102_0304)).toString("hex"),
  );
  const header = `060100000039000001020304${"00".repeat(8)}`;
  assert.deepEqual(requests, [
    `${header}c0000201${"00".repeat(12)}00010000${"00".repeat(132)}`,
    `${header}20010db8${"00".repeat(11)}0100020000${"00".repeat(132)}`,
  ]);
});

describe("the same as chronyc prints:", () => {
  for (const [name, { reply, chronyc }] of Object.entries(NTP_DATA)) {
    test(name, () => {
      const row = ntpdataRow(decoded(report, reply));
      assert.deepEqual(row, comparableNtpdataRow(chronyc.split(",")));
    });
  }
});

test("the reply that facebook/time captured, of a chronyd that did not count good packets yet", () => {
  const expected: NtpData = {
    remoteAddress: { family: "ipv6", text: "2401:db00:231c:2812:face:0:17b:0" },
    localAddress: { family: "ipv6", text: "2401:db00:eef0:1120:3520:0:2008:f06" },
    remotePort: 123,
    response: {
      leapStatus: "normal",
      version: 4,
      mode: 4,
      stratum: 2,
      pollLog2Seconds: 10,
      precisionLog2Seconds: -24,
      rootDelaySeconds: 1.52587890625e-5,
      rootDispersionSeconds: 1.52587890625e-5,
      referenceId: 601951030,
      referenceTimeSeconds: 1631205872.107668,
      measurement: {
        offsetSeconds: -0.0026783079374581575,
        peerDelaySeconds: 0.07885251939296722,
        peerDispersionSeconds: 8.49863042162724e-8,
        responseTimeSeconds: 5.000199962523766e-5,
        jitterAsymmetry: -0.49079379439353943,
      },
      tests: 0x3fd,
      interleaved: true,
      authenticated: false,
      transmitTimestamping: "kernel",
      receiveTimestamping: "kernel",
    },
    sentPackets: 4399,
    receivedPackets: 4396,
    validPackets: 4396,
    goodPackets: undefined,
  };
  assert.deepEqual(decoded(report, FACEBOOK.ntpData), expected);
});

test("a source that never answered has no response, and not one of zeros", () => {
  const { response, ...others } = decoded(report, NTP_DATA.silent.reply);
  assert.equal(response, undefined);
  assert.deepEqual(others, {
    remoteAddress: { family: "ipv4", text: "127.0.0.4" },
    localAddress: { family: "unspecified" },
    remotePort: 9,
    sentPackets: 4,
    receivedPackets: 0,
    validPackets: 0,
    goodPackets: 0,
  });
});

test("a response of a server that is not synchronised measures nothing, rather than an offset of 0", () => {
  const { response } = decoded(report, NTP_DATA.unsynchronised.reply);
  assert.equal(response?.leapStatus, "unsynchronised");
  assert.equal(response.stratum, 0);
  assert.equal(response.measurement, undefined);
});

describe("layout 26, constructed: layout 16 without its reserve, four counts, another reserve", () => {
  const reply = new Uint8Array(172).fill(0xff);
  reply.set(server.subarray(0, 140));
  const data = new DataView(reply.buffer);
  data.setUint16(6, 26);
  for (const [index, count] of [11, 12, 13, 14].entries()) {
    data.setUint32(140 + 4 * index, count);
  }

  test("adds who took the packets' times", () => {
    assert.deepEqual(decoded(report, reply), {
      ...decoded(report, server),
      kernelTransmitTimestamps: 11,
      kernelReceiveTimestamps: 12,
      hardwareTransmitTimestamps: 13,
      hardwareReceiveTimestamps: 14,
    });
  });

  test("differs from layout 16, and each has its own length", () => {
    for (const [code, bytes] of [
      [16, 172],
      [26, 152],
    ] as const) {
      const mixed = patched(reply.subarray(0, bytes), { offset: 6, width: 2, value: code });
      assert.equal(refusalOf(report, mixed).kind, "wrong length");
    }
  });
});

test("codes are chrony's, in one byte each", () => {
  const leapStatuses = [0, 1, 2, 3].map(
    (value) => responseWith({ offset: 70, width: 1, value }).leapStatus,
  );
  assert.deepEqual(leapStatuses, ["normal", "insert second", "delete second", "unsynchronised"]);
  for (const [letter, timestamping] of [
    ["D", "daemon"],
    ["K", "kernel"],
    ["H", "hardware"],
  ] as const) {
    const value = letter.charCodeAt(0);
    const sent = responseWith({ offset: 122, width: 1, value });
    assert.deepEqual(
      [sent.transmitTimestamping, sent.receiveTimestamping],
      [timestamping, "kernel"],
    );
    const received = responseWith({ offset: 123, width: 1, value });
    assert.deepEqual(
      [received.transmitTimestamping, received.receiveTimestamping],
      ["kernel", timestamping],
    );
  }
});

test("flags are bits of one number", () => {
  assert.deepEqual(flagsOf(0x03ff), { tests: 0x3ff, interleaved: false, authenticated: false });
  assert.deepEqual(flagsOf(0x4000), { tests: 0, interleaved: true, authenticated: false });
  assert.deepEqual(flagsOf(0x8000), { tests: 0, interleaved: false, authenticated: true });
  assert.deepEqual(flagsOf(0x3c01), { tests: 1, interleaved: false, authenticated: false });
});

describe("an invalid reply is an error with the place:", () => {
  const cases: readonly (readonly [what: string, patch: Patch, detail: string])[] = [
    ...[28, 48].map(
      (offset) =>
        [
          `an address of an unknown family at byte ${offset}`,
          { offset: offset + 16, width: 2, value: 4 },
          `the address at byte ${offset} is of family 4, expected 0 to 3`,
        ] as const,
    ),
    [
      "a leap status that NTP does not have",
      { offset: 70, width: 1, value: 4 },
      "the leap status at byte 70 is 4, expected 0 to 3",
    ],
    [
      "too many nanoseconds",
      { offset: 96, width: 4, value: 1_000_000_000 },
      "the time at byte 88 has 1000000000 nanoseconds, expected fewer than 1000000000",
    ],
    ...[76, 80, 104, 108, 112].map(
      (offset) =>
        [
          `a duration below zero at byte ${offset}`,
          { offset, width: 4, value: 0x81ff_ffff },
          `the number at byte ${offset} is ${-(2 ** -89)}, expected 0 or more`,
        ] as const,
    ),
    ...[122, 123].map(
      (offset) =>
        [
          `a timestamping that chrony does not have at byte ${offset}`,
          { offset, width: 1, value: 0 },
          `the timestamping at byte ${offset} is 0, expected 68 (D), 75 (K) or 72 (H)`,
        ] as const,
    ),
  ];
  for (const [what, patch, detail] of cases) {
    test(what, () => {
      assert.deepEqual(refusalOf(report, patched(server, patch)), {
        kind: "invalid field",
        report: "NTP_DATA",
        detail,
      });
    });
  }
});
