/**
 * The three composite fields of chronyd's command protocol: float, timespec, address
 * (`Float`, `Timespec` and `IPAddr` in chrony's `candm.h`; conversions in its `util.c`).
 * All integers are big-endian. Offsets are bytes from the start of the datagram.
 */

/**
 * A field with an invalid value. The functions that read fields throw it; `decodeReply` in packet.ts
 * turns it into an error value.
 */
export class InvalidField extends Error {
  override readonly name = "InvalidField";
}

const COEFFICIENT_BITS = 25;
const EXPONENT_BITS = 7;

/**
 * A float of 4 bytes: the top 7 bits are a signed exponent, the low 25 bits a signed coefficient.
 *
 *     value = coefficient × 2^(exponent − 25)      0x04800000 is 1
 *
 * The format has no NaN and no infinity: every bit pattern is a finite number.
 */
export function readFloat(data: DataView, offset: number): number {
  const bits = data.getInt32(offset);
  const exponent = bits >> COEFFICIENT_BITS;
  const coefficient = (bits << EXPONENT_BITS) >> EXPONENT_BITS;
  return coefficient * 2 ** (exponent - COEFFICIENT_BITS);
}

/**
 * A float that is never negative (a dispersion, a delay, an interval).
 * @throws {InvalidField} when it is negative, because that would make an error bound too small.
 */
export function readNonNegativeFloat(data: DataView, offset: number): number {
  const value = readFloat(data, offset);
  if (value < 0) {
    throw new InvalidField(`the number at byte ${offset} is ${value}, expected 0 or more`);
  }
  return value;
}

/** The high word that a chronyd without 64-bit time sends (`TV_NOHIGHSEC`). Read as 0. */
const NO_HIGH_SECONDS = 0x7fff_ffff;

/**
 * A timespec of 12 bytes (seconds high, seconds low, nanoseconds), in seconds since 1970,
 * or `undefined` when it is not set (zero seconds).
 * @throws {InvalidField} when the nanoseconds are 1,000,000,000 or more.
 */
export function readTimespec(data: DataView, offset: number): number | undefined {
  const high = data.getUint32(offset);
  const low = data.getUint32(offset + 4);
  const nanoseconds = data.getUint32(offset + 8);
  if (nanoseconds >= 1_000_000_000) {
    throw new InvalidField(
      `the time at byte ${offset} has ${nanoseconds} nanoseconds, expected fewer than 1000000000`,
    );
  }
  const seconds = (high === NO_HIGH_SECONDS ? 0 : high) * 2 ** 32 + low;
  return seconds === 0 ? undefined : seconds + nanoseconds / 1e9;
}

/**
 * An unsigned integer of 8 bytes (`Integer64`). It is rounded above 2^53, the limit of JavaScript's
 * numbers.
 */
export function readUint64(data: DataView, offset: number): number {
  return data.getUint32(offset) * 2 ** 32 + data.getUint32(offset + 4);
}

/**
 * The name at index `code` of a list.
 * @param what the code is and its offset, for the error message
 * @throws {InvalidField} when the list has no such index.
 */
export function nameOfCode<Name extends string>(
  names: readonly Name[],
  code: number,
  what: string,
): Name {
  const name = names[code];
  if (name === undefined) {
    throw new InvalidField(`${what} is ${code}, expected 0 to ${names.length - 1}`);
  }
  return name;
}

/** An address as chronyd sends it. A source whose name is not resolved yet has an identifier instead. */
export type Address =
  | { readonly family: "unspecified" }
  | { readonly family: "ipv4"; readonly text: string }
  | { readonly family: "ipv6"; readonly text: string }
  | { readonly family: "unresolved"; readonly identifier: number };

/** An address that a packet can be sent to. */
export type IpAddress = Extract<Address, { readonly text: string }>;

/**
 * An address of 20 bytes: 16 bytes of address (IPv4 and identifiers use the first 4), then the
 * family, then padding.
 * @throws {InvalidField} when the family is unknown.
 */
export function readAddress(data: DataView, offset: number): Address {
  const family = data.getUint16(offset + 16);
  switch (family) {
    case 0:
      return { family: "unspecified" };
    case 1:
      return { family: "ipv4", text: [0, 1, 2, 3].map((i) => data.getUint8(offset + i)).join(".") };
    case 2:
      return { family: "ipv6", text: ipv6Text(data, offset) };
    case 3:
      return { family: "unresolved", identifier: data.getUint32(offset) };
    default:
      throw new InvalidField(
        `the address at byte ${offset} is of family ${family}, expected 0 to 3`,
      );
  }
}

/** Writes an address into 20 bytes of a request, in the format of {@link readAddress}. */
export function writeAddress(data: DataView, offset: number, address: IpAddress): void {
  if (address.family === "ipv4") {
    for (const [index, byte] of address.text.split(".").entries()) {
      data.setUint8(offset + index, Number(byte));
    }
    data.setUint16(offset + 16, 1);
  } else {
    for (const [index, group] of ipv6Groups(address.text).entries()) {
      data.setUint16(offset + 2 * index, group);
    }
    data.setUint16(offset + 16, 2);
  }
}

/** The canonical text of RFC 5952: lower case, no leading zeros, the longest run of zeros as `::`. */
function ipv6Text(data: DataView, offset: number): string {
  const groups = [0, 1, 2, 3, 4, 5, 6, 7].map((i) => data.getUint16(offset + 2 * i).toString(16));
  return new URL(`http://[${groups.join(":")}]`).hostname.slice(1, -1);
}

/** The eight groups of {@link ipv6Text}, with `::` expanded. An empty group, beside `::`, is 0. */
function ipv6Groups(text: string): readonly number[] {
  const [head = [], tail = []] = text
    .split("::")
    .map((half) => half.split(":").map((group) => Number(`0x0${group}`)));
  const zeros = Array.from({ length: 8 - head.length - tail.length }, () => 0);
  return [...head, ...zeros, ...tail];
}

const REFERENCE_CLOCK_NAME = /^[\x21-\x7e]+$/;

/**
 * A reference id as the name of a reference clock: up to four printable ASCII characters, padded with
 * zeros (0x50484330 is `PHC0`). Any other id is written as eight hexadecimal digits, so that no two
 * ids have the same text.
 */
export function referenceIdText(referenceId: number): string {
  const text = [24, 16, 8, 0]
    .map((shift) => String.fromCharCode((referenceId >>> shift) & 0xff))
    .join("")
    .replace(/\0+$/, "");
  return REFERENCE_CLOCK_NAME.test(text) ? text : referenceIdHex(referenceId);
}

/** A reference id as chronyc writes it beside a name: eight hexadecimal digits. */
export function referenceIdHex(referenceId: number): string {
  return referenceId.toString(16).toUpperCase().padStart(8, "0");
}
