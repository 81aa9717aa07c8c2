/**
 * The offset of the node's clock from one exchange with a server (RFC 5905, sections 8 and 11.2):
 *
 *     t1  the request leaves, by the node's clock     t2  it arrives, by the server's clock
 *     t4  the answer arrives, by the node's clock     t3  the answer leaves, by the server's clock
 *
 *     offset = ((t2 − t1) + (t3 − t4)) / 2            delay = (t4 − t1) − (t3 − t2)
 *
 *     margin = delay / 2                all of the delay may be in one direction
 *            + root delay / 2           the same, from the server to its reference clock
 *            + root dispersion          the error of its time that the server reports
 *            + precision                the resolution of the server's clock
 *            + PHI × (t4 − t1)          the drift of both clocks during the exchange
 *            + uncertainty              how exactly t1 and t4 are known
 *
 * If the server reports its own error correctly, true time is the node's time plus the offset, ± the
 * margin.
 */
import type { ClockPair } from "../clock/clock-pair.ts";
import { SMALLEST_STEP_MS } from "../clock/step-detector.ts";
import { failure, type Result, success } from "../result.ts";
import type { NtpError } from "./ntp-error.ts";
import type { NtpTimestamp, ServerPacket } from "./packet.ts";

/** An answer, and the monotonic times, in milliseconds, at which the request left and the answer came. */
export type NtpExchange = {
  readonly packet: ServerPacket;
  readonly sentMs: number;
  readonly receivedMs: number;
};

/** The node's clock compared with a server's. */
export type Measurement = {
  /** The server's clock minus the node's, in seconds; positive: the node's clock is behind. */
  readonly offsetSeconds: number;
  /** The largest error of the offset, in both directions, in seconds. */
  readonly marginSeconds: number;
};

/** The frequency tolerance of a clock in RFC 5905: 15 ppm. */
export const PHI = 15e-6;

/** A measurement with a larger margin is not used. It is the default of ntpd's `maxdist`. */
const LARGEST_MARGIN_SECONDS = 1.5;

/** {@link timestampOf} rounds to the microsecond. */
const ROUNDING_MS = 0.001;

/** This stratum and higher ones are not synchronised. */
const STRATUM_UNSYNCHRONISED = 16;
const LEAP_UNSYNCHRONISED = 3;

/**
 * Computes offset and margin, or says why the answer cannot be used.
 * @param before the node's clocks before the request, read exactly
 * @param after the same after the answer, to notice a step in between
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
  // A delay outside of 0 to the whole exchange, by more than the clocks' own inaccuracy, is impossible.
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

/** The distance of both clocks, in milliseconds. Only a step or a sleep of the machine changes it. */
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

/** Seconds from one timestamp to another. Correct if they are less than 68 years apart (RFC 5905, section 6). */
function secondsBetween(from: NtpTimestamp, to: NtpTimestamp): number {
  return Number(BigInt.asIntN(64, to - from)) / 2 ** 32;
}

/** The four letters of a kiss code; `undefined` for anything else: an unsynchronised chronyd sends 0. */
function kissCode(referenceId: number): string | undefined {
  const code = [24, 16, 8, 0]
    .map((shift) => String.fromCharCode((referenceId >>> shift) & 0xff))
    .join("");
  return /^[A-Z]{4}$/.test(code) ? code : undefined;
}
