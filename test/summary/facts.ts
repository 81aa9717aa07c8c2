// Inputs of the tests in test/summary/, test/status/ and test/page/: the facts of a healthy node. A test sets only what it
// is about.

import * as fc from "fast-check";
import { LEAP_STATUSES } from "../../src/chrony/tracking.ts";
import { SYNC_STATES } from "../../src/clock/sync-state.ts";
import type { AgentReport } from "../../src/summary/agent-report.ts";
import type { ClockFacts, SourceFacts, TrackingFacts } from "../../src/summary/clock-facts.ts";
import type { UtcCheckFacts } from "../../src/summary/utc-check-facts.ts";

/** The reference clock of an AKS node, as one of chronyd's sources. */
export function sourceOf(overrides: Partial<SourceFacts> = {}): SourceFacts {
  return {
    address: "PHC0",
    name: "PHC0",
    mode: "reference clock",
    state: "selected",
    stratum: 0,
    pollSeconds: 8,
    answeredOfLastEight: 8,
    lastSampleAgeSeconds: 5,
    offsetSeconds: 0.000_012_3,
    offsetErrorSeconds: 0.000_030_4,
    ...overrides,
  };
}

/** chronyd's own report of a healthy clock. */
export function trackingOf(overrides: Partial<TrackingFacts> = {}): TrackingFacts {
  return {
    stratum: 1,
    leapStatus: "normal",
    referenceTimeSeconds: 1_795_366_508.75,
    systemTimeOffsetSeconds: -0.000_005,
    lastOffsetSeconds: 0.000_001,
    rmsOffsetSeconds: 0.000_002,
    frequencyPpm: -12.5,
    residualFrequencyPpm: 0.001,
    skewPpm: 0.02,
    rootDelaySeconds: 1e-9,
    rootDispersionSeconds: 0.000_030_2,
    updateIntervalSeconds: 8,
    ...overrides,
  };
}

/** What is known of the clock of a healthy AKS node. */
export function factsOf(overrides: Partial<ClockFacts> = {}): ClockFacts {
  const source = sourceOf();
  return {
    state: "synchronised",
    errorMs: 0.0312,
    boundMs: 0.0354,
    peakMs: 0.0521,
    referenceAgeSeconds: 3.25,
    referenceTimeIsAhead: false,
    staleAfterSeconds: 64,
    tracking: trackingOf(),
    source: { address: source.address, name: source.name },
    upstreamIsLocal: false,
    sources: [source],
    utcCheck: undefined,
    ...overrides,
  };
}

/** What the agent of that node reports. */
export function agentReportOf(overrides: Partial<AgentReport> = {}): AgentReport {
  return {
    version: "0.1.0",
    node: "node-1",
    clock: factsOf(),
    peakWidthSeconds: 60,
    push: { accepted: 120, failed: 1, acceptedSecondsAgo: 12.3, failure: undefined },
    ...overrides,
  };
}

// What a float of chronyd's protocol can hold, in milliseconds.
const LARGEST = 2 ** 72;
const someOffset = fc.double({ min: -LARGEST, max: LARGEST, noNaN: true });
const someSize = fc.double({ min: 0, max: LARGEST, noNaN: true });
const anyOffset = fc.option(someOffset, { nil: undefined });
const anySize = fc.option(someSize, { nil: undefined });
const anyName = fc.string({ minLength: 1, maxLength: 255 });

const anySource: fc.Arbitrary<SourceFacts> = fc.record({
  address: anyName,
  name: anyName,
  mode: fc.constantFrom("client", "peer", "reference clock"),
  state: fc.constantFrom(
    "selected",
    "nonselectable",
    "falseticker",
    "jittery",
    "unselected",
    "selectable",
  ),
  stratum: fc.nat({ max: 0xffff }),
  pollSeconds: fc.integer({ min: -128, max: 127 }).map((log2) => 2 ** log2),
  answeredOfLastEight: fc.nat({ max: 8 }),
  lastSampleAgeSeconds: fc.option(fc.nat({ max: 0xffff_ffff }), { nil: undefined }),
  offsetSeconds: anyOffset,
  offsetErrorSeconds: anySize,
});

const anyTracking: fc.Arbitrary<TrackingFacts> = fc.record({
  stratum: fc.nat({ max: 0xffff }),
  leapStatus: fc.constantFrom(...LEAP_STATUSES),
  referenceTimeSeconds: anySize,
  systemTimeOffsetSeconds: someOffset,
  lastOffsetSeconds: someOffset,
  rmsOffsetSeconds: someOffset,
  frequencyPpm: someOffset,
  residualFrequencyPpm: someOffset,
  skewPpm: someOffset,
  rootDelaySeconds: someSize,
  rootDispersionSeconds: someSize,
  updateIntervalSeconds: someSize,
});

const anyUtcCheck: fc.Arbitrary<UtcCheckFacts> = fc.record({
  ageSeconds: anySize,
  contradiction: fc.option(fc.boolean(), { nil: undefined }),
  servers: fc.array(
    fc.record({
      server: anyName,
      offsetSeconds: anyOffset,
      marginSeconds: anySize,
      problem: fc.option(fc.string({ maxLength: 200 }), { nil: undefined }),
    }),
    { maxLength: 8 },
  ),
});

/** Any report of chronyd. */
export const anyFacts: fc.Arbitrary<ClockFacts> = fc.record({
  state: fc.constantFrom(...SYNC_STATES),
  errorMs: anySize,
  boundMs: anySize,
  peakMs: anySize,
  referenceAgeSeconds: anySize,
  referenceTimeIsAhead: fc.boolean(),
  upstreamIsLocal: fc.option(fc.boolean(), { nil: undefined }),
  staleAfterSeconds: anySize,
  tracking: fc.option(anyTracking, { nil: undefined }),
  source: fc.option(
    fc.record({
      address: anyName,
      name: anyName,
    }),
    { nil: undefined },
  ),
  sources: fc.option(fc.array(anySource, { maxLength: 3 }), { nil: undefined }),
  utcCheck: fc.option(anyUtcCheck, { nil: undefined }),
});
