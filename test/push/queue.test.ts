// The rules of the queue (src/push/queue.ts) and of the next request (src/push/rounds.ts), by cases and by random
// histories. No request is sent: the case has its result, and a model has the backend's samples (points.ts).

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import type { Outcome } from "../../src/push/answer.ts";
import type { Batch, Moment } from "../../src/push/batch.ts";
import { requestOf } from "../../src/push/otlp.ts";
import { Queue, type QueueOptions } from "../../src/push/queue.ts";
import { Rounds } from "../../src/push/rounds.ts";
import { clocksAt, WALL_AT_START_MS } from "../clock/reports.ts";
import { collectionOf, ModelBackend, RESOURCE, type Sent, sentIn, seriesNamed } from "./points.ts";

const INTERVAL_MS = 30_000;
const MAX_AGE_MS = 1_140_000;

type Values = Readonly<Record<string, number>>;

/** What a backend does with a request: whether it writes it, and what the agent learns of that. */
type Reply = { readonly writes: boolean; readonly outcome: Outcome };

const URL = "http://collector.example/v1/metrics";
const ANSWERED = { kind: "answered", url: URL, status: 0, detail: "" } as const;
const TAKEN: Reply = {
  writes: true,
  outcome: { kind: "accepted", rejectedPoints: 0, reason: "" },
};
const REJECTED: Reply = { writes: false, outcome: { kind: "rejected", error: ANSWERED } };
const TOO_LARGE: Reply = { writes: false, outcome: { kind: "too large", error: ANSWERED } };
const BUSY: Reply = {
  writes: false,
  outcome: { kind: "wait", isAnswer: true, error: ANSWERED },
};
const AWAY: Reply = {
  writes: false,
  outcome: {
    kind: "wait",
    isAnswer: false,
    error: { kind: "not reached", url: URL, detail: "ECONNREFUSED", isUntrusted: false },
  },
};
const SILENT: Reply = {
  writes: false,
  outcome: {
    kind: "wait",
    isAnswer: false,
    error: { kind: "timed out", url: URL, afterMs: 20_000 },
  },
};
const ANSWER_LOST: Reply = { ...SILENT, writes: true };

/** A queue, the clocks of its node, and a backend, with checks at each step. */
class History {
  readonly queue: Queue;
  readonly #requests: Rounds;
  readonly backend = new ModelBackend();
  /** The points of each request of each round. */
  readonly rounds: Sent[][][] = [];
  #monotonicMs = 0;
  #steppedMs = 0;
  readonly #times = new Map<Moment, number>();
  /** When each batch was rejected alone. */
  readonly #rejectedMs = new Map<Batch, number[]>();

  constructor(options: Partial<QueueOptions> = {}) {
    this.queue = new Queue({
      maxAgeMs: MAX_AGE_MS,
      maxBytes: 2 ** 22,
      seriesBefore: [],
      isClocks: (name) => name.startsWith("clock"),
      ...options,
    });
    this.#requests = new Rounds(this.queue);
  }

  get clocks() {
    return clocksAt(this.#monotonicMs, this.#steppedMs);
  }

  get lost(): number {
    return Object.values(this.queue.counts.dropped).reduce((sum, one) => sum + one, 0);
  }

  step(stepMs: number): void {
    this.#steppedMs += stepMs;
  }

  pass(lengthMs: number): void {
    this.#monotonicMs += lengthMs;
  }

  /** An interval passes, and a collection is taken in. */
  collect(values: Values, intervalMs = INTERVAL_MS): void {
    this.pass(intervalMs);
    this.queue.add(collectionOf(values), this.clocks, WALL_AT_START_MS);
  }

  /** A round of requests. */
  push(reply: Reply | ((points: readonly Sent[]) => Reply), correctionMs = 0): void {
    const round: Sent[][] = [];
    this.rounds.push(round);
    const requests = this.#requests.round(this.#monotonicMs);
    let step = requests.next();
    while (step.done !== true) {
      assert.ok(round.length < 1_000, "a round ends");
      const batches = step.value;
      this.queue.setTimes(this.clocks, correctionMs);
      const points = sentIn(batches);
      round.push(points);
      this.#check(batches, points);
      const { writes, outcome } = typeof reply === "function" ? reply(points) : reply;
      if (writes) {
        this.backend.write(points);
      }
      const before = this.queue.counts.points + this.lost;
      const rejectedBefore = this.queue.counts.dropped.rejected;
      step = requests.next({ outcome, nowMs: this.#monotonicMs });
      const rejected = outcome.kind === "accepted" ? outcome.rejectedPoints : 0;
      const accepted =
        outcome.kind === "accepted" ? points.length - Math.min(rejected, points.length) : 0;
      assert.equal(this.queue.counts.points + this.lost, before - accepted, "none is forgotten");
      if (outcome.kind === "rejected") {
        this.#checkRejected(batches, this.queue.counts.dropped.rejected > rejectedBefore);
      }
    }
  }

  #checkRejected(batches: readonly Batch[], isDropped: boolean): void {
    const [batch] = batches;
    const isAlone = batch !== undefined && batches.length === 1;
    const rejectedMs = isAlone ? [...(this.#rejectedMs.get(batch) ?? []), this.#monotonicMs] : [];
    if (isAlone) {
      this.#rejectedMs.set(batch, rejectedMs);
    }
    const [firstMs = this.#monotonicMs] = rejectedMs;
    const mayBeDropped = rejectedMs.length >= 3 && this.#monotonicMs - firstMs >= 300_000;
    assert.ok(!isDropped || mayBeDropped, `dropped after rejections at ${rejectedMs.join()} ms`);
  }

  #check(batches: readonly Batch[], points: readonly Sent[]): void {
    const takenMs = batches.map(({ moment }) => moment.clocks.monotonicMs);
    for (const { moment } of batches) {
      assert.ok(this.#monotonicMs - moment.clocks.monotonicMs <= MAX_AGE_MS, "too old");
      const { sentMs = Number.NaN } = moment;
      assert.equal(sentMs, this.#times.get(moment) ?? sentMs, "the same time at each attempt");
      this.#times.set(moment, sentMs);
    }
    const bytes = batches.reduce((sum, { requestBytes }) => sum + requestBytes, 0);
    assert.ok(batches.length === 1 || bytes <= 900_000, `${bytes} bytes`);
    assert.deepEqual(
      takenMs,
      takenMs.toSorted((a, b) => a - b),
      "oldest first within a request",
    );
    for (const [name, ofSeries] of Map.groupBy(points, (point) => point.name)) {
      const times = ofSeries.map(({ timeMs }) => timeMs);
      assert.deepEqual(times, [...new Set(times)], `${name} twice at a time`);
      assert.ok(times.every(Number.isInteger), `${name} at ${times.join()}`);
    }
  }
}

/** When the n-th collection was taken, by a clock that was never stepped. */
function atCollection(number: number): number {
  return WALL_AT_START_MS + number * INTERVAL_MS;
}

function valuesOf(history: History, name: string): Sent["value"][] {
  return history.backend.samplesOf(name).map(([, value]) => value);
}

/** The values of a series in the requests of the last round. */
function lastRound(history: History, name = "a"): Sent["value"][][] {
  return (history.rounds.at(-1) ?? []).map((points) =>
    points.filter((point) => point.name === name).map(({ value }) => value),
  );
}

/** How many collections each request of a round carried. */
function sizes(round: readonly Sent[][] = []): number[] {
  return round.map((points) => points.filter(({ name }) => name === "a").length);
}

function takesThree(points: readonly Sent[]): Reply {
  return points.length > 3 ? TOO_LARGE : TAKEN;
}

function isBusyForTheFirstThree(points: readonly Sent[]): Reply {
  return points.some(({ value }) => typeof value === "number" && value <= 3) ? BUSY : TAKEN;
}

function rejects(isBad: (point: Sent) => boolean) {
  return (points: readonly Sent[]) => (points.some(isBad) ? REJECTED : TAKEN);
}

describe("the backlog", () => {
  test("is sent as one request, oldest first, when the backend is back", () => {
    const history = new History();
    for (let number = 1; number <= 38; number += 1) {
      history.collect({ a: number, b: -number });
      history.push(number === 38 ? TAKEN : AWAY);
    }
    assert.equal(history.rounds.at(-1)?.length, 1);
    assert.deepEqual(
      history.backend.samplesOf("a"),
      Array.from({ length: 38 }, (_, index) => [atCollection(index + 1), index + 1]),
    );
    assert.deepEqual([history.queue.counts.points, history.lost], [0, 0]);
  });

  test("has the same times and values at each attempt, so that a second copy is a duplicate", () => {
    const history = new History();
    for (const reply of [ANSWER_LOST, ANSWER_LOST, TAKEN]) {
      history.collect({ a: history.rounds.length + 1 });
      history.push(reply);
    }
    assert.deepEqual(
      history.backend.samplesOf("a"),
      [1, 2, 3].map((number) => [atCollection(number), number]),
    );
  });

  test("is dropped when it is older than the age, and counted", () => {
    const history = new History({ maxAgeMs: 2 * INTERVAL_MS });
    for (let number = 1; number <= 5; number += 1) {
      history.collect({ a: number });
      history.push(AWAY);
    }
    const dropped = { age: 2, bytes: 0, rejected: 0 };
    assert.deepEqual(history.queue.counts, { points: 3, dropped });
    history.pass(INTERVAL_MS);
    history.push(TAKEN);
    assert.deepEqual(valuesOf(history, "a"), [4, 5], "not what became too old since");
  });

  test("is dropped when it is too large, the oldest first, and counted", () => {
    const history = new History({ maxBytes: 3_000 });
    for (let number = 1; number <= 20; number += 1) {
      history.collect({ a: number });
    }
    const { points, dropped } = history.queue.counts;
    assert.ok(points > 1 && points < 20, `${points}`);
    assert.deepEqual(dropped, { age: 0, bytes: 20 - points, rejected: 0 });
    history.push(TAKEN);
    assert.equal(history.backend.samplesOf("a")[0]?.[1], 21 - points);
  });

  test("has at least the newest collection, whatever its size", () => {
    const history = new History({ maxBytes: 1 });
    history.collect({ a: 1 });
    history.collect({ a: 2, b: 2 });
    const dropped = { age: 0, bytes: 1, rejected: 0 };
    assert.deepEqual(history.queue.counts, { points: 2, dropped });
  });

  test("is sent in requests below 900 kB, one after another", () => {
    const history = new History();
    const many = Object.fromEntries(
      Array.from({ length: 5_000 }, (_, index) => [`series_${index}`, index]),
    );
    history.collect({ ...many, clock: 1 });
    history.push(TAKEN);
    const [round = []] = history.rounds;
    assert.ok(round.length > 1);
    assert.equal(round[0]?.[0]?.name, "clock", "the clock's own first");
    assert.equal(round.flat().length, 5_001);
    assert.ok(round.every((points) => JSON.stringify(points).length < 900_000));
  });
});

test("what is too old is dropped when a collection comes, also if nothing is sent", () => {
  const history = new History({ maxAgeMs: 2 * INTERVAL_MS });
  for (let number = 1; number <= 5; number += 1) {
    history.collect({ a: number });
  }
  assert.deepEqual(history.queue.counts.dropped, { age: 2, bytes: 0, rejected: 0 });
});

test("two collections of one moment are a millisecond apart", () => {
  const history = new History();
  history.collect({ a: 1 });
  history.collect({ a: 2 }, 0);
  history.push(TAKEN);
  assert.deepEqual(history.backend.samplesOf("a"), [
    [atCollection(1), 1],
    [atCollection(1) + 1, 2],
  ]);
});

test("a counter's start has the clock of its points, and is not after them", () => {
  const history = new History();
  history.pass(60_000);
  for (const startedWallMs of [WALL_AT_START_MS, WALL_AT_START_MS + 3_600_000]) {
    history.queue.add(collectionOf({ a: 1 }), history.clocks, startedWallMs);
  }
  history.queue.setTimes(history.clocks, -1_000);
  const { scopeMetrics } = requestOf(history.queue.waiting, RESOURCE);
  const points = scopeMetrics[0]?.metrics[0]?.dataPoints ?? [];
  const times = points.map(({ startTime, endTime }) =>
    [startTime, endTime].map(([seconds, nanoseconds]) => seconds * 1_000 + nanoseconds / 1e6),
  );
  const endMs = WALL_AT_START_MS + 59_000;
  assert.deepEqual(times, [
    [endMs - 60_000, endMs],
    [endMs + 1, endMs + 1],
  ]);
});

describe("after a step of the wall clock, what was not sent yet", () => {
  test("moves also when the step is only seen when it is sent", () => {
    const history = new History();
    history.collect({ a: 1 });
    history.step(3_600_000);
    history.pass(1_000);
    history.push(TAKEN);
    assert.deepEqual(history.backend.samplesOf("a"), [[atCollection(1) + 3_600_000, 1]]);
  });

  for (const [stepMs, keepsOrder] of [
    [-39_999, true],
    [-40_000, false],
  ] as const) {
    test(`by ${stepMs} ms ${keepsOrder ? "stays behind" : "goes before"} what was sent 30 s earlier`, () => {
      const history = new History();
      history.collect({ a: 1 });
      history.push(AWAY);
      history.step(stepMs);
      history.collect({ a: 2 });
      history.push(TAKEN);
      assert.deepEqual(valuesOf(history, "a"), keepsOrder ? [1, 2] : [2, 1]);
    });
  }

  for (const stepMs of [-86_400_000, -3_600_000, -12_000, 1_000, 5_000, 3_600_000]) {
    test(`moves with ${stepMs} ms, in order, and what was sent stays`, () => {
      const history = new History();
      history.collect({ a: 1 });
      history.push(AWAY);
      history.collect({ a: 2 });
      history.step(stepMs);
      history.collect({ a: 3 });
      history.push(ANSWER_LOST);
      history.push(TAKEN);
      assert.deepEqual(
        new Map(history.backend.samplesOf("a").map(([timeMs, value]) => [value, timeMs])),
        new Map([
          [1, atCollection(1)],
          [2, atCollection(2) + stepMs],
          [3, atCollection(3) + stepMs],
        ]),
      );
    });
  }

  test("stays after what was sent, if it would be slightly before it", () => {
    const history = new History();
    history.collect({ a: 1 }, 1_000);
    history.push(AWAY);
    history.step(-1_500);
    history.collect({ a: 2 }, 1_000);
    history.push(TAKEN);
    const [first, second] = history.backend.samplesOf("a");
    assert.deepEqual([first?.[1], second?.[1]], [1, 2]);
    assert.equal((second?.[0] ?? 0) - (first?.[0] ?? 0), 1);
  });

  test("stays in order when the clocks were not read exactly enough to detect a step", () => {
    const history = new History();
    history.collect({ a: 1 }, 1_000);
    const blurred = { ...clocksAt(1_100, -150), bracketMs: 400 };
    history.queue.add(collectionOf({ a: 2 }), blurred, WALL_AT_START_MS);
    history.push(TAKEN);
    assert.deepEqual(valuesOf(history, "a"), [1, 2]);
  });
});

test("a correction is added when a collection is first sent, and not again", () => {
  const history = new History();
  history.collect({ a: 1 });
  history.push(AWAY, -3_000);
  history.collect({ a: 2 });
  history.push(TAKEN, -4_000);
  assert.deepEqual(history.backend.samplesOf("a"), [
    [atCollection(1) - 3_000, 1],
    [atCollection(2) - 4_000, 2],
  ]);
});

describe("a series that is absent", () => {
  for (const [maxAgeMs, shownMs] of [
    [60_000, 300_000],
    [600_000, 600_000],
  ] as const) {
    test(`ends for ${shownMs / 1000} s where what waits is ${maxAgeMs / 1000} s old at the most`, () => {
      const history = new History({ maxAgeMs });
      history.collect({ a: 1, b: 1 });
      history.collect({ b: 2 }, shownMs - 1);
      history.push(AWAY);
      history.collect({ b: 3 }, 1);
      history.push(TAKEN);
      history.collect({ b: 4 }, 1);
      history.push(TAKEN);
      const ends = valuesOf(history, "a").filter((value) => value === "ends");
      assert.equal(ends.length, 2);
    });

    test(`and was not seen for more than ${shownMs / 1000} s has no end`, () => {
      const history = new History({ maxAgeMs });
      history.collect({ a: 1, b: 1 });
      history.push(AWAY);
      history.pass(shownMs + 1);
      history.push(AWAY);
      history.collect({ b: 2 }, 0);
      history.push(TAKEN);
      assert.deepEqual(valuesOf(history, "a"), []);
    });
  }

  test("has an end in the next collection, and only there if that is accepted", () => {
    const history = new History();
    for (const values of [{ a: 1, b: 1 }, { b: 2 }, { b: 3 }, { a: 4, b: 4 }]) {
      history.collect(values);
      history.push(TAKEN);
    }
    assert.deepEqual(history.backend.samplesOf("a"), [
      [atCollection(1), 1],
      [atCollection(2), "ends"],
      [atCollection(4), 4],
    ]);
  });

  test("has an end in each later collection until one is accepted", () => {
    const history = new History();
    for (const values of [{ a: 1, b: 1 }, { b: 2 }, { b: 3 }]) {
      history.collect(values);
      history.push(AWAY);
    }
    history.push(TAKEN);
    history.collect({ b: 4 });
    history.push(TAKEN);
    assert.deepEqual(valuesOf(history, "a"), [1, "ends", "ends"]);
  });

  test("and came back before its end was accepted ends again when it is absent again", () => {
    const history = new History();
    history.collect({ a: 1, b: 1 });
    history.push(TAKEN);
    history.collect({ b: 2 });
    history.push(AWAY);
    history.collect({ a: 3, b: 3 });
    history.push(TAKEN);
    history.collect({ b: 4 });
    history.push(TAKEN);
    assert.deepEqual(valuesOf(history, "a"), [1, "ends", 3, "ends"]);
  });

  test("of an agent before this one ends at the start, and once", () => {
    const history = new History({ seriesBefore: [seriesNamed("a"), seriesNamed("b")] });
    for (const value of [1, 2]) {
      history.collect({ b: value });
      history.push(TAKEN);
    }
    assert.deepEqual(history.backend.samplesOf("a"), [[atCollection(1), "ends"]]);
    assert.deepEqual(valuesOf(history, "b"), [1, 2]);
  });

  test("is forgotten when no backend shows it any more", () => {
    const history = new History({ maxAgeMs: 2 * INTERVAL_MS });
    history.collect({ a: 1, b: 1 });
    for (let number = 2; number <= 20; number += 1) {
      history.collect({ b: number });
      history.push(AWAY);
    }
    history.push(TAKEN);
    assert.deepEqual(valuesOf(history, "a"), []);
  });
});

describe("after a rejection", () => {
  test("only the newest collection is tried, once a round, and nothing is dropped", () => {
    const history = new History({ isClocks: () => true });
    for (let number = 1; number <= 20; number += 1) {
      history.collect({ a: number });
      history.push(REJECTED);
    }
    assert.deepEqual(lastRound(history), [[20]]);
    assert.deepEqual([history.queue.counts.points, history.lost], [20, 0]);
  });

  test("the older ones follow together when the newest is accepted", () => {
    const history = new History();
    for (const reply of [REJECTED, REJECTED, TAKEN]) {
      history.collect({ a: history.rounds.length + 1 });
      history.push(reply);
    }
    assert.deepEqual(lastRound(history), [[3], [1, 2]]);
    history.collect({ a: 4 });
    history.collect({ a: 5 });
    history.push(TAKEN);
    assert.deepEqual(lastRound(history), [[4, 5]], "then all is as before");
  });

  test("the whole newest is tried three times, and earlier attempts do not count", () => {
    const history = new History();
    for (let number = 1; number <= 7; number += 1) {
      history.collect({ a: number, clock: number });
      history.push(number <= 3 ? AWAY : REJECTED);
    }
    assert.deepEqual(
      history.rounds.slice(3).map((round) => round.map((points) => points.length)),
      [[8], [2], [2], [2]],
    );
    history.collect({ a: 8, clock: 8 });
    history.push(REJECTED);
    assert.deepEqual(history.rounds.at(-1), [
      [{ name: "clock", timeMs: atCollection(8), value: 8 }],
    ]);
  });

  test("the count of the newest's rejections ends when one is accepted whole", () => {
    const history = new History();
    const replies = [REJECTED, REJECTED, TAKEN, REJECTED, REJECTED, REJECTED];
    for (const reply of replies) {
      history.collect({ a: history.rounds.length + 1, clock: 1 });
      history.push(reply);
    }
    assert.deepEqual(
      history.rounds.map((round) => round[0]?.length),
      [2, 2, 2, 2, 2, 2],
    );
    history.collect({ a: 7, clock: 1 });
    history.push(REJECTED);
    assert.deepEqual(
      history.rounds.at(-1)?.map((points) => points.length),
      [1],
    );
  });

  test("the older ones are accepted, too, when the newest was divided", () => {
    const history = new History();
    for (let number = 1; number <= 5; number += 1) {
      history.collect({ a: number, clock: number });
      history.push(REJECTED);
    }
    history.collect({ bad: 6, clock: 6 });
    history.push(rejects(({ name }) => name === "bad"));
    assert.deepEqual(valuesOf(history, "clock"), [1, 2, 3, 4, 5, 6]);
    assert.deepEqual(valuesOf(history, "a"), [1, 2, 3, 4, 5]);
  });

  test("of several that are not accepted together, each is tried alone in the same round, newest first", () => {
    const history = new History();
    for (let number = 1; number <= 6; number += 1) {
      history.collect({ a: number });
      history.push(number < 6 ? REJECTED : rejects(({ value }) => value === 2 || value === 4));
    }
    assert.deepEqual(lastRound(history), [[6], [1, 2, 3, 4, 5], [5], [4], [3], [2], [1]]);
    history.collect({ a: 7 });
    history.push(TAKEN);
    assert.deepEqual(lastRound(history), [[7], [2, 4]]);
    assert.equal(history.lost, 0);
  });

  test("those that were not tried for the longest time are first", () => {
    const history = new History();
    for (let number = 1; number <= 4; number += 1) {
      history.collect({ a: number });
      history.push(REJECTED);
    }
    const onlyNewest = (points: readonly Sent[]) =>
      points.every(({ value }) => value === history.rounds.length) ? TAKEN : BUSY;
    const tried: Sent["value"][] = [];
    for (let number = 5; number <= 10; number += 1) {
      history.collect({ a: number });
      history.push(onlyNewest);
      tried.push(...(lastRound(history)[2] ?? []));
    }
    assert.deepEqual(tried, [4, 3, 2, 1, 4, 3]);
  });

  for (const [intervalMs, rounds] of [
    [60_000, 10],
    [10_000, 31],
  ] as const) {
    test(`one that is rejected alone is dropped in round ${rounds} of ${intervalMs / 1000} s each`, () => {
      const history = new History();
      history.collect({ a: 0 });
      history.push(REJECTED);
      const isBad = rejects(({ value }) => value === 0);
      for (let round = 1; round <= rounds; round += 1) {
        assert.equal(history.lost, 0, `round ${round}`);
        history.collect({ a: round }, intervalMs);
        history.push(isBad);
        assert.deepEqual(lastRound(history), [[round], [0], [0]]);
      }
      assert.equal(history.lost, 1);
    });
  }

  test("one that is rejected alone is dropped after five minutes, and the others are accepted", () => {
    const history = new History();
    const isBad = rejects(({ name, value }) => name === "a" && value === 3);
    for (let number = 1; number <= 40; number += 1) {
      history.collect({ a: number });
      history.push(number < 5 ? AWAY : isBad);
    }
    assert.deepEqual(
      valuesOf(history, "a"),
      Array.from({ length: 40 }, (_, index) => index + 1).filter((value) => value !== 3),
    );
    assert.deepEqual(history.queue.counts, {
      points: 0,
      dropped: { age: 0, bytes: 0, rejected: 1 },
    });
    const tries = history.rounds.flat().filter((points) => points.some(({ value }) => value === 3));
    assert.ok(tries.length >= 3 + 4, `${tries.length} requests with it`);
  });

  test("one that is rejected alone is kept for less than five minutes", () => {
    const history = new History();
    const isBad = rejects(({ value }) => value === 1);
    for (let number = 1; number <= 10; number += 1) {
      history.collect({ a: number });
      history.push(isBad);
    }
    assert.deepEqual([history.queue.counts.points, history.lost], [1, 0]);
    history.push(TAKEN);
    assert.equal(history.queue.counts.points, 0);
  });

  test("one that becomes too old while another is tried alone is not sent any more", () => {
    const history = new History();
    history.collect({ a: 1 });
    history.collect({ a: 2 });
    history.push(REJECTED);
    history.collect({ a: 3 });
    history.push((points) => {
      const isAlone = points.length === 1 && points[0]?.value === 2;
      history.pass(isAlone ? MAX_AGE_MS - 59_999 : 0);
      return points.some(({ value }) => value !== 3) ? REJECTED : TAKEN;
    });
    assert.deepEqual(lastRound(history), [[3], [1, 2], [2]]);
    assert.deepEqual(history.queue.counts.dropped, { age: 1, bytes: 0, rejected: 0 });
  });

  test("one that becomes too old while it is rejected for the last time is counted once", () => {
    const history = new History({ maxAgeMs: 330_000 });
    history.collect({ a: 0 });
    history.push(REJECTED);
    for (let round = 1; round <= 11; round += 1) {
      history.collect({ a: round });
      history.push((points) => {
        const isBad = points.some(({ value }) => value === 0);
        history.pass(isBad && round === 11 ? 1 : 0);
        return isBad ? REJECTED : TAKEN;
      });
    }
    assert.deepEqual(history.queue.counts.dropped, { age: 1, bytes: 0, rejected: 0 });
  });

  test("one invalid series does not silence a node, because the clock's series are sent alone", () => {
    const history = new History();
    const isBad = rejects(({ name }) => name === "bad");
    for (let number = 1; number <= 20; number += 1) {
      history.collect({ bad: number, clock: number });
      history.push(isBad);
    }
    assert.deepEqual(
      valuesOf(history, "clock").slice(-17),
      Array.from({ length: 17 }, (_, index) => index + 4),
    );
    assert.deepEqual(valuesOf(history, "bad"), []);
  });

  test("of every second request, nothing is dropped", () => {
    for (const first of [REJECTED, TAKEN]) {
      const history = new History();
      let requests = 0;
      for (let number = 1; number <= 60; number += 1) {
        history.collect({ a: number, clock: number });
        history.push(() => {
          requests += 1;
          return (requests % 2 === 1) === (first === REJECTED) ? REJECTED : TAKEN;
        });
      }
      assert.equal(history.lost, 0);
    }
  });

  test("by chance, nothing is dropped but what was rejected alone three times over five minutes", () => {
    fc.assert(
      fc.property(fc.infiniteStream(fc.boolean()), (coins) => {
        const history = new History();
        for (let number = 1; number <= 40; number += 1) {
          history.collect({ a: number, clock: number });
          history.push(() => (coins.next().value === true ? REJECTED : TAKEN));
        }
      }),
    );
  });
});

describe("after answers without a statement about the points", () => {
  test("the oldest collection is tried alone, and when it is accepted, all are sent in order", () => {
    const history = new History();
    for (const reply of [BUSY, BUSY, BUSY, BUSY, TAKEN]) {
      history.collect({ a: history.rounds.length + 1 });
      history.push(reply);
    }
    assert.deepEqual(history.rounds.map(sizes), [[1], [2], [3], [1], [1, 4]]);
  });

  test("each needs three in a row, because an accepted one restarts the count", () => {
    const history = new History();
    for (const reply of [BUSY, BUSY, TAKEN, BUSY, BUSY, BUSY, BUSY]) {
      history.collect({ a: history.rounds.length + 1 });
      history.push(reply);
    }
    assert.deepEqual(history.rounds.map(sizes), [[1], [2], [3], [1], [2], [3], [1]]);
  });

  test("the newest is tried after the oldest at every tenth answer, and only then", () => {
    const history = new History();
    for (let number = 1; number <= 30; number += 1) {
      history.collect({ a: number });
      history.push(BUSY);
    }
    const withNewest = history.rounds.flatMap((round, index) =>
      round.length > 1 ? [[index + 1, ...round.map(([point]) => point?.value)]] : [],
    );
    assert.deepEqual(withNewest, [
      [10, 1, 10],
      [19, 1, 19],
      [28, 1, 28],
    ]);
  });

  test("without an answer, the newest is not tried", () => {
    const history = new History();
    for (let number = 1; number <= 12; number += 1) {
      history.collect({ a: number });
      history.push(number < 10 ? BUSY : AWAY);
    }
    assert.deepEqual(history.rounds.slice(9).map(sizes), [[1], [1], [1]]);
  });

  test("a backend without an out-of-order window gets all in order whenever it comes back, but for each tenth time just before the newest is tried", () => {
    const rounds = 36;
    const lossesAfter = (answers: number) => {
      const history = new History();
      let requests = 0;
      for (let number = 1; number <= rounds; number += 1) {
        history.collect({ a: number });
        history.push((points) => {
          requests += 1;
          const isLate = points.some((point) => history.backend.isOutOfOrder(point));
          return requests <= answers ? BUSY : isLate ? REJECTED : TAKEN;
        });
      }
      return rounds - valuesOf(history, "a").length;
    };
    const losing = Array.from({ length: 35 }, (_, index) => index).filter(
      (answers) => lossesAfter(answers) > 0,
    );
    assert.deepEqual(losing, [10, 20, 30]);
  });

  test("several that are not accepted together are tried alone in the same round", () => {
    const history = new History();
    for (let number = 1; number <= 10; number += 1) {
      history.collect({ a: number });
      history.push(number < 10 ? BUSY : isBusyForTheFirstThree);
    }
    assert.deepEqual(lastRound(history), [
      [1],
      [10],
      [1, 2, 3, 4, 5, 6, 7, 8, 9],
      ...[9, 8, 7, 6, 5, 4, 3].map((value) => [value]),
    ]);
  });

  test("without an answer all are sent together, oldest first", () => {
    const history = new History();
    for (const reply of [AWAY, AWAY, AWAY, AWAY, AWAY, AWAY, TAKEN]) {
      history.collect({ a: history.rounds.length + 1 });
      history.push(reply);
    }
    assert.deepEqual(lastRound(history), [[1, 2, 3, 4, 5, 6, 7]]);
  });

  test("points that are no longer accepted do not block new ones, nor others", () => {
    const history = new History();
    for (let number = 1; number <= 30; number += 1) {
      history.collect({ a: number });
      history.push(isBusyForTheFirstThree);
    }
    assert.deepEqual(
      valuesOf(history, "a"),
      Array.from({ length: 27 }, (_, index) => index + 4),
    );
  });

  test("points that are still accepted are sent before others", () => {
    const history = new History();
    for (let number = 1; number <= 10; number += 1) {
      history.collect({ a: number });
      history.push(AWAY);
    }
    for (let round = 1; round <= 10; round += 1) {
      assert.deepEqual(valuesOf(history, "a"), [], `before round ${round}`);
      history.push(isBusyForTheFirstThree);
    }
    assert.deepEqual(valuesOf(history, "a"), [4, 5, 6, 7, 8, 9, 10]);
  });

  test("the next request after a timeout has half as much", () => {
    const history = new History();
    for (const reply of [SILENT, SILENT, SILENT, SILENT, SILENT, SILENT]) {
      history.collect({ a: history.rounds.length + 1 });
      history.push(reply);
    }
    assert.deepEqual(history.rounds.map(sizes), [[1], [1], [1], [1], [1], [1]]);
    history.push(TAKEN);
    assert.deepEqual(sizes(history.rounds.at(-1)), [1, 2, 3]);
    for (let number = 7; number <= 16; number += 1) {
      history.collect({ a: number });
    }
    for (const reply of [SILENT, SILENT, SILENT]) {
      history.push(reply);
    }
    assert.deepEqual(history.rounds.slice(-3).map(sizes), [[8], [4], [2]]);
  });
});

describe("a request that is too large", () => {
  test("is followed by smaller ones", () => {
    const history = new History();
    for (let number = 1; number <= 8; number += 1) {
      history.collect({ a: number });
      history.push(number < 8 ? AWAY : takesThree);
    }
    assert.deepEqual(valuesOf(history, "a"), [1, 2, 3, 4, 5, 6, 7, 8]);
    assert.equal(history.lost, 0);
  });

  test("and is one collection is divided: the clock's own first", () => {
    const history = new History();
    history.collect({ a: 1, b: 1, c: 1, d: 1, e: 1, clock: 1 });
    history.push(takesThree);
    const [, own] = history.rounds[0] ?? [];
    assert.deepEqual(
      own?.map(({ name }) => name),
      ["clock"],
    );
    assert.equal(history.queue.counts.points, 0);
    assert.equal(history.lost, 0);
  });

  test("and has only the clock's series is divided, too, and so are the others, in halves", () => {
    const history = new History();
    history.collect({ clock_a: 1, clock_b: 1, clock_c: 1, clock_d: 1 });
    history.push(takesThree);
    assert.deepEqual(
      history.rounds.at(-1)?.map((points) => points.length),
      [4, 2, 2],
    );
    history.collect({ a: 1, b: 1, c: 1, d: 1 });
    history.push(takesThree);
    assert.deepEqual(
      history.rounds.at(-1)?.map((points) => points.length),
      [8, 4, 2, 2, 4, 2, 2],
    );
  });

  test("and has two collections is followed by each alone, undivided, and half of many follows", () => {
    const history = new History();
    for (let number = 1; number <= 2; number += 1) {
      history.collect({ a: number, b: number });
    }
    history.push(takesThree);
    for (let number = 3; number <= 6; number += 1) {
      history.collect({ a: number, b: number });
    }
    history.push(takesThree);
    assert.deepEqual(
      history.rounds.map((round) => round.map((points) => points.length)),
      [
        [4, 2, 2],
        [8, 4, 2, 4, 2, 4, 2, 2],
      ],
    );
  });

  test("and is the newest, alone after a rejection, is divided, and all arrives in the same round", () => {
    const history = new History();
    history.collect({ a: 1, b: 1, clock: 1 });
    history.push(REJECTED);
    history.collect({ a: 2, b: 2, c: 2, d: 2, clock: 2 });
    history.push(takesThree);
    assert.deepEqual(
      history.rounds.at(-1)?.map((points) => points.length),
      [5, 1, 3, 4, 2, 2],
    );
    assert.deepEqual([history.queue.counts.points, history.lost], [0, 0]);
  });

  test("and is one point is dropped, and counted", () => {
    const history = new History();
    history.collect({ a: 1, b: 1 });
    history.push((points) => (points.some(({ name }) => name === "a") ? TOO_LARGE : TAKEN));
    assert.deepEqual(history.queue.counts, {
      points: 0,
      dropped: { age: 0, bytes: 0, rejected: 1 },
    });
    assert.deepEqual(valuesOf(history, "b"), [1]);
  });
});

test("the rejected points of a partial success are counted and dropped", () => {
  const history = new History();
  history.collect({ a: 1, b: 1 });
  history.push({ writes: true, outcome: { kind: "accepted", rejectedPoints: 7, reason: "no" } });
  const dropped = { age: 0, bytes: 0, rejected: 2 };
  assert.deepEqual(history.queue.counts, { points: 0, dropped }, "not more than were sent");
});

test("whatever happens, points that are not too old arrive when the backend accepts all, each at one time", () => {
  const reply = fc.constantFrom(TAKEN, REJECTED, BUSY, AWAY, SILENT, ANSWER_LOST, TOO_LARGE);
  const event = fc.record({
    values: fc.dictionary(fc.constantFrom("a", "b", "clock"), fc.integer(), { maxKeys: 3 }),
    replies: fc.array(reply, { minLength: 1, maxLength: 4 }),
    stepMs: fc.constantFrom(0, 0, 0, 3_600_000, -3_600_000),
  });
  fc.assert(
    fc.property(fc.array(event, { maxLength: 12 }), (events) => {
      const history = new History();
      for (const { values, replies, stepMs } of events) {
        history.step(stepMs);
        history.collect(values);
        let index = 0;
        history.push(() => replies[index++ % replies.length] ?? TAKEN);
      }
      history.collect({ clock: 1 });
      history.push(TAKEN);
      history.push(TAKEN);
      const { points, dropped } = history.queue.counts;
      assert.deepEqual([points, dropped.age, dropped.bytes], [0, 0, 0]);
    }),
    { numRuns: 300 },
  );
});
