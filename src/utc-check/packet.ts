/**
 * The packet of NTP, version 4 (RFC 5905, figure 8), as far as a client that never sets a clock needs
 * it. All integers are big-endian.
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
 * Only the request of a client exists here (mode 3): no packet of ours asks a server for anything else.
 */

/** A packet without extension fields or a message digest, which nobody sends who was not asked for them. */
export const PACKET_BYTES = 48;

const VERSION = 4;
const MODE_CLIENT = 3;
const MODE_SERVER = 4;
const TRANSMIT_TIMESTAMP_OFFSET = 40;

/** Seconds since 1900 and their fraction in 64 bits; from 2036 on they begin again at 0. */
export type NtpTimestamp = bigint;

/** What a server answers, in the order of the wire. */
export type ServerPacket = {
  /** 0 is none, 1 and 2 announce a leap second, 3 is not synchronised. */
  readonly leapIndicator: number;
  readonly version: number;
  readonly mode: number;
  /** Hops from a reference clock; 0 is a kiss of death. */
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
 * The bytes of a request. Everything is zero that the server does not need: the time of sending as
 * well, in whose place stands a number that only the asked server can know (as chrony does it, and
 * draft-ietf-ntp-data-minimization recommends).
 * @param nonce random; the answer carries it back as its origin timestamp
 */
export function encodeRequest(nonce: NtpTimestamp): Uint8Array {
  const packet = new Uint8Array(PACKET_BYTES);
  const data = new DataView(packet.buffer);
  data.setUint8(0, (VERSION << 3) | MODE_CLIENT);
  data.setBigUint64(TRANSMIT_TIMESTAMP_OFFSET, nonce);
  return packet;
}

/** The fields of a datagram; `undefined` when it is not as long as a packet. */
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
 * Whether a packet answers the request with this nonce. What does not is no error: anybody can have
 * sent it, and the asker goes on waiting. Version 3 is what older servers answer, with the same layout.
 */
export function answers(packet: ServerPacket, nonce: NtpTimestamp): boolean {
  const { mode, version, origin } = packet;
  return mode === MODE_SERVER && (version === VERSION || version === 3) && origin === nonce;
}
