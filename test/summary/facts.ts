// What the cases of test/summary/, test/status/ and test/page/ are made of: the facts of a healthy
// node. A case names only what it is about.

import * as fc from "fast-check";
import { SYNC_STATES } from "../../src/clock/sync-state.ts";
import type { ClockFacts, SourceFacts } from "../../src/summary/clock-facts.ts";

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
    stratum: 1,
    leapStatus: "normal",
    source: { address: source.address, name: source.name, details: source },
    upstreamIsLocal: false,
    systemTimeOffsetSeconds: -0.000_005,
    lastOffsetSeconds: 0.000_001,
    rootDelaySeconds: 1e-9,
    rootDispersionSeconds: 0.000_030_2,
    frequencyPpm: -12.5,
    skewPpm: 0.02,
    sources: [source],
    ...overrides,
  };
}

// What a float of chronyd's protocol can hold, in milliseconds.
const LARGEST = 2 ** 72;
const anyOffset = fc.option(fc.double({ min: -LARGEST, max: LARGEST, noNaN: true }), {
  nil: undefined,
});
const anySize = fc.option(fc.double({ min: 0, max: LARGEST, noNaN: true }), { nil: undefined });
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
  stratum: fc.option(fc.nat({ max: 0xffff }), { nil: undefined }),
  pollSeconds: fc.option(
    fc.integer({ min: -128, max: 127 }).map((log2) => 2 ** log2),
    { nil: undefined },
  ),
  answeredOfLastEight: fc.option(fc.nat({ max: 8 }), { nil: undefined }),
  lastSampleAgeSeconds: fc.option(fc.nat({ max: 0xffff_ffff }), { nil: undefined }),
  offsetSeconds: anyOffset,
  offsetErrorSeconds: anySize,
});

/** Anything that chronyd can have said. */
export const anyFacts: fc.Arbitrary<ClockFacts> = fc.record({
  state: fc.constantFrom(...SYNC_STATES),
  errorMs: anySize,
  boundMs: anySize,
  peakMs: anySize,
  referenceAgeSeconds: anySize,
  referenceTimeIsAhead: fc.boolean(),
  upstreamIsLocal: fc.option(fc.boolean(), { nil: undefined }),
  staleAfterSeconds: anySize,
  stratum: fc.option(fc.nat({ max: 0xffff }), { nil: undefined }),
  leapStatus: fc.constantFrom("normal", "insert second", "delete second", "unsynchronised"),
  source: fc.option(
    fc.record({
      address: anyName,
      name: anyName,
      details: fc.option(anySource, { nil: undefined }),
    }),
    { nil: undefined },
  ),
  systemTimeOffsetSeconds: anyOffset,
  lastOffsetSeconds: anyOffset,
  rootDelaySeconds: anySize,
  rootDispersionSeconds: anySize,
  frequencyPpm: anyOffset,
  skewPpm: anySize,
  sources: fc.option(fc.array(anySource, { maxLength: 3 }), { nil: undefined }),
});
