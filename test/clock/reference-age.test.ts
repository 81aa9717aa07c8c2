// The age of chronyd's reference with any changes of the wall clock. Every time is an argument.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import {
  leastReferenceAgeSeconds,
  type ReferenceSighting,
  referenceAgeSeconds,
  sightReference,
} from "../../src/clock/reference-age.ts";
import {
  clocksAfterSleep,
  clocksAt,
  NEVER_SYNCHRONISED,
  trackingReport,
  WALL_AT_START_MS,
} from "./reports.ts";

const HOUR_MS = 3_600_000;
const SECOND_MS = 1_000;
/** Of the builder's reference time. */
const REFERENCE_MS = 10 * SECOND_MS;
const NONE = undefined;

function ages(sighting: ReferenceSighting | undefined, monotonicMs: number) {
  return {
    age: referenceAgeSeconds(sighting, clocksAt(monotonicMs)),
    least: leastReferenceAgeSeconds(sighting, clocksAt(monotonicMs)),
  };
}

describe("the age", () => {
  test("is wall clock minus reference time when the reference time is first seen", () => {
    const sighting = sightReference(NONE, trackingReport(), clocksAt(REFERENCE_MS + 2_500));
    assert.deepEqual(ages(sighting, REFERENCE_MS + 2_500), { age: 2.5, least: 2.5 });
  });

  test("grows by the monotonic clock, even if the report is the same", () => {
    const first = sightReference(NONE, trackingReport(), clocksAt(REFERENCE_MS + 2_500));
    const second = sightReference(first, trackingReport(), clocksAt(REFERENCE_MS + 7_500));
    assert.deepEqual(ages(second, REFERENCE_MS + 7_500), { age: 7.5, least: 7.5 });
  });

  for (const steppedMs of [HOUR_MS, -HOUR_MS]) {
    test(`is not moved by a wall clock that is stepped by ${steppedMs / HOUR_MS} h`, () => {
      const first = sightReference(NONE, trackingReport(), clocksAt(REFERENCE_MS + 2_500));
      const second = sightReference(
        first,
        trackingReport(),
        clocksAt(REFERENCE_MS + 7_500, steppedMs),
      );
      assert.deepEqual(ages(second, REFERENCE_MS + 7_500), { age: 7.5, least: 7.5 });
    });
  }

  test("grows while the machine sleeps and the monotonic clock does not run", () => {
    const first = sightReference(NONE, trackingReport(), clocksAt(REFERENCE_MS + 2_500));
    const later = clocksAfterSleep(REFERENCE_MS + 7_500, HOUR_MS);
    const second = sightReference(first, trackingReport(), later);
    assert.equal(referenceAgeSeconds(second, later), 3_607.5);
    assert.equal(leastReferenceAgeSeconds(second, later), 3_607.5);
  });

  test("begins anew with a new reference time", () => {
    const first = sightReference(NONE, trackingReport(), clocksAt(REFERENCE_MS));
    const newer = trackingReport({
      referenceTimeSeconds: (trackingReport().referenceTimeSeconds ?? 0) + 64,
    });
    const second = sightReference(first, newer, clocksAt(REFERENCE_MS + 65 * SECOND_MS));
    assert.deepEqual(ages(second, REFERENCE_MS + 65 * SECOND_MS), { age: 1, least: 1 });
  });
});

describe("a reference time that is unset", () => {
  test("has no age", () => {
    const sighting = sightReference(NONE, trackingReport(NEVER_SYNCHRONISED), clocksAt(0));
    assert.deepEqual(ages(sighting, 5 * SECOND_MS), { age: undefined, least: 0 });
  });

  test("ends the age of the one before", () => {
    const first = sightReference(NONE, trackingReport(), clocksAt(REFERENCE_MS));
    const second = sightReference(
      first,
      trackingReport(NEVER_SYNCHRONISED),
      clocksAt(REFERENCE_MS),
    );
    assert.equal(second, undefined);
  });
});

describe("a reference time in the future", () => {
  const stepped = -HOUR_MS;

  test("has no age, however long it stays the same", () => {
    const first = sightReference(NONE, trackingReport(), clocksAt(REFERENCE_MS, stepped));
    const later = clocksAt(REFERENCE_MS + 2 * HOUR_MS, stepped);
    const second = sightReference(first, trackingReport(), later);
    assert.equal(referenceAgeSeconds(second, later), undefined);
  });

  test("has at least the age since it was first seen, so that a dead source is detected", () => {
    const first = sightReference(NONE, trackingReport(), clocksAt(REFERENCE_MS, stepped));
    const second = sightReference(
      first,
      trackingReport(),
      clocksAt(REFERENCE_MS + 200 * SECOND_MS, stepped),
    );
    assert.equal(leastReferenceAgeSeconds(second, clocksAt(REFERENCE_MS + 200 * SECOND_MS)), 200);
  });

  test("by up to 10 ms is not: the wall clock is read in whole milliseconds", () => {
    const report = trackingReport({ systemTimeOffsetSeconds: 0 });
    const at9ms = sightReference(NONE, report, clocksAt(REFERENCE_MS - 9));
    const at11ms = sightReference(NONE, report, clocksAt(REFERENCE_MS - 11));
    assert.equal(referenceAgeSeconds(at9ms, clocksAt(REFERENCE_MS - 9)), 0);
    assert.equal(referenceAgeSeconds(at11ms, clocksAt(REFERENCE_MS - 11)), undefined);
  });

  test("by exactly what is allowed is not", () => {
    const report = trackingReport({ systemTimeOffsetSeconds: 0.49 });
    const clocks = clocksAt(REFERENCE_MS - 500);
    assert.equal(referenceAgeSeconds(sightReference(NONE, report, clocks), clocks), 0);
  });

  for (const systemTimeOffsetSeconds of [0.5, -0.5]) {
    test(`by the remaining offset (${systemTimeOffsetSeconds} s) is not, because chronyd reports corrected time`, () => {
      const report = trackingReport({ systemTimeOffsetSeconds });
      const within = sightReference(NONE, report, clocksAt(REFERENCE_MS - 509));
      const beyond = sightReference(NONE, report, clocksAt(REFERENCE_MS - 511));
      assert.equal(referenceAgeSeconds(within, clocksAt(REFERENCE_MS - 509)), 0);
      assert.equal(referenceAgeSeconds(beyond, clocksAt(REFERENCE_MS - 511)), undefined);
    });
  }
});

test("no age is negative or goes back while the reference time stays, whatever the wall clock does", () => {
  const anyStep = fc.integer({ min: -HOUR_MS, max: HOUR_MS });
  const anyWait = fc.integer({ min: 0, max: HOUR_MS });
  const anyReport = fc
    .tuple(anyStep, fc.integer({ min: -500, max: 500 }))
    .map(([referenceMs, offsetMs]) =>
      trackingReport({
        referenceTimeSeconds: (WALL_AT_START_MS + referenceMs) / 1000,
        systemTimeOffsetSeconds: offsetMs / 1000,
      }),
    );
  fc.assert(
    fc.property(anyReport, fc.array(fc.tuple(anyWait, anyStep)), (report, moments) => {
      let sighting: ReferenceSighting | undefined;
      let monotonicMs = 0;
      let before = 0;
      for (const [waitMs, steppedMs] of moments) {
        monotonicMs += waitMs;
        sighting = sightReference(sighting, report, clocksAt(monotonicMs, steppedMs));
        const { age, least } = ages(sighting, monotonicMs);
        assert.ok(least >= before);
        assert.ok(age === undefined || age === least);
        before = least;
      }
    }),
  );
});
