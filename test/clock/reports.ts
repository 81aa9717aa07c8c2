// Inputs of the tests in test/clock/ and test/push/: a report of a healthy chronyd, the clocks of a node, a poll. A test
// sets only what it is about.

import * as fc from "fast-check";
import type { ChronyError } from "../../src/chrony/chrony-error.ts";
import type { Address } from "../../src/chrony/fields.ts";
import type { SourceData } from "../../src/chrony/source-data.ts";
import { LOCAL_REFERENCE_ID, type Tracking } from "../../src/chrony/tracking.ts";
import type { Reading } from "../../src/clock/assessment.ts";
import type { ClockPair } from "../../src/clock/clock-pair.ts";
import { failure, success } from "../../src/result.ts";

/** The wall clock when the monotonic one was 0, in milliseconds since 1970. */
export const WALL_AT_START_MS = 1_795_366_512_000;

/** A report of a chronyd that is synchronised to a server and took its time 10 s after the start. */
export function trackingReport(overrides: Partial<Tracking> = {}): Tracking {
  return {
    referenceId: 0xc000_0201,
    address: { family: "ipv4", text: "192.0.2.1" },
    stratum: 3,
    leapStatus: "normal",
    referenceTimeSeconds: WALL_AT_START_MS / 1000 + 10,
    systemTimeOffsetSeconds: 0.0005,
    lastOffsetSeconds: -0.0002,
    rmsOffsetSeconds: 0.0003,
    frequencyPpm: -12.5,
    residualFrequencyPpm: 0.01,
    skewPpm: 0.2,
    rootDelaySeconds: 0.004,
    rootDispersionSeconds: 0.001,
    updateIntervalSeconds: 64,
    ...overrides,
  };
}

/** A report of the source that {@link trackingReport} names, polled every 64 s and reached. */
export function sourceReport(overrides: Partial<SourceData> = {}, ageSeconds = 10): SourceData {
  return {
    source: { kind: "ntp", address: { family: "ipv4", text: "192.0.2.1" } },
    pollLog2Seconds: 6,
    stratum: 2,
    state: "selected",
    mode: "client",
    reachability: 0o377,
    latestMeasurement: {
      ageSeconds,
      originalOffsetSeconds: 0.001,
      offsetSeconds: 0.001,
      errorSeconds: 0.002,
    },
    ...overrides,
  };
}

/** The differences of a report that follows a reference clock. */
export const REFERENCE_CLOCK = {
  referenceId: 0x5048_4330,
  address: { family: "unspecified" },
  stratum: 1,
} as const satisfies Partial<Tracking>;

/** The differences of a report in which chronyd follows itself. The formula gives 0. */
export const LOCAL = {
  referenceId: LOCAL_REFERENCE_ID,
  address: { family: "unspecified" },
  stratum: 10,
  systemTimeOffsetSeconds: 0,
  lastOffsetSeconds: 0,
  rootDelaySeconds: 0,
  rootDispersionSeconds: 0,
  updateIntervalSeconds: 0,
} as const satisfies Partial<Tracking>;

/** The differences of a report before chronyd ever synchronised. */
export const NEVER_SYNCHRONISED = {
  referenceId: 0,
  address: { family: "unspecified" },
  stratum: 0,
  leapStatus: "unsynchronised",
  referenceTimeSeconds: undefined,
  systemTimeOffsetSeconds: 0,
  lastOffsetSeconds: 0,
  rootDelaySeconds: 1,
  rootDispersionSeconds: 1,
  updateIntervalSeconds: 0,
} as const satisfies Partial<Tracking>;

/**
 * The node's clocks, read exactly.
 * @param monotonicMs since the start
 * @param steppedMs the sum of the wall clock's steps since then
 */
export function clocksAt(monotonicMs: number, steppedMs = 0): ClockPair {
  return {
    wallMs: WALL_AT_START_MS + monotonicMs + steppedMs,
    monotonicMs,
    bracketMs: 0.002,
    suspendedMs: 0,
  };
}

/** The node's clocks after the machine slept: the wall clock went on, the monotonic one did not. */
export function clocksAfterSleep(
  monotonicMs: number,
  suspendedMs: number,
  steppedMs = 0,
): ClockPair {
  return { ...clocksAt(monotonicMs, suspendedMs + steppedMs), suspendedMs };
}

/** A poll that chronyd answered. */
export function reading(clocks: ClockPair, overrides: Partial<Tracking> = {}): Reading {
  return {
    number: 1,
    clocks,
    durationSeconds: 0.0002,
    tracking: success(trackingReport(overrides)),
    followed: undefined,
    upstreamIsLocal: undefined,
  };
}

const TIMED_OUT: ChronyError = {
  kind: "timed out",
  report: "TRACKING",
  address: "unix:///run/chrony/chronyd.sock",
  afterMs: 1000,
};

/** A poll without an answer. */
export function unansweredReading(clocks: ClockPair): Reading {
  return {
    number: 1,
    clocks,
    durationSeconds: 1,
    tracking: failure(TIMED_OUT),
    followed: undefined,
    upstreamIsLocal: undefined,
  };
}

const anyAddress: fc.Arbitrary<Address> = fc.oneof(
  fc.constant({ family: "unspecified" as const }),
  fc.ipV4().map((text) => ({ family: "ipv4" as const, text })),
  fc.ipV6().map((text) => ({ family: "ipv6" as const, text })),
  fc.nat().map((identifier) => ({ family: "unresolved" as const, identifier })),
);

// The range of the protocol's floats.
const LARGEST = 2 ** 62;
const anyNumber = fc.double({ min: -LARGEST, max: LARGEST, noNaN: true });
const anySize = fc.double({ min: 0, max: LARGEST, noNaN: true });

/** Any report that the decoder accepts. */
export const anyTracking: fc.Arbitrary<Tracking> = fc.record({
  referenceId: fc.oneof(fc.constant(LOCAL_REFERENCE_ID), fc.nat({ max: 0xffff_ffff })),
  address: anyAddress,
  stratum: fc.nat({ max: 0xffff }),
  leapStatus: fc.constantFrom("normal", "insert second", "delete second", "unsynchronised"),
  referenceTimeSeconds: fc.option(fc.double({ min: 1, max: 2 ** 63, noNaN: true }), {
    nil: undefined,
  }),
  systemTimeOffsetSeconds: anyNumber,
  lastOffsetSeconds: anyNumber,
  rmsOffsetSeconds: anyNumber,
  frequencyPpm: anyNumber,
  residualFrequencyPpm: anyNumber,
  skewPpm: anyNumber,
  rootDelaySeconds: anySize,
  rootDispersionSeconds: anySize,
  updateIntervalSeconds: anySize,
});
