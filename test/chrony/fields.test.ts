// Reading and writing chronyd's fields. Exact numbers are computed by hand from the format
// (coefficient × 2^(exponent − 25)) or come from a real chronyd's reply (captures.ts). The properties compare with
// wire.ts, the tests' own writer by chrony's rules.

import assert from "node:assert/strict";
import { isIPv6 } from "node:net";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import {
  InvalidField,
  nameOfCode,
  readAddress,
  readFloat,
  readNonNegativeFloat,
  readTimespec,
  readUint64,
  referenceIdText,
  writeAddress,
} from "../../src/chrony/fields.ts";
import { REFERENCE_CLOCK } from "./captures.ts";
import { address, floatBits, floatOfBits, timespec } from "./wire.ts";

/** The offset of an address in a request. */
const BEFORE = 20;

const LARGEST = (2 ** 24 - 1) * 2 ** 38;
const SMALLEST = 2 ** -89;

/** Any 32 bits, more often those at the edges of both parts. */
const anyBits = fc.oneof(
  fc.integer({ min: 0, max: 0xffff_ffff }),
  fc
    .tuple(
      fc.constantFrom(0, 1, 0x3f, 0x40, 0x41, 0x7f),
      fc.constantFrom(0, 1, 0xff_ffff, 0x100_0000, 0x100_0001, 0x1ff_ffff),
    )
    .map(([exponent, coefficient]) => exponent * 2 ** 25 + coefficient),
);

describe("a float", () => {
  const exact: readonly (readonly [bits: number, value: number, what: string])[] = [
    [0x0000_0000, 0, "zero"],
    [0x8000_0000, 0, "zero, whatever the exponent"],
    [0x0480_0000, 1, "one, as chronyd sends it"],
    [0x0200_0001, 2 ** -24, "the lowest bit of the coefficient"],
    [0x0740_0000, -3, "minus three: exponent 3, coefficient −3 × 2^22"],
    [0x0700_0000, -4, "minus four: the sign of the coefficient is bit 24, not bit 31"],
    [0x7eff_ffff, LARGEST, "the largest"],
    [0x7f00_0000, -(2 ** 24) * 2 ** 38, "the largest below zero, which has one more"],
    [0x8000_0001, SMALLEST, "the smallest above zero"],
    [0x81ff_ffff, -SMALLEST, "the smallest below zero"],
    [0xfe80_0000, 2 ** -3, "an eighth: exponent −1, coefficient 2^23"],
    [0x0040_0000, 0.125, "an eighth again: the format has several ways to write a number"],
  ];
  for (const [bits, value, what] of exact) {
    test(`0x${bits.toString(16).padStart(8, "0")} is ${value}: ${what}`, () => {
      assert.equal(readFloat(floatOfBits(bits), 0), value);
    });
  }

  test("every bit pattern is a finite number, and never minus zero", () => {
    fc.assert(
      fc.property(anyBits, (bits) => {
        const value = readFloat(floatOfBits(bits), 0);
        assert.ok(Number.isFinite(value));
        assert.ok(!Object.is(value, -0));
      }),
      { numRuns: 100_000 },
    );
  });

  test("what chronyd writes is read back within the format's 23 bits", () => {
    const anySize = fc
      .tuple(
        fc.double({ min: 1, max: 2, maxExcluded: true, noNaN: true }),
        fc.integer({ min: -65, max: 61 }),
      )
      .map(([fraction, exponent]) => fraction * 2 ** exponent);
    fc.assert(
      fc.property(anySize, fc.constantFrom(1, -1), (size, sign) => {
        const value = sign * size;
        const read = readFloat(floatOfBits(floatBits(value)), 0);
        assert.ok(Math.abs(read - value) <= size * 2 ** -23, `${value} came back as ${read}`);
      }),
      { numRuns: 20_000 },
    );
  });

  test("what chronyd writes for any number is read back with its sign, within the format's limits", () => {
    const anyNumber = fc.double({ noNaN: true });
    fc.assert(
      fc.property(anyNumber, (value) => {
        const read = readFloat(floatOfBits(floatBits(value)), 0);
        assert.ok(read === 0 || Math.sign(read) === Math.sign(value));
        const within = Math.max(-LARGEST - 2 ** 38, Math.min(LARGEST, value));
        assert.ok(Math.abs(read - within) <= Math.abs(within) * 2 ** -23 + SMALLEST);
      }),
      { numRuns: 20_000 },
    );
  });

  test("reading and writing again gives the same number", () => {
    fc.assert(
      fc.property(anyBits, (bits) => {
        const value = readFloat(floatOfBits(bits), 0);
        assert.equal(readFloat(floatOfBits(floatBits(value)), 0), value);
      }),
      { numRuns: 20_000 },
    );
  });

  test("the tests' own writer agrees with a real chronyd", () => {
    const data = new DataView(REFERENCE_CLOCK.reply.buffer);
    assert.equal(floatBits(1e-9), data.getUint32(92), "the root delay it was configured with");
    assert.equal(floatBits(1), 0x0480_0000);
    assert.equal(floatBits(Number.NaN), 0);
    assert.equal(floatBits(1e300), 0x7eff_ffff);
    assert.equal(floatBits(-1e300), 0x7f00_0000);
  });

  test("is read at its offset", () => {
    const data = new DataView(new ArrayBuffer(12));
    data.setUint32(4, 0x0480_0000);
    assert.deepEqual([readFloat(data, 0), readFloat(data, 4), readFloat(data, 8)], [0, 1, 0]);
  });
});

describe("a float that cannot be negative", () => {
  test("is the same number when it is not negative", () => {
    assert.equal(readNonNegativeFloat(floatOfBits(0), 0), 0);
    assert.equal(readNonNegativeFloat(floatOfBits(0x8000_0001), 0), SMALLEST);
  });

  test("is rejected when it is negative by any amount, with the value and its place", () => {
    assert.throws(() => readNonNegativeFloat(floatOfBits(0x81ff_ffff), 0), {
      name: "InvalidField",
      message: `the number at byte 0 is ${-SMALLEST}, expected 0 or more`,
    });
  });
});

describe("a time", () => {
  test("is seconds and nanoseconds since 1970", () => {
    assert.equal(readTimespec(timespec(0, 1_795_366_512, 500_000_000), 0), 1_795_366_512.5);
  });

  test("continues after 2106, by the high word", () => {
    assert.equal(readTimespec(timespec(1, 5, 0), 0), 2 ** 32 + 5);
  });

  test("of a chronyd without 64-bit time has 0x7fffffff for a high word, which means none", () => {
    assert.equal(readTimespec(timespec(0x7fff_ffff, 1_795_366_512, 0), 0), 1_795_366_512);
  });

  test("is not set when there are no seconds", () => {
    assert.equal(readTimespec(timespec(0, 0, 0), 0), undefined);
    assert.equal(readTimespec(timespec(0x7fff_ffff, 0, 0), 0), undefined);
  });

  test("may have 999999999 nanoseconds", () => {
    assert.equal(readTimespec(timespec(0, 1, 999_999_999), 0), 1.999999999);
  });

  for (const nanoseconds of [1_000_000_000, 0xffff_ffff]) {
    test(`is rejected with ${nanoseconds} nanoseconds`, () => {
      assert.throws(() => readTimespec(timespec(0, 1, nanoseconds), 0), {
        name: "InvalidField",
        message: `the time at byte 0 has ${nanoseconds} nanoseconds, expected fewer than 1000000000`,
      });
    });
  }

  test("that is set is read to the microsecond, which is what a double holds for this century", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 0xffff_ffff }),
        fc.integer({ min: 0, max: 999_999_999 }),
        (seconds, nanoseconds) => {
          const read = readTimespec(timespec(0, seconds, nanoseconds), 0);
          assert.ok(read !== undefined);
          assert.ok(Math.abs(read - seconds - nanoseconds / 1e9) < 1e-6);
        },
      ),
    );
  });
});

describe("an integer of 64 bits", () => {
  const exact: readonly (readonly [hex: string, value: number])[] = [
    ["0000000000000000", 0],
    ["0000000000000007", 7],
    ["00000000ffffffff", 0xffff_ffff],
    ["0000000100000000", 2 ** 32],
    ["0000000500000006", 5 * 2 ** 32 + 6],
    ["ffffffffffffffff", 2 ** 64],
  ];
  for (const [hex, value] of exact) {
    test(`0x${hex} is ${value}`, () => {
      const data = new DataView(
        Uint8Array.from(Buffer.from(`ffffffff${hex}ffffffff`, "hex")).buffer,
      );
      assert.equal(readUint64(data, 4), value);
    });
  }
});

describe("a code", () => {
  const names = ["normal", "insert", "delete"] as const;
  test("is the name at its index", () => {
    assert.deepEqual(
      [0, 1, 2].map((code) => nameOfCode(names, code, "the code")),
      names,
    );
  });

  test("without a name is rejected, with its value, its place and the expected codes", () => {
    assert.throws(() => nameOfCode(names, 3, "the leap status at byte 54"), {
      name: "InvalidField",
      message: "the leap status at byte 54 is 3, expected 0 to 2",
    });
  });
});

describe("an address", () => {
  test("of family 0 is none", () => {
    assert.deepEqual(readAddress(address(0, [1, 2, 3, 4]), 0), { family: "unspecified" });
  });

  test("of family 1 is IPv4, in the first four bytes", () => {
    const read = readAddress(address(1, [192, 0, 2, 1, 9, 9, 9, 9]), 0);
    assert.deepEqual(read, { family: "ipv4", text: "192.0.2.1" });
  });

  test("of family 3 is the number of a source whose name is not resolved yet", () => {
    const read = readAddress(address(3, [0xff, 0, 0, 7]), 0);
    assert.deepEqual(read, { family: "unresolved", identifier: 0xff00_0007 });
  });

  for (const family of [4, 0xffff]) {
    test(`of family ${family} is rejected`, () => {
      assert.throws(() => readAddress(address(family, []), 0), {
        name: "InvalidField",
        message: `the address at byte 0 is of family ${family}, expected 0 to 3`,
      });
    });
  }

  // RFC 5952, section 4, example by example.
  const canonical: readonly (readonly [groups: string, text: string, rule: string])[] = [
    ["2001:0db8:0000:0000:0001:0000:0000:0001", "2001:db8::1:0:0:1", "the first of two equal runs"],
    ["2001:0db8:0000:0001:0001:0001:0001:0001", "2001:db8:0:1:1:1:1:1", "not a single group"],
    ["2001:0000:0000:0001:0000:0000:0000:0001", "2001:0:0:1::1", "the longest run"],
    ["2001:0DB8:0000:0000:0000:0000:0002:0001", "2001:db8::2:1", "lower case, no leading zeros"],
    ["0000:0000:0000:0000:0000:0000:0000:0000", "::", "nothing but zeros"],
    ["0000:0000:0000:0000:0000:0000:0000:0001", "::1", "zeros in front"],
    ["fe80:0000:0000:0000:0000:0000:0000:0000", "fe80::", "zeros behind"],
  ];
  for (const [groups, text, rule] of canonical) {
    test(`of family 2 is IPv6, as RFC 5952 writes it: ${text} (${rule})`, () => {
      assert.deepEqual(readAddress(address(2, bytesOfGroups(groups)), 0), { family: "ipv6", text });
    });
  }

  test("of family 2 is always a text that names the same 16 bytes", () => {
    // Zeros often, so that runs of them come up.
    const group = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 0xffff }));
    const groups = fc.array(group, { minLength: 8, maxLength: 8 });
    fc.assert(
      fc.property(groups, (wanted) => {
        const bytes = wanted.flatMap((value) => [value >> 8, value & 0xff]);
        const read = readAddress(address(2, bytes), 0);
        assert.ok(read.family === "ipv6");
        assert.ok(isIPv6(read.text), read.text);
        assert.deepEqual(groupsOfText(read.text), wanted, read.text);
      }),
    );
  });
});

describe("an address is written as it was read:", () => {
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

  test("any of IPv6, with zeros anywhere", () => {
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

describe("a reference id as a name", () => {
  const names: readonly (readonly [referenceId: number, name: string])[] = [
    [0x5048_4330, "PHC0"],
    [0x5050_5300, "PPS"],
    [0x4750_5300, "GPS"],
    [0, "00000000"],
    [0x2020_2020, "20202020"],
    [0xc0a8_0001, "C0A80001"],
    [0x417f_1f42, "417F1F42"],
    [0x4100_4200, "41004200"],
  ];
  for (const [referenceId, name] of names) {
    test(`of 0x${referenceId.toString(16).padStart(8, "0")} is "${name}"`, () => {
      assert.equal(referenceIdText(referenceId), name);
    });
  }
});

test("what a reader rejects is an InvalidField, which the decoder distinguishes from a bug", () => {
  assert.throws(() => readTimespec(timespec(0, 1, 2 ** 31), 0), InvalidField);
  assert.throws(() => readFloat(floatOfBits(0), 1), RangeError, "outside the packet is a bug");
});

function bytesOfGroups(groups: string): Uint8Array {
  return Buffer.from(groups.replaceAll(":", ""), "hex");
}

/** The eight groups of an IPv6 address, with `::` expanded. */
function groupsOfText(text: string): number[] {
  const [front = [], back = []] = text
    .split("::")
    .map((part) => part.split(":").filter((group) => group !== ""))
    .map((groups) => groups.map((group) => Number.parseInt(group, 16)));
  const missing = text.includes("::") ? 8 - front.length - back.length : 0;
  return [...front, ...Array.from({ length: missing }, () => 0), ...back];
}

/** What `writeAddress` writes for the result of `readAddress`. It must change no other byte. */
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
