// The tests' own writer of chronyd's fields, by the rules of chrony's util.c (UTI_FloatHostToNetwork,
// UTI_TimespecHostToNetwork, UTI_IPHostToNetwork). It shares no code with src/chrony/fields.ts.

const COEFFICIENT_BITS = 25;
const LARGEST_COEFFICIENT = 2 ** 24 - 1;
const LEAST_EXPONENT = -64;
const LARGEST_EXPONENT = 63;

/**
 * The 32 bits that chronyd sends for a number. NaN and tiny numbers become 0, too large ones the largest of their sign. The
 * coefficient is rounded at 25 bits; if it then needs more than 24, its lowest bits are dropped.
 */
export function floatBits(value: number): number {
  const size = Math.abs(value);
  // Two's complement has one more number below zero.
  const largest = value < 0 ? LARGEST_COEFFICIENT + 1 : LARGEST_COEFFICIENT;
  if (!(size >= 1e-100)) {
    return 0;
  }
  if (size > 1e100) {
    return joined(LARGEST_EXPONENT, Math.sign(value) * largest);
  }
  let exponent = Math.trunc(Math.log2(size) + 1);
  let coefficient = Math.floor(size * 2 ** (COEFFICIENT_BITS - exponent) + 0.5);
  while (coefficient > largest) {
    coefficient = Math.floor(coefficient / 2);
    exponent += 1;
  }
  if (exponent > LARGEST_EXPONENT) {
    return joined(LARGEST_EXPONENT, Math.sign(value) * largest);
  }
  if (exponent < LEAST_EXPONENT) {
    coefficient = Math.floor(coefficient / 2 ** (LEAST_EXPONENT - exponent));
    exponent = LEAST_EXPONENT;
  }
  return joined(exponent, Math.sign(value) * coefficient);
}

function joined(exponent: number, coefficient: number): number {
  const bits =
    (BigInt.asUintN(7, BigInt(exponent)) << 25n) | BigInt.asUintN(25, BigInt(coefficient));
  return Number(bits);
}

/** The 4 bytes of a float with these bits. */
export function floatOfBits(bits: number): DataView {
  const data = new DataView(new ArrayBuffer(4));
  data.setUint32(0, bits);
  return data;
}

/** The 12 bytes of a timespec. */
export function timespec(secondsHigh: number, secondsLow: number, nanoseconds: number): DataView {
  const data = new DataView(new ArrayBuffer(12));
  data.setUint32(0, secondsHigh);
  data.setUint32(4, secondsLow);
  data.setUint32(8, nanoseconds);
  return data;
}

/** The 20 bytes of an address: `bytes` from the first on, then the family at 16. */
export function address(family: number, bytes: Iterable<number>): DataView {
  const packet = new Uint8Array(20);
  packet.set([...bytes]);
  const data = new DataView(packet.buffer);
  data.setUint16(16, family);
  return data;
}

/** The new bytes and their offsets for {@link patched}. */
export type Patch = {
  readonly offset: number;
  readonly width: 1 | 2 | 4;
  readonly value: number;
};

/** A copy of a packet with some numbers in it replaced. */
export function patched(packet: Uint8Array, ...patches: readonly Patch[]): Uint8Array {
  const copy = Uint8Array.from(packet);
  const data = new DataView(copy.buffer);
  for (const { offset, width, value } of patches) {
    switch (width) {
      case 1:
        data.setUint8(offset, value);
        break;
      case 2:
        data.setUint16(offset, value);
        break;
      case 4:
        data.setUint32(offset, value);
        break;
    }
  }
  return copy;
}
