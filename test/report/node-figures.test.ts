// The figures of a node, compared with a second computation of the same rules, which looks at each second by itself: random
// collections of one or two writers, with gaps, restarts and states without values. month.test.ts has a month of real
// samples.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import { PUBLISHES, SYNC_STATES, type SyncState } from "../../src/clock/sync-state.ts";
import { type Growth, totalGrowth } from "../../src/report/counters.ts";
import { nodeFigures } from "../../src/report/node-figures.ts";
import type { Question } from "../../src/report/question.ts";
import {
  type NodeSamples,
  openMetricsLines,
  type RawSeries,
  type UsedMetric,
} from "../../src/report/raw-series.ts";
import { cutter } from "../../src/report/sample-pairs.ts";

const QUESTION: Question = {
  fromMs: 100_000,
  toMs: 400_000,
  limitMs: 10,
  referenceErrorMs: 0,
  peakWindowMs: 60_000,
};

/** What one writer reported at one second. */
type Collection = {
  readonly second: number;
  readonly peak: number;
  readonly state: SyncState;
  readonly isRestart: boolean;
  readonly newSteps: number;
};

const anyCollections = fc
  .array(
    fc.record({
      gap: fc.oneof(fc.constant(30), fc.integer({ min: 1, max: 59 }), fc.constantFrom(60, 61, 150)),
      peak: fc.constantFrom(0.05, 9.99, 10, 10.01, 300),
      state: fc.constantFrom(...SYNC_STATES, "synchronised", "synchronised", "synchronised"),
      isRestart: fc.integer({ min: 0, max: 9 }).map((one) => one === 0),
      newSteps: fc.constantFrom(0, 0, 0, 1, 2),
    }),
    { maxLength: 25 },
  )
  .map((list) => {
    let second = 40;
    return list.map(({ gap, ...collection }): Collection => {
      second += gap;
      return { ...collection, second };
    });
  });

/** As raw samples; the counters begin at 3 steps and 5 polls. */
function samplesOf(writers: readonly (readonly Collection[])[]): NodeSamples {
  const series = writers.flatMap((collections, writer) => {
    const labels = { cluster: "c", k8s_node_name: "n", job: `job-${writer}` };
    let steps = 3;
    let polls = 5;
    const rows = collections.map(({ isRestart, newSteps, ...collection }) => {
      steps = isRestart ? newSteps : steps + newSteps;
      polls = isRestart ? 1 : polls + 1;
      return { ...collection, steps, polls };
    });
    type Row = (typeof rows)[number];
    const one = (
      metric: UsedMetric,
      value: (row: Row) => number | undefined,
      more: Readonly<Record<string, string>> = {},
    ): RawSeries => {
      const points = rows.flatMap((row) => {
        const number = value(row);
        return number === undefined ? [] : [{ timeMs: row.second * 1000, text: String(number) }];
      });
      return {
        metric,
        labels: { ...labels, ...more },
        timesMs: points.map(({ timeMs }) => timeMs),
        values: points.map(({ text }) => text),
      };
    };
    return [
      one("chrony_clock_error_peak_ms", ({ state, peak }) =>
        PUBLISHES[state].boundAndPeak ? peak : undefined,
      ),
      ...SYNC_STATES.map((state) =>
        one("chrony_sync_state", (row) => Number(row.state === state), { state }),
      ),
      one("chrony_clock_steps_total", (row) => row.steps),
      one("chrony_tracker_readings_total", (row) => row.polls, { result: "success" }),
    ];
  });
  return { node: { cluster: "c", name: "n" }, series };
}

/** What one writer reported for the second that ends here. */
function coveredBy(collections: readonly Collection[], second: number) {
  const next = collections.findIndex((one) => one.second >= second);
  const later = collections[next];
  const before = collections[next - 1];
  if (later === undefined || before === undefined || later.isRestart) {
    return {};
  }
  const isNear = later.second - before.second <= 60;
  const worst =
    SYNC_STATES[Math.max(SYNC_STATES.indexOf(later.state), SYNC_STATES.indexOf(before.state))];
  const isKnown =
    PUBLISHES[later.state].boundAndPeak &&
    PUBLISHES[before.state].boundAndPeak &&
    second > later.second - 60;
  return { peak: isKnown ? later.peak : undefined, state: isNear ? worst : undefined };
}

test("samples are written with three decimals of a second, and with labels in order", () => {
  const lines = openMetricsLines({
    metric: "chrony_clock_steps_total",
    labels: { job: 'a"b\\c\nd', cluster: "Blue" },
    timesMs: [5, 1_050, 1_700_000_000_700],
    values: ["0", "1", "1"],
  });
  const name = 'chrony_clock_steps_total{cluster="blue",job="a\\"b\\\\c\\nd"}';
  assert.deepEqual(
    [...lines],
    [`${name} 0 0.005\n`, `${name} 1 1.050\n`, `${name} 1 1700000000.700\n`],
  );
});

describe("a cut", () => {
  test("may lie in another one, and may touch the next", () => {
    const isCut = cutter([
      { fromMs: 0, toMs: 10 },
      { fromMs: 2, toMs: 3 },
      { fromMs: 10, toMs: 12 },
    ]);
    assert.deepEqual(
      [
        [4, 6],
        [9, 10],
        [10, 11],
        [12, 13],
      ].map(([fromMs = 0, toMs = 0]) => isCut(fromMs, toMs)),
      [true, true, true, false],
    );
  });
});

function growth(fromMs: number, toMs: number, count: number): Growth {
  return { fromMs, toMs, count };
}

test("growth that two writers reported counts once where it overlaps, and twice where it only touches", () => {
  const range = { ...QUESTION, fromMs: 0, toMs: 100 };
  assert.equal(totalGrowth([[growth(0, 10, 1)], [growth(5, 15, 2)]], range), 2);
  assert.equal(totalGrowth([[growth(0, 10, 1)], [growth(10, 15, 2)]], range), 3);
});

describe("the figures of a node", () => {
  test("are those of the computation by second", () => {
    fc.assert(
      fc.property(fc.array(anyCollections, { minLength: 1, maxLength: 2 }), (writers) => {
        const figures = nodeFigures(samplesOf(writers), QUESTION);
        const states = Object.fromEntries(SYNC_STATES.map((state) => [state, 0]));
        let above = 0;
        let notKnown = 0;
        for (let second = 101; second <= 400; second++) {
          const covered = writers.map((collections) => coveredBy(collections, second));
          const peaks = covered.flatMap(({ peak }) => (peak === undefined ? [] : [peak]));
          above += Number(Math.max(...peaks) > 10);
          notKnown += Number(peaks.length === 0);
          const seen = covered.flatMap(({ state }) => (state === undefined ? [] : [state]));
          const worst = SYNC_STATES.findLast((state) => seen.includes(state));
          if (worst !== undefined) {
            states[worst] = (states[worst] ?? 0) + 1000;
          }
        }
        const hasPeak = writers.flat().some(({ state }) => PUBLISHES[state].boundAndPeak);
        assert.equal(figures.aboveMs, above * 1000, "above");
        assert.equal(figures.notKnownMs, hasPeak ? notKnown * 1000 : 300_000, "not known");
        assert.equal(figures.withinMs, 300_000 - figures.aboveMs - figures.notKnownMs);
        assert.deepEqual(figures.states, states);
        // The sum of the exceedances is the time above the limit.
        const exceeding = figures.exceedances.reduce((sum, one) => sum + one.toMs - one.fromMs, 0);
        assert.equal(exceeding, figures.aboveMs);
        const reported = writers.flat().filter(({ second, state }) => {
          return second > 100 && second <= 400 && PUBLISHES[state].boundAndPeak;
        });
        for (const { second, peak } of reported) {
          assert.ok((figures.largest?.errorMs ?? 0) >= peak);
          if (peak > 10) {
            const isNamed = figures.exceedances.some(({ fromMs, toMs, largest }) => {
              return fromMs <= second * 1000 && second * 1000 <= toMs && largest.errorMs >= peak;
            });
            assert.ok(isNamed, `${peak} ms at ${second} s`);
          }
        }
        if (writers.length === 1) {
          const [only = []] = writers;
          const inRange = only.slice(1).filter(({ second }, index) => {
            return second > 100 && (only[index]?.second ?? 0) < 400;
          });
          const steps = inRange.reduce((sum, { newSteps }) => sum + newSteps, 0);
          assert.equal(figures.steps, only.length === 0 ? undefined : steps);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
