/**
 * NTP_SOURCE_NAME: the name of an NTP source in chronyd's configuration (a host name, or an address as text).
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
 * A text of printable ASCII, terminated by a zero. Other characters are invalid: host names and
 * addresses have none, and a control character would do harm in labels, terminals and pages. chronyd
 * cuts names of 256 bytes or more, so a text without a zero is incomplete.
 * @throws {InvalidField} when there is another character, no zero, or no text before it.
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
