/**
 * What one exchange with a server says of the node's clock (RFC 5905, sections 8 and 11.2):
 *
 *     t1  the request leaves, by the node's clock     t2  it arrives, by the server's clock
 *     t4  the answer arrives, by the node's clock     t3  the answer leaves, by the server's clock
 *
 *     offset = ((t2 − t1) + (t3 − t4)) / 2            delay = (t4 − t1) − (t3 − t2)
 *
 *     margin = delay / 2                the network may have taken all of it on one of the two ways
 *            + root delay / 2           the same, from the server to its reference clock
 *            + root dispersion          what the server says that its own time can be wrong by
 *            + precision                the smallest step of the server's clock
 *            + PHI × (t4 − t1)          what both clocks can have drifted meanwhile
 *            + uncertainty              how exactly t1 and t4 are known
 *
 * As far as the server is honest and its own numbers hold, true time is within the margin of the
 * node's clock plus the offset.
 */
import type { ClockPair } from "../clock/clock-pair.ts";
import { SMALLEST_STEP_MS } from "../clock/step-detector.ts";
import { failure, type Result, success } from "../result.ts";
import type { NtpError } from "./ntp-error.ts";
import type { NtpTimestamp, ServerPacket } from "./packet.ts";

/** An answer, and when the request left and it came: monotonic, in milliseconds. */
export type NtpExchange = {
  readonly packet: ServerPacket;
  readonly sentMs: number;
  readonly receivedMs: number;
};

/** What a server says of the node's clock. */
export type Measurement = {
  /** The server's clock minus the node's, in seconds; positive: the node's clock is behind. */
  readonly offsetSeconds: number;
  /** What the offset can be wrong by, either way, in seconds. */
  readonly marginSeconds: number;
};

/** RFC 5905's tolerance of a clock's frequency: 15 ppm. */
export const PHI = 15e-6;

/** A server whose margin is larger says nothing: `maxdist` of ntpd is the same by default. */
export const LARGEST_MARGIN_SECONDS = 1.5;

/** A moment of the wall clock, in milliseconds since 1970, is kept to the microsecond. */
const ROUNDING_MS = 0.001;

/** A stratum from here on is not synchronised. */
const STRATUM_UNSYNCHRONISED = 16;
const LEAP_UNSYNCHRONISED = 3;

/**
 * @param before the node's clocks before the request was sent, read exactly
 * @param after the same after the answer came: a step in between makes the times worthless
 */
export function measure(
  { packet, sentMs, receivedMs }: NtpExchange,
  before: ClockPair,
  after: ClockPair,
): Result<Measurement, NtpError> {
  const { stratum, leapIndicator } = packet;
  const code = stratum === 0 ? kissCode(packet.referenceId) : undefined;
  if (code !== undefined) {
    return failure({ kind: "kiss", code });
  }
  if (
    stratum === 0 ||
    leapIndicator === LEAP_UNSYNCHRONISED ||
    stratum >= STRATUM_UNSYNCHRONISED ||
    packet.transmit === 0n
  ) {
    return failure({ kind: "not synchronised", leapIndicator, stratum });
  }
  const uncertainMs =
    Math.abs(apartMs(after) - apartMs(before)) +
    (before.bracketMs + after.bracketMs) / 2 +
    ROUNDING_MS;
  if (uncertainMs >= SMALLEST_STEP_MS) {
    return failure({ kind: "clock stepped" });
  }
  const t1 = timestampOf(sentMs + apartMs(before));
  const t4 = timestampOf(receivedMs + apartMs(before));
  const exchangeSeconds = (receivedMs - sentMs) / 1000;
  const delaySeconds = exchangeSeconds - secondsBetween(packet.receive, packet.transmit);
  // Two clocks that are right to their tolerance and their precision measure no less.
  const driftSeconds = PHI * exchangeSeconds;
  const precisionSeconds = 2 ** packet.precisionLog2Seconds;
  const slackSeconds = driftSeconds + precisionSeconds + uncertainMs / 1000;
  if (delaySeconds < -slackSeconds || delaySeconds > exchangeSeconds + slackSeconds) {
    return failure({ kind: "impossible times", delaySeconds });
  }
  const marginSeconds =
    Math.max(delaySeconds, 0) / 2 +
    packet.rootDelaySeconds / 2 +
    packet.rootDispersionSeconds +
    slackSeconds;
  if (marginSeconds > LARGEST_MARGIN_SECONDS) {
    return failure({ kind: "too far", marginSeconds });
  }
  const offsetSeconds =
    (secondsBetween(t1, packet.receive) + secondsBetween(t4, packet.transmit)) / 2;
  return success({ offsetSeconds, marginSeconds });
}

/** What only a step or a sleep of the machine changes, in milliseconds. */
function apartMs({ wallMs, monotonicMs }: ClockPair): number {
  return wallMs - monotonicMs;
}

/** From 1900, when NTP's timestamps begin, to 1970, in milliseconds: 70 years with 17 leap days. */
const FROM_1900_MS = 2_208_988_800_000;

/** A moment of the wall clock, in milliseconds since 1970, to the microsecond. */
export function timestampOf(wallMs: number): NtpTimestamp {
  const microseconds = BigInt(Math.round((wallMs + FROM_1900_MS) * 1000));
  return BigInt.asUintN(64, (microseconds << 32n) / 1_000_000n);
}

/** From one moment to another, in seconds; right while they are less than 68 years apart (RFC 5905, section 6). */
function secondsBetween(from: NtpTimestamp, to: NtpTimestamp): number {
  return Number(BigInt.asIntN(64, to - from)) / 2 ** 32;
}

/** Four letters; `undefined` for what is none: chronyd sends 0 while it is not synchronised. */
function kissCode(referenceId: number): string | undefined {
  const code = [24, 16, 8, 0]
    .map((shift) => String.fromCharCode((referenceId >>> shift) & 0xff))
    .join("");
  return /^[A-Z]{4}$/.test(code) ? code : undefined;
}
