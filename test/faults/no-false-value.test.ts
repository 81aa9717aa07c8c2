// The checker itself: each rule must find the one thing that is false in a run.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Collection } from "./collections.ts";
import { checkEverySample, type Rule } from "./no-false-value.ts";
import { holesIn } from "./nothing-missing.ts";
import { type EndedReading, hasEnded, type Reading } from "./readings.ts";
import { boundMs, errorMs, type RecordedTracking, trackingValues } from "./recorded-tracking.ts";

const BEGAN_MS = 1_700_000_000_000;
const READING_INTERVAL_MS = 200;
const INTERVAL_MS = 1000;
const READINGS = 60;

/** Every report differs from the one before, as chronyd's do: the dispersion grows. */
function reportOf(number: number, changes: Partial<RecordedTracking> = {}): RecordedTracking {
  return {
    referenceId: 0x7f000001,
    stratum: 9,
    leap: 0,
    currentCorrection: 0.005,
    lastOffset: -1e-6,
    rmsOffset: 2e-6,
    freqPpm: 1.5,
    residFreqPpm: 0.01,
    skewPpm: 0.2,
    rootDelay: 1e-4,
    rootDispersion: 1e-5 + number * 1e-7,
    lastUpdateInterval: 1,
    ...changes,
  };
}

function readingAt(number: number, report: RecordedTracking | undefined, life = 0): EndedReading {
  const openedMs = BEGAN_MS + number * READING_INTERVAL_MS;
  return {
    life,
    openedMs,
    closedMs: openedMs + 5,
    earliestWallMs: openedMs + 1,
    latestWallMs: openedMs + 5,
    reports: report === undefined ? [] : [report],
  };
}

function collectionOf(
  { earliestWallMs, reports: [report] }: Reading,
  state: string,
  peakMs: number | undefined,
  counter: number,
): Collection {
  const values = new Map<string, number>();
  for (const one of [
    "synchronised",
    "stale",
    "stepped",
    "local",
    "unsynchronised",
    "unreachable",
  ]) {
    values.set(`chrony_sync_state{state="${one}"}`, one === state ? 1 : 0);
  }
  values.set("chrony_up", report === undefined ? 0 : 1);
  values.set('chrony_tracker_readings_total{result="success"}', counter);
  if (report !== undefined) {
    for (const [name, value] of Object.entries(trackingValues(report))) {
      values.set(name, value);
    }
    if (peakMs !== undefined) {
      values.set("chrony_clock_error_ms", errorMs(report));
      values.set("chrony_clock_error_bound_ms", boundMs(report));
      values.set("chrony_clock_error_peak_ms", peakMs);
    }
  }
  return { timeMs: earliestWallMs, values };
}

type Run = {
  readonly readings: Reading[];
  readonly collections: Collection[];
};

/** A correct run: every fifth poll has a collection, and chronyd was silent for a while. */
function trueRun(): Run {
  const readings = Array.from({ length: READINGS }, (_, number) =>
    readingAt(number, number >= 30 && number < 40 ? undefined : reportOf(number)),
  );
  const told = readings.filter((_, number) => number % 5 === 0);
  const collections = told.map((reading) => {
    const number = readings.indexOf(reading);
    const [report] = reading.reports;
    // The dispersion grows, and the bound is above the error: the newest bound is the peak.
    return report === undefined
      ? collectionOf(reading, "unreachable", undefined, number)
      : collectionOf(reading, "synchronised", boundMs(report), number);
  });
  return { readings, collections };
}

function check({ readings, collections }: Run) {
  return checkEverySample({ readings, collections, peakWidthMs: 60_000, wrongClockMs: undefined });
}

/** The run with a change of the collection with this index. */
function changed(
  { readings, collections }: Run,
  index: number,
  change: (collection: Collection) => Collection,
): Run {
  return {
    readings,
    collections: collections.map((one, at) => (at === index ? change(one) : one)),
  };
}

function withValues(
  collection: Collection,
  changes: Readonly<Record<string, number | undefined>>,
): Collection {
  const values = new Map(collection.values);
  for (const [name, value] of Object.entries(changes)) {
    if (value === undefined) {
      values.delete(name);
    } else {
      values.set(name, value);
    }
  }
  return { ...collection, values };
}

const state = (name: string) => `chrony_sync_state{state="${name}"}`;
/** A collection before chronyd became silent, one of the silence, and one after it. */
const HEALTHY = 4;
const SILENT = 7;
const RECOVERED = 9;

const FALSEHOODS: readonly {
  readonly name: string;
  readonly rule: Rule;
  readonly run: (run: Run) => Run;
}[] = [
  {
    name: "two states at once",
    rule: "one state at a time",
    run: (run) => changed(run, HEALTHY, (one) => withValues(one, { [state("stale")]: 1 })),
  },
  {
    name: "no state at all",
    rule: "one state at a time",
    run: (run) => changed(run, HEALTHY, (one) => withValues(one, { [state("synchronised")]: 0 })),
  },
  {
    name: "a state of which no series arrived",
    rule: "one state at a time",
    run: (run) => changed(run, HEALTHY, (one) => withValues(one, { [state("local")]: undefined })),
  },
  {
    name: "up, though unreachable",
    rule: "one state at a time",
    run: (run) => changed(run, SILENT, (one) => withValues(one, { chrony_up: 1 })),
  },
  {
    name: "an error in the state unreachable",
    rule: "nothing that is withheld",
    run: (run) => changed(run, SILENT, (one) => withValues(one, { chrony_clock_error_ms: 0.07 })),
  },
  {
    name: "a report's value in the state unreachable",
    rule: "nothing that is withheld",
    run: (run) => changed(run, SILENT, (one) => withValues(one, { chrony_tracking_stratum: 9 })),
  },
  {
    name: "no bound where it is known",
    rule: "nothing that is withheld",
    run: (run) =>
      changed(run, HEALTHY, (one) => withValues(one, { chrony_clock_error_bound_ms: undefined })),
  },
  {
    name: "an error that is flattered by a thousandth",
    rule: "nothing that chronyd did not say",
    run: (run) =>
      changed(run, HEALTHY, (one) =>
        withValues(one, {
          chrony_clock_error_ms: (one.values.get("chrony_clock_error_ms") ?? 0) * 0.999,
        }),
      ),
  },
  {
    name: "values of two readings in one collection",
    rule: "nothing that chronyd did not say",
    run: (run) =>
      changed(run, HEALTHY, (one) =>
        withValues(one, {
          chrony_tracking_root_dispersion_seconds: reportOf(1).rootDispersion,
        }),
      ),
  },
  {
    name: "an old value with a fresh time, as after a backward step",
    rule: "at the time of its reading",
    run: (run) =>
      changed(run, RECOVERED, (one) => ({
        timeMs: one.timeMs,
        values: run.collections[HEALTHY]?.values ?? new Map(),
      })),
  },
  {
    name: "a sample younger than its reading",
    rule: "at the time of its reading",
    run: (run) => changed(run, HEALTHY, (one) => ({ ...one, timeMs: one.timeMs + 50 })),
  },
  {
    name: "a sample older than its reading",
    rule: "at the time of its reading",
    run: (run) => changed(run, HEALTHY, (one) => ({ ...one, timeMs: one.timeMs - 50 })),
  },
  {
    name: "a reading told twice",
    rule: "every reading once",
    run: (run) => {
      const again = run.collections[HEALTHY];
      assert.ok(again !== undefined);
      return {
        ...run,
        collections: [...run.collections, { ...again, timeMs: again.timeMs + 1 }],
      };
    },
  },
  {
    name: "unsynchronised told as synchronised",
    rule: "the state fits the report",
    run: (run) => ({
      ...run,
      readings: run.readings.map((reading, number) =>
        number === HEALTHY * 5 ? { ...reading, reports: [reportOf(number, { leap: 3 })] } : reading,
      ),
    }),
  },
  {
    name: "a peak below an error that was read before",
    rule: "the peak is the largest of error and bound",
    run: (run) => ({
      ...run,
      readings: run.readings.map((reading, number) =>
        number === 3 ? { ...reading, reports: [reportOf(number, { lastOffset: 0.5 })] } : reading,
      ),
    }),
  },
  {
    name: "a peak that was never read",
    rule: "the peak is the largest of error and bound",
    run: (run) =>
      changed(run, HEALTHY, (one) => withValues(one, { chrony_clock_error_peak_ms: 99 })),
  },
  {
    name: "a counter that falls",
    rule: "a counter never falls",
    run: (run) =>
      changed(run, HEALTHY, (one) =>
        withValues(one, { 'chrony_tracker_readings_total{result="success"}': 1 }),
      ),
  },
];

describe("the checker of samples", () => {
  test("finds nothing in a correct run, and the poll of every collection", () => {
    const run = trueRun();
    const { falsehoods, matches } = check(run);
    assert.deepEqual(falsehoods, []);
    assert.equal(matches.length, run.collections.length);
  });

  for (const { name, rule, run } of FALSEHOODS) {
    test(`finds ${name}`, () => {
      const { falsehoods } = check(run(trueRun()));
      assert.ok(
        falsehoods.some((one) => one.rule === rule),
        `found only: ${JSON.stringify(falsehoods)}`,
      );
    });
  }

  test("lets a counter begin again after a restart of the agent", () => {
    const run = trueRun();
    const readings = run.readings.map((reading, number) =>
      number >= 40 ? { ...reading, life: 1 } : reading,
    );
    const collections = run.collections.map((one, index) =>
      index >= 8
        ? withValues(one, { 'chrony_tracker_readings_total{result="success"}': index - 8 })
        : one,
    );
    assert.deepEqual(check({ readings, collections }).falsehoods, []);
  });

  test("allows only the given tolerance for a wrong clock", () => {
    const run = trueRun();
    const shifted = run.collections.map((one) => ({ ...one, timeMs: one.timeMs + 1500 }));
    const falsehoods = (wrongClockMs: number) =>
      checkEverySample({
        readings: run.readings,
        collections: shifted,
        peakWidthMs: 60_000,
        wrongClockMs,
      }).falsehoods.filter(({ rule }) => rule === "at the time of its reading");
    assert.deepEqual(falsehoods(2000), []);
    assert.notEqual(falsehoods(1000).length, 0);
  });
});

function holes(run: Run) {
  return holesIn(check(run).matches, run.readings, INTERVAL_MS);
}

/** Three seconds in which nothing ran. */
function stoodStill(timeMs: number): boolean {
  return timeMs > BEGAN_MS + 2001 && timeMs < BEGAN_MS + 5000;
}

describe("the search for missing collections", () => {
  test("finds nothing when every interval has its collection", () => {
    assert.deepEqual(holes(trueRun()), []);
  });

  test("finds a missing collection, and the number of intervals without one", () => {
    const run = trueRun();
    const without = run.collections.filter((_, index) => index !== 3 && index !== 4);
    const [hole, ...others] = holes({ ...run, collections: without });
    assert.deepEqual(others, []);
    assert.equal(hole?.collections, 2);
  });

  test("finds that the first or the last is missing", () => {
    const run = trueRun();
    for (const collections of [run.collections.slice(2), run.collections.slice(0, -2)]) {
      assert.equal(holes({ ...run, collections }).length, 1);
    }
  });

  test("does not expect a collection without a poll, as on a machine that was stopped", () => {
    const run = trueRun();
    const readings = run.readings.filter(
      (reading) => hasEnded(reading) && !stoodStill(reading.closedMs),
    );
    const collections = run.collections.filter(({ timeMs }) => !stoodStill(timeMs));
    assert.deepEqual(holes({ readings, collections }), []);
  });

  test("marks a gap that an allowed loss explains", () => {
    const run = trueRun();
    const collections = run.collections.filter((_, index) => index !== 3);
    const { matches } = check({ ...run, collections });
    const [hole] = holesIn(matches, run.readings, INTERVAL_MS, [
      { fromMs: BEGAN_MS + 2500, toMs: BEGAN_MS + 3500 },
    ]);
    assert.equal(hole?.allowed, true);
  });
});
