// NTP_SOURCE_NAME with the replies of a real chronyd (report-captures.ts), and with names written to
// one of them.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { encodeRequest } from "../../src/chrony/packet.ts";
import { sourceName } from "../../src/chrony/source-name.ts";
import { decoded, refusalOf } from "./decoded.ts";
import { SOURCE_NAMES } from "./report-captures.ts";

const report = sourceName({ family: "ipv4", text: "192.0.2.1" });
const LONGEST_BYTES = 255;

/** A reply with these bytes from the name's place on; those behind are zero. */
function naming(name: string, encoding: BufferEncoding = "latin1"): Uint8Array {
  const reply = new Uint8Array(284);
  reply.set(SOURCE_NAMES.localhost.reply.subarray(0, 28));
  reply.set(Buffer.from(name, encoding), 28);
  return reply;
}

test("is requested by address", () => {
  const request = encodeRequest(report, 0, 0x0102_0304);
  assert.equal(
    Buffer.from(request).toString("hex"),
    `060100000041000001020304${"00".repeat(8)}c0000201${"00".repeat(12)}0001${"00".repeat(246)}`,
  );
});

test("is what chronyc prints", () => {
  for (const { reply, chronyc } of Object.values(SOURCE_NAMES)) {
    assert.equal(decoded(report, reply), chronyc);
  }
});

test("ends at the first zero, whatever follows", () => {
  assert.equal(decoded(report, naming("ntp.example\0\u001b[31mrest")), "ntp.example");
});

test("may have any printable character of ASCII, and be as long as there is room", () => {
  const printable = Array.from({ length: 94 }, (_, index) => String.fromCharCode(0x21 + index));
  assert.equal(decoded(report, naming(printable.join(""))), printable.join(""));
  const longest = "a".repeat(LONGEST_BYTES);
  assert.equal(decoded(report, naming(longest)), longest);
});

describe("is an error", () => {
  const cases: readonly (readonly [what: string, reply: Uint8Array, detail: string])[] = [
    [
      "without a character",
      naming(""),
      "the name at byte 28 has the byte 0 at 28, expected printable ASCII and a zero at its end",
    ],
    [
      "with a space",
      naming("ntp example"),
      "the name at byte 28 has the byte 32 at 31, expected printable ASCII and a zero at its end",
    ],
    [
      "with a sequence that a terminal would obey",
      naming("\u001b[2Jntp"),
      "the name at byte 28 has the byte 27 at 28, expected printable ASCII and a zero at its end",
    ],
    [
      "with a line feed",
      naming("ntp\nchrony_up 1"),
      "the name at byte 28 has the byte 10 at 31, expected printable ASCII and a zero at its end",
    ],
    [
      "with a delete character",
      naming("ntp\u007f"),
      "the name at byte 28 has the byte 127 at 31, expected printable ASCII and a zero at its end",
    ],
    [
      "beyond ASCII",
      naming("é.example", "utf8"),
      "the name at byte 28 has the byte 195 at 28, expected printable ASCII and a zero at its end",
    ],
    [
      "without an end, as chronyd sends one that is too long",
      naming("a".repeat(LONGEST_BYTES + 1)),
      "the name at byte 28 has no end within 256 bytes",
    ],
  ];
  for (const [what, reply, detail] of cases) {
    test(what, () => {
      assert.deepEqual(refusalOf(report, reply), {
        kind: "invalid field",
        report: "NTP_SOURCE_NAME",
        detail,
      });
    });
  }
});
