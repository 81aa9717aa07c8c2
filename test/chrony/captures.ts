// Replies of real chronyds, byte for byte.
//
// Most are of chronyd 4.3 (Debian 12), captured in November 2026 from its Unix socket with
// src/chrony/unix-datagram.ts. chronyd ran with -x and followed a local server with a configured offset of 25 ms. Each
// `chronyc` line is the output of `chronyc -n -c tracking` of the same package within 15 ms after the capture.
//
// One was captured by facebook/time (Apache-2.0): ntp/chrony/packet_test.go, TestDecodeTracking, bytes and numbers.

/** A reply to TRACKING, and the output of chronyc for the same chronyd. */
export type TrackingCapture = {
  readonly reply: Uint8Array;
  readonly sequence: number;
  /** Reference id, address, stratum, reference time, system time, last offset, rms offset, frequency, residual frequency, skew, root delay, root dispersion, update interval, leap status. */
  readonly chronyc: string;
};

/** No source ever answered. */
export const NEVER_SYNCHRONISED: TrackingCapture = {
  reply: bytes(
    "0602000000210005000000000000000011223344000000000000000000000000" +
      "0000000000000000000000000000000000000000000000030000000000000000" +
      "0000000000000000000000000000000000000000000000000000000004800000" +
      "0480000000000000",
  ),
  sequence: 0x1122_3344,
  chronyc:
    "00000000,,0,0.000000000,0.000000000,0.000000000,0.000000000,0.000,0.000,0.000,1.000000000,1.000000000,0.0,Not synchronised",
};

/** Following its own clock: the directive `local stratum 10`, and no source. */
export const LOCAL: TrackingCapture = {
  reply: bytes(
    "060200000021000500000000000000000a0b0c0200000000000000007f7f0101" +
      "0000000000000000000000000000000000000000000a0000000000006b031e70" +
      "1e65202b00000000000000000000000000000000000000000000000000000000" +
      "0000000000000000",
  ),
  sequence: 0x0a0b_0c02,
  chronyc:
    "7F7F0101,,10,1795366512.509943851,0.000000000,0.000000000,0.000000000,0.000,0.000,0.000,0.000000000,0.000000000,0.0,Normal",
};

/** Following a server at 127.0.0.1, 25 ms still to be slewed (-x never slews them). */
export const SYNCHRONISED: TrackingCapture = {
  reply: bytes(
    "060200000021000500000000000000000a0b0c0300000000000000007f000001" +
      "7f0000010000000000000000000000000001000000090000000000006b031e70" +
      "214d5343f8ccc58bd72a4ab6debc42cafa970a3cf35a586c029f0f72e29e313f" +
      "deb3fe20048140c7",
  ),
  sequence: 0x0a0b_0c03,
  chronyc:
    "7F000001,127.0.0.1,9,1795366512.558715715,0.024996540,-0.000000199,0.000002805,0.037,-0.003,0.621,0.000009429,0.000002693,1.0,Normal",
};

/** The same chronyd, its server stopped a minute ago: still "Normal", the dispersion grows. */
export const SOURCE_LOST: TrackingCapture = {
  reply: bytes(
    "060200000021000500000000000000000a0b0c0400000000000000007f000001" +
      "7f0000010000000000000000000000000001000000090000000000006b031e70" +
      "214d5343f8ccc0e7d72a4ab6debc42cafa970a3cf35a586c029f0f72e29e313f" +
      "e8d2008c048140c7",
  ),
  sequence: 0x0a0b_0c04,
  chronyc:
    "7F000001,127.0.0.1,9,1795366512.558715715,0.024994325,-0.000000199,0.000002805,0.037,-0.003,0.621,0.000009429,0.000100146,1.0,Normal",
};

/** Following a reference clock: `refclock SOCK … refid PHC0 delay 1e-9`, fed 1.5 ms off. */
export const REFERENCE_CLOCK: TrackingCapture = {
  reply: bytes(
    "060200000021000500000000000000000a0b0c05000000000000000050484330" +
      "000000000000000000000000000000000000000000010000000000006b031eb9" +
      "0ac35d0df13b645a81fffc3b800003c5a70b7c5c8b63336cdc8637bdc889705f" +
      "daebe72402fe7004",
  ),
  sequence: 0x0a0b_0c05,
  chronyc:
    "50484330,PHC0,1,1795366585.180575501,-0.001500000,-0.000000000,0.000000000,-0.000,-0.000,0.000,0.000000001,0.000000886,1.0,Normal",
};

/** Following a server over IPv6 (facebook/time). The output of chronyc is not known. */
export const OVER_IPV6 = {
  reply: bytes(
    "0602000000210005000000000000000000000002000000000000000" +
      "0e625c66e2401db0031102132face0000008e00000002000000030000" +
      "000000006138e18136948dd5df192db7df4283f5e2ebca120539e111" +
      "eb7b3e5df4b07512eae75b0cf0881d4e16821f69",
  ),
  sequence: 2,
} as const;

/** Every TRACKING reply above. */
export const TRACKING_REPLIES = [
  NEVER_SYNCHRONISED,
  LOCAL,
  SYNCHRONISED,
  SOURCE_LOST,
  REFERENCE_CLOCK,
  OVER_IPV6,
] as const;

/** Refusals: chronyd's answers to invalid requests. 28 bytes, no data. */
export const REFUSALS = {
  /** A TRACKING request of protocol version 5. */
  badVersion: bytes("060200000021000100120000000000000a0b0c060000000000000000"),
  /** A TRACKING request of 103 bytes. */
  badLength: bytes("060200000021000100130000000000000a0b0c080000000000000000"),
  /** Command 99. */
  unknownCommand: bytes("060200000063000100030000000000000a0b0c090000000000000000"),
  /** SOURCE_DATA (15) of source 99. */
  noSuchSource: bytes("06020000000f000100040000000000000a0b0c0c0000000000000000"),
  /** NTP_DATA (57) over UDP. */
  notPermitted: bytes("060200000039000100020000000000000a0b0c0f0000000000000000"),
} as const;

/** Replies to other questions than TRACKING. */
export const OTHER_REPLIES = {
  /** ACTIVITY: command 44, reply 12. */
  activity: bytes(
    "06020000002c000c00000000000000000a0b0c0a00000000000000000000000000000000000000000000000000000000",
  ),
  /** SOURCE_DATA: command 15, reply 3. */
  sourceData: bytes(
    "06020000000f000300000000000000000a0b0c0d00000000000000007f000001" +
      "0000000000000000000000000001000000010008000100000000000000000049" +
      "d957f59cd50b3fefe0a02afb",
  ),
  /** SOURCESTATS: command 34, reply 6. */
  sourceStats: bytes(
    "060200000022000600000000000000000a0b0c0e00000000000000007f000001" +
      "7f00000100000000000000000000000000010000000000090000000600000006" +
      "dab4665df35a586d0291976bd739d499e6c3f96f",
  ),
} as const;

function bytes(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex, "hex"));
}
