// The replies of each report, without its decoder: captures of real chronyds (captures.ts, report-captures.ts), layouts
// constructed from them, and `isGood…`, a second check of the data. They are written from the protocol's description and
// share no code with the decoders.

import { activity } from "../../src/chrony/activity.ts";
import { ntpData } from "../../src/chrony/ntp-data.ts";
import { numberOfSources } from "../../src/chrony/number-of-sources.ts";
import type { Report } from "../../src/chrony/packet.ts";
import { serverStatistics } from "../../src/chrony/server-statistics.ts";
import { sourceData } from "../../src/chrony/source-data.ts";
import { sourceName } from "../../src/chrony/source-name.ts";
import { sourceStatistics } from "../../src/chrony/source-statistics.ts";
import { tracking } from "../../src/chrony/tracking.ts";
import { OTHER_REPLIES, REFUSALS, TRACKING_REPLIES } from "./captures.ts";
import {
  ACTIVITY,
  FACEBOOK,
  NO_SUCH_SOURCE,
  NTP_DATA,
  NUMBER_OF_SOURCES,
  SERVER_STATISTICS,
  SOURCE_DATA,
  SOURCE_NAMES,
  SOURCE_STATISTICS,
} from "./report-captures.ts";
import { patched } from "./wire.ts";

const ADDRESS = { family: "ipv4", text: "192.0.2.1" } as const;

/** A report's replies, and the check of its data. */
export type ReplySubject = {
  readonly report: Report<unknown>;
  /** Good replies. */
  readonly replies: readonly Uint8Array[];
  readonly command: number;
  /** The length of a reply by code. */
  readonly layouts: Readonly<Record<number, number>>;
  /** Whether the data of a reply with a valid header is valid. */
  readonly isGoodData: (packet: Packet) => boolean;
  /** The checked fields of the data, and the values to try. */
  readonly fields: readonly {
    readonly offsets: readonly number[];
    readonly width: 1 | 2 | 4;
    readonly values: readonly number[];
  }[];
};

/** A float of chrony: zeros of several kinds, just below and above zero, and both ends. */
const FLOATS = [0, 0x8000_0000, 0x8000_0001, 0x81ff_ffff, 0x7eff_ffff, 0x7f00_0000, 0x7fc0_0000];
const COUNTS = [0, 1, 2, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff];
const FAMILIES = [0, 1, 2, 3, 4, 0x0100, 0xffff];
const CODES = [0, 1, 2, 3, 4, 5, 6, 7, 0x0100, 0xffff];

/** Every report that the agent requests. */
export const REPLY_SUBJECTS: readonly ReplySubject[] = [
  {
    report: tracking,
    replies: TRACKING_REPLIES.map(({ reply }) => reply),
    command: 33,
    layouts: { 5: 104 },
    isGoodData: isGoodTracking,
    fields: [
      { offsets: [48, 54], width: 2, values: FAMILIES },
      { offsets: [52], width: 2, values: [0, 1, 15, 16, 0xffff] },
      { offsets: [56, 60], width: 4, values: COUNTS },
      { offsets: [64], width: 4, values: [0, 999_999_999, 1_000_000_000, 0xffff_ffff] },
      { offsets: [68, 72, 76, 80, 84, 88, 92, 96, 100], width: 4, values: FLOATS },
    ],
  },
  {
    report: numberOfSources,
    replies: [NUMBER_OF_SOURCES, FACEBOOK.numberOfSources],
    command: 14,
    layouts: { 2: 32 },
    isGoodData: () => true,
    fields: [{ offsets: [28], width: 4, values: COUNTS }],
  },
  {
    report: sourceData(0),
    replies: [...Object.values(SOURCE_DATA).map(({ reply }) => reply), FACEBOOK.sourceData],
    command: 15,
    layouts: { 3: 76 },
    isGoodData: isGoodSourceData,
    fields: [
      { offsets: [44], width: 2, values: FAMILIES },
      { offsets: [48], width: 2, values: [0, 127, 128, 0xff80, 0xff7f, 0x7fff, 0x8000] },
      { offsets: [52, 54], width: 2, values: CODES },
      { offsets: [58], width: 2, values: [0, 255, 256, 0xffff] },
      { offsets: [60], width: 4, values: COUNTS },
      { offsets: [64, 68, 72], width: 4, values: FLOATS },
    ],
  },
  {
    report: sourceStatistics(0),
    replies: [
      ...Object.values(SOURCE_STATISTICS).map(({ reply }) => reply),
      FACEBOOK.sourceStatistics,
    ],
    command: 34,
    layouts: { 6: 84 },
    isGoodData: isGoodSourceStatistics,
    fields: [
      { offsets: [48], width: 2, values: FAMILIES },
      { offsets: [64, 68, 72, 76, 80], width: 4, values: FLOATS },
    ],
  },
  {
    report: activity,
    replies: [ACTIVITY.reply],
    command: 44,
    layouts: { 12: 48 },
    isGoodData: (packet) => [28, 32, 36, 40, 44].every((offset) => packet.number(offset, 1) < 128),
    fields: [{ offsets: [28, 32, 36, 40, 44], width: 4, values: COUNTS }],
  },
  {
    report: serverStatistics,
    replies: [
      SERVER_STATISTICS.reply,
      FACEBOOK.serverStatistics14,
      FACEBOOK.serverStatistics22,
      constructed(SERVER_STATISTICS.reply, 25, 196),
    ],
    command: 54,
    layouts: { 14: 48, 22: 60, 24: 72, 25: 196 },
    isGoodData: () => true,
    fields: [
      { offsets: [6], width: 2, values: [14, 22, 24, 25, 26] },
      { offsets: [28, 32, 64, 156, 160], width: 4, values: COUNTS },
    ],
  },
  {
    report: ntpData(ADDRESS),
    replies: [
      ...Object.values(NTP_DATA).map(({ reply }) => reply),
      FACEBOOK.ntpData,
      constructed(NTP_DATA.server.reply, 26, 172),
    ],
    command: 57,
    layouts: { 16: 152, 26: 172 },
    isGoodData: isGoodNtpData,
    fields: [
      { offsets: [6], width: 2, values: [16, 26, 27] },
      { offsets: [44, 64], width: 2, values: FAMILIES },
      { offsets: [70], width: 1, values: [0, 1, 2, 3, 4, 255] },
      { offsets: [76, 80, 100, 104, 108, 112, 116], width: 4, values: FLOATS },
      { offsets: [88, 92], width: 4, values: COUNTS },
      { offsets: [96], width: 4, values: [0, 999_999_999, 1_000_000_000, 0xffff_ffff] },
      { offsets: [120], width: 2, values: CODES },
      { offsets: [122, 123], width: 1, values: [0, 0x44, 0x48, 0x4b, 0x4c, 255] },
      { offsets: [124, 132, 136], width: 4, values: COUNTS },
    ],
  },
  {
    report: sourceName(ADDRESS),
    replies: [
      ...Object.values(SOURCE_NAMES).map(({ reply }) => reply),
      Uint8Array.from(SOURCE_NAMES.localhost.reply, (byte, at) =>
        at < 28 || at > 282 ? byte : 97,
      ),
    ],
    command: 65,
    layouts: { 19: 284 },
    isGoodData: isGoodSourceName,
    fields: [
      { offsets: [28, 29, 40, 282, 283], width: 1, values: [0, 32, 33, 97, 126, 127, 128, 255] },
    ],
  },
];

/** Replies to other requests, and refusals. */
export const OTHER_CAPTURES: readonly Uint8Array[] = [
  ...Object.values(REFUSALS),
  ...Object.values(OTHER_REPLIES),
  NO_SUCH_SOURCE,
];

/** Whether the header and the data of a reply are valid, check by check. */
export function isGoodReply(
  { command, layouts, isGoodData }: ReplySubject,
  bytes: Uint8Array,
  sequence: number,
): boolean {
  const packet = new Packet(bytes);
  return (
    packet.number(0, 1) === 6 &&
    packet.number(1, 1) === 2 &&
    packet.number(4, 2) === command &&
    packet.number(8, 2) === 0 &&
    packet.number(16, 4) === sequence &&
    bytes.length === layouts[packet.number(6, 2)] &&
    isGoodData(packet)
  );
}

/** The big-endian numbers of a packet; beyond its end there are none. */
class Packet {
  readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  number(offset: number, width: number): number {
    let value = 0;
    for (let index = offset; index < offset + width; index += 1) {
      value = value * 256 + (this.bytes[index] ?? Number.NaN);
    }
    return value;
  }

  /** The sign of a float is the highest of its 25 coefficient bits: bit 0 of its first byte. */
  isNegative(offset: number): boolean {
    return this.number(offset, 1) % 2 === 1;
  }
}

function isGoodTracking(packet: Packet): boolean {
  return (
    packet.number(48, 2) < 4 &&
    packet.number(54, 2) < 4 &&
    packet.number(64, 4) < 1e9 &&
    [92, 96, 100].every((offset) => !packet.isNegative(offset))
  );
}

function isGoodSourceData(packet: Packet): boolean {
  const mode = packet.number(54, 2);
  const family = packet.number(44, 2);
  const poll = packet.number(48, 2);
  return (
    (mode === 2 || (mode < 2 && family >= 1 && family <= 3)) &&
    (poll < 128 || poll >= 65_536 - 128) &&
    packet.number(52, 2) < 6 &&
    packet.number(58, 2) < 256 &&
    (packet.number(60, 4) === 0xffff_ffff || !packet.isNegative(72))
  );
}

function isGoodSourceStatistics(packet: Packet): boolean {
  return (
    packet.number(48, 2) < 4 &&
    !packet.isNegative(64) &&
    !packet.isNegative(72) &&
    !packet.isNegative(80)
  );
}

function isGoodNtpData(packet: Packet): boolean {
  const valid = packet.number(132, 4);
  const isMeasured = packet.number(104, 4) % 2 ** 25 !== 0;
  return (
    packet.number(44, 2) < 4 &&
    packet.number(64, 2) < 4 &&
    (valid === 0 ||
      (packet.number(70, 1) < 4 &&
        packet.number(96, 4) < 1e9 &&
        [76, 80, 104].every((offset) => !packet.isNegative(offset)) &&
        (!isMeasured || (!packet.isNegative(108) && !packet.isNegative(112))) &&
        [122, 123].every((offset) =>
          "DHK".includes(String.fromCharCode(packet.number(offset, 1))),
        )))
  );
}

function isGoodSourceName(packet: Packet): boolean {
  return /^[!-~]+\0/.test(Buffer.from(packet.bytes.subarray(28)).toString("latin1"));
}

/** A reply of another layout: this header and data, and ones up to its length. */
function constructed(reply: Uint8Array, code: number, bytes: number): Uint8Array {
  const longer = new Uint8Array(bytes).fill(0xff);
  longer.set(reply);
  return patched(longer, { offset: 6, width: 2, value: code });
}
