/**
 * NTP_SOURCE_NAME: what chronyd's configuration calls an NTP source (a name, or an address as text).
 * Command 65, reply 19, 284 bytes each (`RPY_NTPSourceName` in chrony's `candm.h`).
 */
import { InvalidField, type IpAddress, writeAddress } from "./fields.ts";
import type { Report } from "./packet.ts";

export function sourceName(address: IpAddress): Report<string> {
  return {
    name: "NTP_SOURCE_NAME",
    command: 65,
    requestBytes: 284,
    writeRequestData: (data) => writeAddress(data, 20, address),
    replies: [{ code: 19, bytes: 284, decode: (data) => readName(data, 28, 256) }],
  };
}

/**
 * A text of printable ASCII that ends with a zero. Names of hosts and addresses have no other
 * characters, and this one ends up in labels, on terminals and in pages, where a control character
 * or half a character of UTF-8 would do harm. chronyd cuts a name of 256 bytes or more, and then
 * there is no zero: such a name is not whole.
 * @throws {InvalidField} when there is another character, no zero, or nothing before it.
 */
function readName(data: DataView, offset: number, longestBytes: number): string {
  let name = "";
  for (let index = offset; index < offset + longestBytes; index += 1) {
    const byte = data.getUint8(index);
    if (byte === 0 && name !== "") {
      return name;
    }
    if (byte <= 0x20 || byte >= 0x7f) {
      throw new InvalidField(
        `the name at byte ${offset} has the byte ${byte} at ${index}, expected printable ASCII and a zero at its end`,
      );
    }
    name += String.fromCharCode(byte);
  }
  throw new InvalidField(`the name at byte ${offset} has no end within ${longestBytes} bytes`);
}
