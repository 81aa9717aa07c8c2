/**
 * The NTP packet, version 4 (RFC 5905, figure 8): a client's request and a server's answer. All integers
 * are big-endian.
 *
 *      0  leap indicator 2 bits, version 3 bits, mode 3 bits
 *      1  stratum u8
 *      2  poll interval i8, a power of two in seconds
 *      3  precision i8, a power of two in seconds
 *      4  root delay, u16 seconds and u16 fraction
 *      8  root dispersion, the same
 *     12  reference id, or the code of a kiss of death (four characters)
 *     16  reference timestamp, u32 seconds since 1900 and u32 fraction
 *     24  origin timestamp, the same
 *     32  receive timestamp
 *     40  transmit timestamp
 *
 * Only the request of a client (mode 3) is defined: the agent asks a server for nothing but the time.
 */

/** A packet without extension fields and message digest: a server sends them only to a client that does. */
export const PACKET_BYTES = 48;

const VERSION = 4;
const MODE_CLIENT = 3;
const MODE_SERVER = 4;
const TRANSMIT_TIMESTAMP_OFFSET = 40;

/** Seconds since 1900 and their fraction, 32 bits each. In 2036 they begin again at 0. */
export type NtpTimestamp = bigint;

/** A server's answer, in wire order. */
export type ServerPacket = {
  /** 0: none; 1 and 2 announce a leap second; 3: not synchronised. */
  readonly leapIndicator: number;
  readonly version: number;
  readonly mode: number;
  /** Distance from a reference clock: 1 is directly attached, 0 is a kiss of death. */
  readonly stratum: number;
  /** Of the server's clock. */
  readonly precisionLog2Seconds: number;
  readonly rootDelaySeconds: number;
  readonly rootDispersionSeconds: number;
  readonly referenceId: number;
  /** The transmit timestamp of the request. */
  readonly origin: NtpTimestamp;
  /** When the request came, by the server's clock. */
  readonly receive: NtpTimestamp;
  /** When the answer left, by the server's clock. */
  readonly transmit: NtpTimestamp;
};

/**
 * The bytes of a request. The fields that a server does not need are zero. In place of the time of
 * sending there is a random number that only this server knows, as in chrony
 * (draft-ietf-ntp-data-minimization).
 * @param nonce random; the server copies it to the origin timestamp of its answer
 */
export function encodeRequest(nonce: NtpTimestamp): Uint8Array {
  const packet = new Uint8Array(PACKET_BYTES);
  const data = new DataView(packet.buffer);
  data.setUint8(0, (VERSION << 3) | MODE_CLIENT);
  data.setBigUint64(TRANSMIT_TIMESTAMP_OFFSET, nonce);
  return packet;
}

/** Decodes a datagram; `undefined` when its length is wrong. */
export function decodePacket(datagram: Uint8Array): ServerPacket | undefined {
  if (datagram.length !== PACKET_BYTES) {
    return undefined;
  }
  const data = new DataView(datagram.buffer, datagram.byteOffset, datagram.byteLength);
  return {
    leapIndicator: data.getUint8(0) >> 6,
    version: (data.getUint8(0) >> 3) & 7,
    mode: data.getUint8(0) & 7,
    stratum: data.getUint8(1),
    precisionLog2Seconds: data.getInt8(3),
    rootDelaySeconds: data.getUint32(4) / 2 ** 16,
    rootDispersionSeconds: data.getUint32(8) / 2 ** 16,
    referenceId: data.getUint32(12),
    origin: data.getBigUint64(24),
    receive: data.getBigUint64(32),
    transmit: data.getBigUint64(TRANSMIT_TIMESTAMP_OFFSET),
  };
}

/**
 * Whether a packet answers the request with this nonce. Any other packet is ignored, not an error,
 * because anybody can have sent it. Older servers answer with version 3, which has the same layout.
 */
export function answers(packet: ServerPacket, nonce: NtpTimestamp): boolean {
  const { mode, version, origin } = packet;
  return mode === MODE_SERVER && (version === VERSION || version === 3) && origin === nonce;
}
