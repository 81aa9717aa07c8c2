// Captures of real exchanges over UDP on loopback: requests of encodeRequest, answers of chronyd 4.3 and, with
// `ratelimit … kod 1`, of chronyd 4.9 (Debian), captured in November 2026.

import type { ClockPair } from "../../src/clock/clock-pair.ts";

const bytes = (hex: string) => new Uint8Array(Buffer.from(hex.replaceAll(/\s/g, ""), "hex"));

/** The nonce of all requests except that to the unsynchronised server. */
export const NONCE = 0x0123_4567_89ab_cdefn;

export const REQUEST = bytes(`
  23 00 00 00 00000000 00000000 00000000
  0000000000000000 0000000000000000 0000000000000000 0123456789abcdef`);

/** A server of stratum 2, whose source is at 127.0.0.1. */
export const ANSWER = bytes(`
  24 02 00 e7 00000002 00000003 7f000001
  eeb524ff200e1cf4 0123456789abcdef eeb524ff3c2ac279 eeb524ff3c2fd77e`);

/** The node's clocks before and after {@link ANSWER}, from readClocksExactly, and the time of the request. */
export const BEFORE: ClockPair = {
  wallMs: 1_795_860_095_235,
  monotonicMs: 5_580.257_033_5,
  bracketMs: 0.000_285,
  suspendedMs: 0,
};
export const SENT_MS = 5_580.268_35;
export const RECEIVED_MS = 5_580.612_629;
export const AFTER: ClockPair = {
  wallMs: 1_795_860_095_236,
  monotonicMs: 5_581.256_941,
  bracketMs: 0.000_228,
  suspendedMs: 0,
};

/** A server that has no source yet: leap indicator 3, stratum 0, reference id 0. */
export const UNSYNCHRONISED = {
  nonce: 0x1122_3344_5566_7788n,
  answer: bytes(`
    e4 00 00 e7 00010000 00010000 00000000
    0000000000000000 1122334455667788 eeb524faf6a016b3 eeb524faf6a94554`),
};

/** A kiss of death: stratum 0, reference id RATE. */
export const RATE = bytes(`
  e4 00 0a e3 00000000 00000000 52415445
  eeb524fd6f0e592f 0123456789abcdef eeb524ffa1ce1579 eeb524ffa1d497bc`);
