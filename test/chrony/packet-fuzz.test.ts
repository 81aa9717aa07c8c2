// A million replies to the decoder: captures of real chronyds (captures.ts), each altered once or a
// few times. Whether a reply is good is decided a second time by `isGoodReply`, which is written from
// the protocol's description and shares nothing with the decoder. Both must agree on every one.

import assert from "node:assert/strict";
import { test } from "node:test";
import { answers, decodeReply } from "../../src/chrony/packet.ts";
import { type Tracking, tracking } from "../../src/chrony/tracking.ts";
import { OTHER_REPLIES, REFUSALS, TRACKING_REPLIES } from "./captures.ts";

const REPLIES = 1_000_000;
const SEED = 0x6368_726f;

/** All that may become of a reply; the alterations must reach each of them. */
const OUTCOMES: readonly string[] = [
  "accepted",
  "not ours",
  "truncated",
  "wrong version",
  "wrong packet type",
  "wrong command",
  "refused",
  "wrong reply",
  "wrong length",
  "invalid field",
];

test(`a million altered replies: accepted exactly when good, never a throw (seed ${SEED})`, (t) => {
  const random = new Random(SEED);
  const outcomes = new Map(OUTCOMES.map((outcome) => [outcome, 0]));
  for (let number = 0; number < REPLIES; number += 1) {
    const { packet, sequence } = alteredReply(random);
    const outcome = outcomeOf(packet, sequence);
    const count = outcomes.get(outcome);
    const wanted = isGoodReply(packet, sequence) ? "accepted" : "refused in some way";
    if (count === undefined || (outcome === "accepted") !== (wanted === "accepted")) {
      assert.fail(
        `reply ${number} of seed ${SEED} is ${outcome}, but should be ${wanted}: ` +
          `${Buffer.from(packet).toString("hex")}, asked with sequence ${sequence}`,
      );
    }
    outcomes.set(outcome, count + 1);
  }
  t.diagnostic(`seed ${SEED}: ${JSON.stringify(Object.fromEntries(outcomes))}`);
  for (const [outcome, count] of outcomes) {
    assert.ok(count > REPLIES / 1000, `only ${count} of ${REPLIES} replies are: ${outcome}`);
  }
});

function outcomeOf(packet: Uint8Array, sequence: number): string {
  try {
    if (!answers(packet, sequence)) {
      return "not ours";
    }
    const result = decodeReply(tracking, packet);
    if (!result.ok) {
      return result.error.kind;
    }
    return makesSense(result.value) ? "accepted" : "accepted as a record that makes no sense";
  } catch (error) {
    return `thrown at (${String(error)})`;
  }
}

const LEAP_STATUSES: readonly string[] = [
  "normal",
  "insert second",
  "delete second",
  "unsynchronised",
];

/** What may be built upon: only finite numbers, and nothing negative that cannot be. */
function makesSense(record: Tracking): boolean {
  for (const value of Object.values(record)) {
    if (typeof value === "number" && !Number.isFinite(value)) {
      return false;
    }
  }
  return (
    LEAP_STATUSES.includes(record.leapStatus) &&
    record.stratum >= 0 &&
    (record.referenceTimeSeconds ?? 1) > 0 &&
    record.rootDelaySeconds >= 0 &&
    record.rootDispersionSeconds >= 0 &&
    record.updateIntervalSeconds >= 0
  );
}

/** The protocol's description of a reply to TRACKING, check by check. */
function isGoodReply(packet: Uint8Array, sequence: number): boolean {
  return (
    packet.length === 104 &&
    packet[0] === 6 &&
    packet[1] === 2 &&
    bigEndian(packet, 4, 2) === 33 &&
    bigEndian(packet, 6, 2) === 5 &&
    bigEndian(packet, 8, 2) === 0 &&
    bigEndian(packet, 16, 4) === sequence &&
    bigEndian(packet, 48, 2) <= 3 &&
    bigEndian(packet, 54, 2) <= 3 &&
    bigEndian(packet, 64, 4) < 1e9 &&
    // The sign of a float is the highest of its 25 coefficient bits: bit 0 of its first byte.
    [92, 96, 100].every((offset) => bigEndian(packet, offset, 1) % 2 === 0)
  );
}

function bigEndian(packet: Uint8Array, offset: number, width: number): number {
  let value = 0;
  for (let index = offset; index < offset + width; index += 1) {
    value = value * 256 + (packet[index] ?? Number.NaN);
  }
  return value;
}

const BASES: readonly Uint8Array[] = [
  ...TRACKING_REPLIES.map(({ reply }) => reply),
  ...Object.values(REFUSALS),
  ...Object.values(OTHER_REPLIES),
];

/** Where something stands that is checked, and what to try there. */
const FIELDS: readonly {
  readonly offset: number;
  readonly width: 1 | 2 | 4;
  readonly values: readonly number[];
}[] = [
  { offset: 0, width: 1, values: [0, 4, 5, 6, 7, 255] },
  { offset: 1, width: 1, values: [0, 1, 2, 3] },
  { offset: 4, width: 2, values: [14, 15, 32, 33, 34, 44, 57, 65] },
  { offset: 6, width: 2, values: [0, 1, 2, 3, 4, 5, 6, 12, 25] },
  { offset: 8, width: 2, values: [0, 1, 2, 3, 4, 18, 19, 0x100] },
  { offset: 16, width: 4, values: [0, 1, 0xffff_ffff] },
  { offset: 48, width: 2, values: [0, 1, 2, 3, 4, 0x0100, 0xffff] },
  { offset: 52, width: 2, values: [0, 1, 15, 16, 0xffff] },
  { offset: 54, width: 2, values: [0, 1, 2, 3, 4, 0x0100, 0xffff] },
  { offset: 56, width: 4, values: [0, 1, 0x7fff_ffff, 0xffff_ffff] },
  { offset: 60, width: 4, values: [0, 1, 0x7fff_ffff, 0xffff_ffff] },
  { offset: 64, width: 4, values: [0, 999_999_999, 1_000_000_000, 0xffff_ffff] },
  ...[68, 72, 76, 80, 84, 88, 92, 96, 100].map((offset) => ({
    offset,
    width: 4 as const,
    // The edges of the exponent and of the coefficient, and IEEE's infinity and NaN.
    values: [0, 0x7eff_ffff, 0x7f00_0000, 0x8000_0001, 0x81ff_ffff, 0x7f80_0000, 0x7fc0_0000],
  })),
];

/** A capture, altered; mostly it still carries the sequence that is asked for. */
function alteredReply(random: Random): { packet: Uint8Array; sequence: number } {
  // Every other one begins as a good reply.
  const base = random.below(2) === 0 ? random.of(TRACKING_REPLIES).reply : random.of(BASES);
  const sequence = bigEndian(base, 16, 4);
  let packet: Uint8Array = Uint8Array.from(base);
  for (let times = 1 + random.below(3); times > 0; times -= 1) {
    packet = random.of(ALTERATIONS)(packet, random);
  }
  return { packet, sequence };
}

const ALTERATIONS: readonly ((packet: Uint8Array, random: Random) => Uint8Array)[] = [
  function flipBit(packet, random) {
    const index = random.below(packet.length);
    packet[index] = (packet[index] ?? 0) ^ (1 << random.below(8));
    return packet;
  },
  function changeByte(packet, random) {
    packet[random.below(packet.length)] = random.below(256);
    return packet;
  },
  function changeData(packet, random) {
    for (let index = 28; index < packet.length; index += 1) {
      packet[index] = random.below(256);
    }
    return packet;
  },
  function changeField(packet, random) {
    const { offset, width, values } = random.of(FIELDS);
    let value = random.of(values);
    for (let index = offset + width - 1; index >= offset && index < packet.length; index -= 1) {
      packet[index] = value % 256;
      value = Math.floor(value / 256);
    }
    return packet;
  },
  function truncate(packet, random) {
    return packet.slice(0, random.below(packet.length + 1));
  },
  function extend(packet, random) {
    const longer = new Uint8Array(packet.length + 1 + random.below(32));
    longer.set(packet);
    return longer;
  },
  function adjustLength(packet) {
    const adjusted = new Uint8Array(104);
    adjusted.set(packet.subarray(0, 104));
    return adjusted;
  },
  function splice(packet, random) {
    const other = random.of(BASES);
    const cut = random.below(Math.min(packet.length, other.length) + 1);
    return Uint8Array.of(...packet.subarray(0, cut), ...other.subarray(cut));
  },
];

/** Numbers that look random, the same for the same seed (mulberry32). */
class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  /** A whole number from 0 to below `limit` (0 when there is none). */
  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b_79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * limit);
  }

  of<Item>(items: readonly Item[]): Item {
    const item = items[this.below(items.length)];
    assert.ok(item !== undefined);
    return item;
  }
}
