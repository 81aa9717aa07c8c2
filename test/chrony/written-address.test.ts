// Addresses written into requests, against the tests' own writer (wire.ts), and read back.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import { readAddress, writeAddress } from "../../src/chrony/fields.ts";
import { address } from "./wire.ts";

const BEFORE = 20;

/** What `writeAddress` makes of what `readAddress` gave, behind other bytes. */
function rewritten(wire: DataView): Uint8Array {
  const read = readAddress(wire, 0);
  assert.ok(read.family === "ipv4" || read.family === "ipv6");
  const request = new Uint8Array(BEFORE + 20 + 4);
  writeAddress(new DataView(request.buffer), BEFORE, read);
  assert.deepEqual(request.subarray(0, BEFORE), new Uint8Array(BEFORE));
  assert.deepEqual(request.subarray(BEFORE + 20), new Uint8Array(4));
  return request.slice(BEFORE, BEFORE + 20);
}

function bytesOf(wire: DataView): Uint8Array {
  return new Uint8Array(wire.buffer);
}

describe("an address comes out as it came in:", () => {
  const groups: readonly (readonly [text: string, groups: readonly number[]])[] = [
    ["::", [0, 0, 0, 0, 0, 0, 0, 0]],
    ["::1", [0, 0, 0, 0, 0, 0, 0, 1]],
    ["2001:db8::", [0x2001, 0xdb8, 0, 0, 0, 0, 0, 0]],
    ["2001:db8::1:0:0:1", [0x2001, 0xdb8, 0, 0, 1, 0, 0, 1]],
    ["2001:db8:0:1:1:1:1:1", [0x2001, 0xdb8, 0, 1, 1, 1, 1, 1]],
    ["::ffff:c000:201", [0, 0, 0, 0, 0, 0xffff, 0xc000, 0x201]],
  ];
  for (const [text, numbers] of groups) {
    test(text, () => {
      const wire = address(
        2,
        numbers.flatMap((group) => [group >> 8, group & 0xff]),
      );
      assert.deepEqual(readAddress(wire, 0), { family: "ipv6", text });
      assert.deepEqual(rewritten(wire), bytesOf(wire));
    });
  }

  test("any of IPv4", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 4, maxLength: 4 }), (bytes) => {
        const wire = address(1, bytes);
        assert.deepEqual(rewritten(wire), bytesOf(wire));
      }),
    );
  });

  test("any of IPv6, with zeros where they like", () => {
    const byte = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 255 }));
    fc.assert(
      fc.property(fc.array(byte, { minLength: 16, maxLength: 16 }), (bytes) => {
        const wire = address(2, bytes);
        assert.deepEqual(rewritten(wire), bytesOf(wire));
      }),
      { numRuns: 2_000 },
    );
  });
});
