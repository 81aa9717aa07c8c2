/**
 * Mutated replies for the decoders of all reports. A reply begins as a capture of a real chronyd, with one or a few
 * mutations: a field, a bit, the data, the length, or a part of another reply. The outcome must be a record if the reply is
 * valid by the checks of reply-subjects.ts, and else an error with a kind.
 */
import { answers, decodeReply } from "../../src/chrony/packet.ts";
import { Random } from "../parts/random.ts";
import {
  isGoodReply,
  OTHER_CAPTURES,
  REPLY_SUBJECTS,
  type ReplySubject,
} from "./reply-subjects.ts";

/** The number of replies by outcome, by the name of the report. */
export type ReplyOutcomes = ReadonlyMap<string, ReadonlyMap<string, number>>;

/**
 * Tries mutated replies to each report in turn. The same seed gives the same replies.
 * @throws when one has an unexpected outcome, with its bytes and the seed
 */
export function fuzzReplies(seed: number, replies: number): ReplyOutcomes {
  const { stackTraceLimit } = Error;
  // An invalid field is an exception within the decoder, and its unused stack would take a quarter of the time.
  Error.stackTraceLimit = 0;
  try {
    return tryReplies(seed, replies);
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

function tryReplies(seed: number, replies: number): ReplyOutcomes {
  const random = new Random(seed);
  const outcomes = new Map(
    REPLY_SUBJECTS.map(({ report }) => [report.name, new Map<string, number>()]),
  );
  for (let number = 0; number < replies; number += 1) {
    const subject = random.of(REPLY_SUBJECTS);
    const { packet, sequence } = alteredReply(subject, random);
    const outcome = outcomeOf(subject, packet, sequence);
    const isGood = isGoodReply(subject, packet, sequence);
    if (outcome.startsWith(FAILED) || (outcome === ACCEPTED) !== isGood) {
      throw new Error(
        `reply ${number} of seed ${seed}, to ${subject.report.name}, is ${isGood ? "good" : "bad"} but ${outcome}: ` +
          `${Buffer.from(packet).toString("hex")}, asked with sequence ${sequence}`,
      );
    }
    const counts = outcomes.get(subject.report.name);
    counts?.set(outcome, (counts.get(outcome) ?? 0) + 1);
  }
  return outcomes;
}

const ACCEPTED = "accepted";
const FAILED = "failed";

function outcomeOf({ report }: ReplySubject, packet: Uint8Array, sequence: number): string {
  try {
    if (!answers(packet, sequence)) {
      return "not ours";
    }
    const result = decodeReply(report, packet);
    if (!result.ok) {
      return result.error.kind;
    }
    const wrong = whatIsNotFinite(result.value);
    return wrong === undefined ? ACCEPTED : `${FAILED}: a number is ${wrong}`;
  } catch (error) {
    return `${FAILED}: it threw ${String(error)}`;
  }
}

/** A number that is NaN or infinite, at whatever depth. */
function whatIsNotFinite(value: unknown): number | undefined {
  if (typeof value === "number") {
    return Number.isFinite(value) ? undefined : value;
  }
  if (typeof value !== "object" || value === null) {
    return undefined;
  }
  for (const part of Object.values(value)) {
    const wrong = whatIsNotFinite(part);
    if (wrong !== undefined) {
      return wrong;
    }
  }
  return undefined;
}

const ALL_REPLIES = [...REPLY_SUBJECTS.flatMap(({ replies }) => replies), ...OTHER_CAPTURES];

/** Mostly it still has the request's sequence. */
function alteredReply(
  subject: ReplySubject,
  random: Random,
): { readonly packet: Uint8Array; readonly sequence: number } {
  const base = random.below(8) === 0 ? random.of(ALL_REPLIES) : random.of(subject.replies);
  const sequence = new DataView(base.buffer, base.byteOffset).getUint32(16);
  let packet = new Uint8Array(base);
  for (let times = 1 + random.below(3); times > 0; times -= 1) {
    packet = random.of(ALTERATIONS)(packet, random, subject);
  }
  return { packet, sequence };
}

type Bytes = Uint8Array<ArrayBuffer>;

const HEADER_FIELDS: ReplySubject["fields"] = [
  { offsets: [0], width: 1, values: [0, 4, 5, 6, 7, 255] },
  { offsets: [1], width: 1, values: [0, 1, 2, 3] },
  { offsets: [4], width: 2, values: [14, 15, 32, 33, 34, 44, 54, 57, 65] },
  { offsets: [6], width: 2, values: [0, 1, 2, 3, 5, 6, 12, 14, 16, 19, 22, 24, 25, 26, 27] },
  { offsets: [8], width: 2, values: [0, 1, 2, 3, 4, 18, 19, 0x100] },
  { offsets: [16], width: 4, values: [0, 1, 0xffff_ffff] },
];

const ALTERATIONS: readonly ((packet: Bytes, random: Random, subject: ReplySubject) => Bytes)[] = [
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
  function changeHeader(packet, random) {
    return withField(packet, random, HEADER_FIELDS);
  },
  function changeField(packet, random, { fields }) {
    return withField(packet, random, fields);
  },
  function changeAnotherField(packet, random, { fields }) {
    return withField(packet, random, fields);
  },
  function truncate(packet, random) {
    return packet.slice(0, random.below(packet.length + 1));
  },
  function extend(packet, random) {
    return resized(packet, packet.length + 1 + random.below(32));
  },
  function adjustLength(packet, random, { layouts }) {
    return resized(packet, random.of(Object.values(layouts)));
  },
  function splice(packet, random) {
    const other = random.of(ALL_REPLIES);
    const cut = random.below(Math.min(packet.length, other.length) + 1);
    const spliced = new Uint8Array(other);
    spliced.set(packet.subarray(0, cut));
    return spliced;
  },
];

function withField(packet: Bytes, random: Random, fields: ReplySubject["fields"]): Bytes {
  const { offsets, width, values } = random.of(fields);
  const offset = random.of(offsets);
  let value = random.of(values);
  for (let index = offset + width - 1; index >= offset; index -= 1) {
    // Nothing is written beyond the end of a truncated packet.
    packet[index] = value % 256;
    value = Math.floor(value / 256);
  }
  return packet;
}

function resized(packet: Bytes, length: number): Bytes {
  const changed = new Uint8Array(length);
  changed.set(packet.subarray(0, length));
  return changed;
}
