/**
 * Requests and replies of chronyd's command protocol, version 6 (`CMD_Request` and `CMD_Reply` in
 * chrony's `candm.h`). All integers are big-endian.
 *
 *     request                      reply
 *      0  version u8 = 6            0  version u8 = 6
 *      1  packet type u8 = 1        1  packet type u8 = 2
 *      2  zero u16                  2  zero u16
 *      4  command u16               4  command u16, as asked
 *      6  attempt u16               6  reply code u16
 *      8  sequence u32              8  status u16, 0 is success
 *     12  zero, 8 bytes            10  zero, 6 bytes
 *     20  data                     16  sequence u32, as asked
 *                                  20  zero, 8 bytes
 *                                  28  data
 *
 * Only read-only commands are defined: none of the reports changes anything in chronyd.
 */
import { failure, type Result, success } from "../result.ts";
import type { ChronyError } from "./chrony-error.ts";
import { InvalidField } from "./fields.ts";

const PROTOCOL_VERSION = 6;
const PACKET_TYPE_REQUEST = 1;
const PACKET_TYPE_REPLY = 2;
const REPLY_HEADER_BYTES = 28;
const STATUS_SUCCESS = 0;
const REPLY_SEQUENCE_OFFSET = 16;

/** One of chronyd's reports: how to request it, and how to decode its replies. */
export type Report<Content> = {
  /** chrony's name for the report, for error messages. */
  readonly name: string;
  /** chrony's `REQ_…` code. */
  readonly command: number;
  /** Length of the whole request. At least that of the reply: chronyd rejects shorter ones, to prevent amplification. */
  readonly requestBytes: number;
  /** Writes the request's data, which begins at byte 20. Offsets count from the start of the datagram. */
  readonly writeRequestData?: (data: DataView) => void;
  /** The reply layouts of all supported versions of chrony. */
  readonly replies: readonly ReplyLayout<Content>[];
};

/** One layout of a reply. */
export type ReplyLayout<Content> = {
  /** chrony's `RPY_…` code. */
  readonly code: number;
  /** Exact length of the whole reply. */
  readonly bytes: number;
  /** Reads the fields. Offsets count from the start of the datagram. May throw {@link InvalidField}. */
  readonly decode: (data: DataView) => Content;
};

/**
 * The bytes of a request.
 * @param attempt counts the sends of one request, from 0
 * @param sequence chronyd copies it into the reply
 */
export function encodeRequest(
  report: Report<unknown>,
  attempt: number,
  sequence: number,
): Uint8Array {
  const packet = new Uint8Array(report.requestBytes);
  const data = new DataView(packet.buffer);
  data.setUint8(0, PROTOCOL_VERSION);
  data.setUint8(1, PACKET_TYPE_REQUEST);
  data.setUint16(4, report.command);
  data.setUint16(6, attempt);
  data.setUint32(8, sequence);
  report.writeRequestData?.(data);
  return packet;
}

/**
 * Whether a packet answers the request with this sequence number. Any other packet is ignored, not an
 * error: it may be a late answer to an earlier request.
 */
export function answers(packet: Uint8Array, sequence: number): boolean {
  if (packet.length < REPLY_SEQUENCE_OFFSET + 4) {
    return false;
  }
  return view(packet).getUint32(REPLY_SEQUENCE_OFFSET) === sequence;
}

/**
 * Decodes a reply that {@link answers} our request. Every field of the header is checked: a reply with
 * our sequence number and anything else wrong is an error.
 */
export function decodeReply<Content>(
  report: Report<Content>,
  packet: Uint8Array,
): Result<Content, ChronyError> {
  const bytes = packet.length;
  if (bytes < REPLY_HEADER_BYTES) {
    return failure({
      kind: "truncated",
      report: report.name,
      bytes,
      neededBytes: REPLY_HEADER_BYTES,
    });
  }
  const data = view(packet);

  const version = data.getUint8(0);
  if (version !== PROTOCOL_VERSION) {
    return failure({ kind: "wrong version", report: report.name, version });
  }
  const packetType = data.getUint8(1);
  if (packetType !== PACKET_TYPE_REPLY) {
    return failure({ kind: "wrong packet type", report: report.name, packetType });
  }
  const command = data.getUint16(4);
  if (command !== report.command) {
    return failure({
      kind: "wrong command",
      report: report.name,
      command,
      expected: report.command,
    });
  }
  const status = data.getUint16(8);
  if (status !== STATUS_SUCCESS) {
    return failure({ kind: "refused", report: report.name, status });
  }
  const code = data.getUint16(6);
  const layout = report.replies.find((reply) => reply.code === code);
  if (layout === undefined) {
    const expected = report.replies.map((reply) => reply.code);
    return failure({ kind: "wrong reply", report: report.name, code, expected });
  }
  if (bytes !== layout.bytes) {
    return failure({
      kind: "wrong length",
      report: report.name,
      bytes,
      expectedBytes: layout.bytes,
    });
  }
  try {
    return success(layout.decode(data));
  } catch (error) {
    if (error instanceof InvalidField) {
      return failure({ kind: "invalid field", report: report.name, detail: error.message });
    }
    throw error;
  }
}

function view(packet: Uint8Array): DataView {
  return new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
}
