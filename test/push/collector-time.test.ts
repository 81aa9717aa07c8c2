// The rules for the correction of times (src/push/collector-time.ts), with simulated clocks of a node and a collector.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import type { ClockPair } from "../../src/clock/clock-pair.ts";
import { CollectorTime } from "../../src/push/collector-time.ts";

/** True time when the node's monotonic clock shows 0, not on a whole second. */
const START_MS = Date.UTC(2026, 10, 28, 12) + 432;

/** A node that asks a collector from time to time. */
class Node {
  readonly time = new CollectorTime();
  /** The differences of the clocks from true time. */
  offMs = 0;
  collectorOffMs = 0;
  suspendedMs = 0;
  isSynchronised = true;
  /** The duration of an answer. */
  answerMs = 10;
  #monotonicMs = 1_000;

  get trueMs(): number {
    return START_MS + this.#monotonicMs + this.suspendedMs;
  }

  get clocks(): ClockPair {
    const [monotonicMs, { suspendedMs }] = [this.#monotonicMs, this];
    return { wallMs: this.trueMs + this.offMs, monotonicMs, bracketMs: 0, suspendedMs };
  }

  get mustAsk(): boolean {
    return this.time.mustAsk(this.clocks, this.isSynchronised);
  }

  get correctionMs(): number {
    return this.time.correctionMs(this.clocks, this.isSynchronised);
  }

  pass(lengthMs: number): void {
    this.#monotonicMs += lengthMs;
  }

  /** Asks, and gets the collector's date, or another. */
  ask(date?: string): void {
    const askedMs = this.#monotonicMs;
    this.pass(this.answerMs);
    const dated = date ?? new Date(this.trueMs + this.collectorOffMs).toUTCString();
    this.time.answered(dated, askedMs, this.#monotonicMs, this.clocks);
  }

  /** A round of questions, as the push asks them. @returns how many there were */
  askAsNeeded(): number {
    let questions = 0;
    while (this.mustAsk && questions < 3) {
      this.pass(questions > 0 ? 1_600 : 0);
      this.ask();
      questions += 1;
    }
    return questions;
  }

  /** Pushes that are answered, one an interval. */
  push(times: number, intervalMs = 30_000): void {
    for (let time = 0; time < times; time += 1) {
      this.pass(intervalMs);
      this.ask();
    }
  }
}

function nodeThat(is: Partial<Node>): Node {
  return Object.assign(new Node(), is);
}

describe("at the start", () => {
  test("a healthy node asks once, and keeps its own time", () => {
    const node = new Node();
    assert.equal(node.askAsNeeded(), 1);
    assert.equal(node.correctionMs, 0);
    node.push(20);
    assert.deepEqual([node.mustAsk, node.correctionMs], [false, 0]);
  });

  for (const offMs of [3_600_000, -3_600_000, 86_400_000, -11_500, 12_000]) {
    test(`a node that is ${offMs} ms off asks twice, and lands within a second`, () => {
      const node = nodeThat({ offMs });
      assert.equal(node.askAsNeeded(), 2);
      assert.ok(Math.abs(node.correctionMs + offMs) <= 1_000, `${node.correctionMs}`);
      assert.equal(Math.abs(node.correctionMs % 1_000), 0, "whole seconds");
    });
  }

  test("one date alone puts nothing right", () => {
    const node = nodeThat({ offMs: 3_600_000 });
    node.ask();
    assert.equal(node.correctionMs, 0);
  });

  test("a collector that gives no date, or none that can be read, is not asked again", () => {
    for (const date of ["", "never", "99"]) {
      const node = nodeThat({ offMs: 3_600_000 });
      node.ask(date);
      assert.ok(!node.mustAsk || date === "99", date);
      assert.equal(node.correctionMs, 0);
    }
  });
});

describe("a limit", () => {
  for (const [isSynchronised, limitMs] of [
    [true, 10_000],
    [false, 2_000],
  ] as const) {
    test(`of ${limitMs} ms is kept where the clock is ${isSynchronised ? "" : "not "}synchronised`, () => {
      for (const sign of [1, -1]) {
        const within = nodeThat({ offMs: sign * (limitMs - 1), isSynchronised });
        within.push(5);
        assert.equal(within.correctionMs, 0);
        const beyond = nodeThat({ offMs: sign * (limitMs + 1_100), isSynchronised });
        beyond.push(5);
        assert.notEqual(beyond.correctionMs, 0);
      }
    });
  }

  test("is left only within half of it", () => {
    const node = nodeThat({ offMs: 20_000 });
    node.push(2);
    for (const [offMs, isPutRight] of [
      [9_000, true],
      [6_500, true],
      [3_500, false],
      [9_000, false],
    ] as const) {
      // Slewed there, slowly enough for dates to agree.
      for (; Math.abs(node.offMs - offMs) > 0; ) {
        node.offMs += Math.max(-400, Math.min(400, offMs - node.offMs));
        node.push(1);
        assert.equal(typeof node.correctionMs, "number");
      }
      node.push(2);
      assert.equal(node.correctionMs !== 0, isPutRight, `${offMs}`);
    }
  });

  test("is another when the clock is synchronised: it wins against a collector that is 3 s off", () => {
    const node = nodeThat({ collectorOffMs: 3_000, isSynchronised: false });
    node.push(3);
    assert.ok(Math.abs(node.correctionMs - 3_000) <= 1_000);
    node.isSynchronised = true;
    node.push(1);
    assert.equal(node.correctionMs, 0);
  });
});

for (const suspendedMs of [0, 3_600_000]) {
  test(`a node an hour ahead is put right after ${suspendedMs} ms of sleep before the start`, () => {
    const node = nodeThat({ offMs: 3_600_000, suspendedMs });
    assert.equal(node.askAsNeeded(), 2);
    node.push(20);
    assert.ok(Math.abs(node.correctionMs + 3_600_000) <= 1_000, `${node.correctionMs}`);
  });
}

test("two dates agree also with a sleep of the machine between them", () => {
  const node = nodeThat({ offMs: 3_600_000 });
  node.ask();
  node.suspendedMs = 600_000;
  node.pass(1_600);
  node.ask();
  assert.ok(Math.abs(node.correctionMs + 3_600_000) <= 1_000, `${node.correctionMs}`);
});

test("a second date counts from 1.5 s on", () => {
  for (const [gapMs, counts] of [
    [1_499, false],
    [1_500, true],
  ] as const) {
    const node = nodeThat({ offMs: 3_600_000, answerMs: 0 });
    node.push(2, gapMs);
    assert.equal(node.correctionMs !== 0, counts, `${gapMs}`);
  }
});

/** A date says then that the collector's clock is up to a second later, and not earlier. */
function nodeAtWholeSecond(offMs: number): Node {
  const node = nodeThat({ offMs, answerMs: 0 });
  node.pass(1_000 - (node.trueMs % 1_000));
  return node;
}

function slew(node: Node, offMs: number): void {
  while (node.offMs !== offMs) {
    node.offMs += Math.max(-400, Math.min(400, offMs - node.offMs));
    node.push(1);
    node.time.correctionMs(node.clocks, node.isSynchronised);
  }
}

describe("to the millisecond", () => {
  test("10 s are not beyond 10 s", () => {
    for (const [offMs, isBeyond] of [
      [-10_000, false],
      [-10_001, true],
    ] as const) {
      const node = nodeAtWholeSecond(offMs);
      node.ask();
      assert.equal(node.mustAsk, isBeyond);
      node.push(5);
      assert.equal(node.correctionMs !== 0, isBeyond);
    }
  });

  test("5 s are within half of it", () => {
    const node = nodeAtWholeSecond(-20_000);
    node.push(3);
    slew(node, -4_001);
    assert.notEqual(node.correctionMs, 0);
    slew(node, -4_000);
    assert.equal(node.correctionMs, 0);
  });

  test("a correction changes when it is a second beside what dates say", () => {
    for (const [offMs, correctionMs] of [
      [18_001, -19_000],
      [18_000, -17_000],
      [20_999, -19_000],
      [21_000, -20_000],
    ] as const) {
      const node = nodeAtWholeSecond(20_000);
      node.push(3);
      assert.equal(node.correctionMs, -19_000);
      slew(node, offMs);
      assert.equal(node.correctionMs, correctionMs, `${offMs}`);
    }
  });
});

test("a correction that ended because dates disagreed does not begin again within the limit", () => {
  const node = nodeThat({ offMs: 20_000 });
  node.push(3);
  assert.notEqual(node.correctionMs, 0);
  node.collectorOffMs = 13_000;
  node.push(1);
  assert.equal(node.correctionMs, 0);
  node.push(15);
  assert.equal(node.correctionMs, 0);
});

describe("two dates half a minute apart", () => {
  for (const [rate, agree] of [
    [0, true],
    [1 / 12, true],
    [-1 / 12, true],
    [0.2, false],
    [-0.2, false],
  ] as const) {
    test(`${agree ? "agree" : "disagree"} when the node's clock is slewed by ${rate} meanwhile`, () => {
      const node = nodeThat({ offMs: 3_600_000 });
      node.pass(1_000_000);
      node.ask();
      node.pass(30_000);
      // A slewed node counts a shorter or longer time, by both of its clocks.
      node.collectorOffMs = 30_000 * rate;
      node.ask();
      assert.equal(node.correctionMs !== 0, agree);
    });
  }
});

test("a correction stays the same from one push to the next", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 11_200, max: 100_000_000 }),
      fc.integer({ min: 900, max: 40_000 }),
      (offMs, intervalMs) => {
        const node = nodeThat({ offMs });
        node.push(3, intervalMs + 200);
        const first = node.correctionMs;
        for (let time = 0; time < 30; time += 1) {
          node.push(1, intervalMs);
          assert.equal(node.correctionMs, first);
        }
      },
    ),
  );
});

describe("a step", () => {
  for (const stepMs of [5_000, -5_000, 3_600_000, -3_600_000]) {
    test(`of ${stepMs} ms away from the collector is asked about and put right`, () => {
      const node = new Node();
      node.push(3);
      node.offMs = stepMs;
      node.pass(2_000);
      assert.equal(node.askAsNeeded(), 1);
      assert.ok(Math.abs(node.correctionMs + stepMs) <= 1_000, `${node.correctionMs}`);
      node.push(20);
      assert.ok(Math.abs(node.correctionMs + stepMs) <= 1_000, "and stays so");
    });
  }

  test("of 700 ms has the collector asked, and one of 300 ms has not", () => {
    for (const [stepMs, mustAsk] of [
      [700, true],
      [-700, true],
      [300, false],
      [500, false],
    ] as const) {
      const node = new Node();
      node.push(3);
      node.offMs = stepMs;
      assert.equal(node.mustAsk, mustAsk, `${stepMs}`);
    }
  });

  test("that is seen only when points are sent has the collector asked", () => {
    const node = new Node();
    node.push(3);
    node.offMs = 3_600_000;
    assert.equal(node.correctionMs, -3_600_000);
    node.offMs = 0;
    assert.equal(node.mustAsk, true);
  });

  test("away from the collector is forgotten once the clock is back: 5 s are left again", () => {
    const node = new Node();
    node.push(3);
    node.offMs = 5_000;
    node.askAsNeeded();
    assert.notEqual(node.correctionMs, 0);
    node.offMs = 0;
    node.pass(2_000);
    node.askAsNeeded();
    assert.equal(node.correctionMs, 0);
    for (; node.offMs < 5_000; node.offMs += 400) {
      node.push(1);
    }
    node.push(3);
    assert.equal(node.correctionMs, 0);
  });

  test("away from the collector is forgotten when dates disagree", () => {
    const node = new Node();
    node.push(3);
    node.offMs = 5_000;
    node.pass(2_000);
    node.askAsNeeded();
    node.collectorOffMs = 60_000;
    node.push(1);
    node.collectorOffMs = 0;
    node.push(20);
    assert.equal(node.correctionMs, 0);
  });

  test("does not make a later one look like a step from a clock that agreed", () => {
    const node = nodeThat({ collectorOffMs: 3_000 });
    node.push(3);
    node.offMs = 700;
    node.push(3);
    // By slews alone: as far as the synchronised clock may be off.
    for (; node.offMs < 12_000; node.offMs += 400) {
      node.push(1);
    }
    assert.equal(node.correctionMs, 0);
  });

  test("to the true time, away from a collector that is 3 s off, keeps the node's time", () => {
    const node = nodeThat({ offMs: 5_000, collectorOffMs: 3_000 });
    node.push(3);
    node.offMs = 0;
    node.pass(2_000);
    node.askAsNeeded();
    node.push(5);
    assert.equal(node.correctionMs, 0);
  });

  test("back to the true time ends the correction", () => {
    const node = nodeThat({ offMs: 3_600_000 });
    node.push(3);
    node.offMs = 0;
    node.pass(2_000);
    node.askAsNeeded();
    assert.equal(node.correctionMs, 0);
  });
});

test("a sleep of the machine moves nothing", () => {
  const node = new Node();
  node.push(3);
  node.suspendedMs = 60_000;
  node.pass(2_000);
  assert.equal(node.mustAsk, false);
  node.push(3);
  assert.equal(node.correctionMs, 0);
});

test("a sleep that was not told from a step moves nothing either", () => {
  const node = new Node();
  node.push(3);
  // The monotonic clock stood still for a minute: true time went on by more.
  const slept = nodeThat({ offMs: 60_000, collectorOffMs: 60_000 });
  Object.assign(node, { offMs: slept.offMs, collectorOffMs: slept.collectorOffMs });
  node.pass(2_000);
  node.askAsNeeded();
  assert.equal(node.correctionMs, 0);
  node.push(3);
  assert.equal(node.correctionMs, 0);
});

describe("dates that are none of the collector's clock", () => {
  test("and stand still count for nothing, whatever they say", () => {
    const frozen = new Date(START_MS - 3_600_000).toUTCString();
    for (const intervalMs of [0, 1_100, 1_500, 4_000, 30_000]) {
      for (const answerMs of [0, 900, 4_999]) {
        const node = nodeThat({ answerMs });
        for (let time = 0; time < 50; time += 1) {
          node.pass(intervalMs);
          node.ask(frozen);
          assert.equal(node.correctionMs, 0);
        }
      }
    }
  });

  test("and are of two collectors that disagree count for nothing", () => {
    const node = new Node();
    for (let time = 0; time < 50; time += 1) {
      node.collectorOffMs = time % 2 === 0 ? 0 : 60_000;
      node.push(1);
      assert.equal(node.correctionMs, 0, `${time}`);
    }
  });

  test("do not count before ten agree, once two collectors disagreed", () => {
    const node = nodeThat({ collectorOffMs: 60_000 });
    node.push(1);
    node.collectorOffMs = 0;
    node.push(1);
    node.collectorOffMs = 60_000;
    node.push(9);
    assert.equal(node.correctionMs, 0);
    node.push(1);
    assert.notEqual(node.correctionMs, 0);
  });

  test("and came after more than 5 s count for nothing", () => {
    const node = nodeThat({ offMs: 3_600_000, answerMs: 5_000 });
    node.push(10);
    assert.equal(node.correctionMs, 0);
  });
});

test("a slew of a clock that agreed keeps the node's time: chronyd puts itself right", () => {
  const node = new Node();
  node.push(3);
  for (let time = 0; time < 100; time += 1) {
    node.offMs += 40;
    node.push(1);
  }
  assert.equal(node.correctionMs, 0);
});

test("answers that come late, or after one another at once, do not make a healthy node worse off", () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ answerMs: fc.integer({ min: 0, max: 8_000 }), gapMs: fc.nat(5_000) })),
      (answers) => {
        const node = new Node();
        for (const { answerMs, gapMs } of answers) {
          node.answerMs = answerMs;
          node.push(1, gapMs);
          assert.equal(node.correctionMs, 0);
        }
      },
    ),
  );
});
