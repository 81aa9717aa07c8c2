// SERVER_STATS in all layouts of chrony: 24 and 14 from real chronyds (report-captures.ts), 22 from facebook/time, and 22
// and 25 constructed by candm.h, because no chronyd with them was available. All constructed counts differ, so that none
// can be in the place of another.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { encodeRequest } from "../../src/chrony/packet.ts";
import { serverStatistics } from "../../src/chrony/server-statistics.ts";
import { serverstatsRow } from "./chronyc-rows.ts";
import { decoded, refusalOf } from "./decoded.ts";
import { FACEBOOK, SERVER_STATISTICS } from "./report-captures.ts";

/** The captured header, another layout's code, and these counts. */
function constructed(code: number, bytes: number, countBytes: 4 | 8, counts: readonly bigint[]) {
  const reply = new Uint8Array(bytes).fill(0xff);
  reply.set(SERVER_STATISTICS.reply.subarray(0, 28));
  const data = new DataView(reply.buffer);
  data.setUint16(6, code);
  for (const [index, count] of counts.entries()) {
    if (countBytes === 4) {
      data.setUint32(28 + 4 * index, Number(count));
    } else {
      data.setBigUint64(28 + 8 * index, count);
    }
  }
  return reply;
}

/** 1, 2, 3 … */
function countsUpTo(last: number): bigint[] {
  return Array.from({ length: last }, (_, index) => BigInt(index + 1));
}

test("is requested with room for the longest reply", () => {
  const request = encodeRequest(serverStatistics, 0, 0x0102_0304);
  assert.equal(Buffer.from(request).toString("hex"), `060100000036000001020304${"00".repeat(184)}`);
});

test("layout 24 agrees with chronyc, whose own command is one more", () => {
  const row = serverstatsRow(decoded(serverStatistics, SERVER_STATISTICS.reply));
  assert.equal(row[2], "193");
  assert.equal(row.with(2, "194").join(), SERVER_STATISTICS.chronyc);
});

test("layout 14, captured: no NTS, no interleaved mode, no timestamps", () => {
  assert.deepEqual(decoded(serverStatistics, FACEBOOK.serverStatistics14), {
    ntpPacketsReceived: 0,
    commandPacketsReceived: 1049549,
    ntpPacketsDropped: 0,
    commandPacketsDropped: 0,
    clientLogRecordsDropped: 0,
  });
});

test("layout 22, as facebook/time has it", () => {
  const { ntsKeConnectionsAccepted, commandPacketsDropped, ...others } = decoded(
    serverStatistics,
    FACEBOOK.serverStatistics22,
  );
  assert.deepEqual([ntsKeConnectionsAccepted, commandPacketsDropped], [1049549, 553648383]);
  assert.deepEqual([...new Set(Object.values(others))], [0]);
});

describe("constructed counts are in their fields:", () => {
  const inLayout14 = {
    ntpPacketsReceived: 1,
    commandPacketsReceived: 2,
    ntpPacketsDropped: 3,
    commandPacketsDropped: 4,
    clientLogRecordsDropped: 5,
  };
  const inLayout22 = {
    ntpPacketsReceived: 1,
    ntsKeConnectionsAccepted: 2,
    commandPacketsReceived: 3,
    ntpPacketsDropped: 4,
    ntsKeConnectionsDropped: 5,
    commandPacketsDropped: 6,
    clientLogRecordsDropped: 7,
    authenticatedNtpPackets: 8,
  };
  const inLayout24 = {
    ...inLayout22,
    interleavedNtpPackets: 9,
    ntpTimestampsHeld: 10,
    ntpTimestampSpanSeconds: 11,
  };
  const inLayout25 = {
    ...inLayout24,
    ntpDaemonReceiveTimestamps: 12,
    ntpDaemonTransmitTimestamps: 13,
    ntpKernelReceiveTimestamps: 14,
    ntpKernelTransmitTimestamps: 15,
    ntpHardwareReceiveTimestamps: 16,
    ntpHardwareTransmitTimestamps: 17,
  };
  const layouts = [
    { code: 14, bytes: 48, countBytes: 4, counts: 5, expected: inLayout14 },
    { code: 22, bytes: 60, countBytes: 4, counts: 8, expected: inLayout22 },
    { code: 24, bytes: 72, countBytes: 4, counts: 11, expected: inLayout24 },
    { code: 25, bytes: 196, countBytes: 8, counts: 17, expected: inLayout25 },
  ] as const;
  for (const { code, bytes, countBytes, counts, expected } of layouts) {
    test(`layout ${code}`, () => {
      const reply = constructed(code, bytes, countBytes, countsUpTo(counts));
      assert.deepEqual(decoded(serverStatistics, reply), expected);
    });
  }
  test("a layout with another one's length is an error", () => {
    for (const { code, bytes: expectedBytes } of layouts) {
      for (const { bytes } of layouts.filter((layout) => layout.code !== code)) {
        assert.deepEqual(refusalOf(serverStatistics, constructed(code, bytes, 4, [])), {
          kind: "wrong length",
          report: "SERVER_STATS",
          bytes,
          expectedBytes,
        });
      }
    }
  });
});

test("the counts of layout 25 have eight bytes", () => {
  const counts = [2n ** 32n + 1n, 2n ** 53n - 1n, 2n ** 64n - 1n];
  const statistics = decoded(serverStatistics, constructed(25, 196, 8, counts));
  assert.equal(statistics.ntpPacketsReceived, 4294967297);
  assert.equal(statistics.ntsKeConnectionsAccepted, 9007199254740991);
  assert.equal(statistics.commandPacketsReceived, 2 ** 64);
});

test("a layout of the future is an error that names those known", () => {
  assert.deepEqual(refusalOf(serverStatistics, constructed(27, 228, 8, [])), {
    kind: "wrong reply",
    report: "SERVER_STATS",
    code: 27,
    expected: [14, 22, 24, 25],
  });
});
