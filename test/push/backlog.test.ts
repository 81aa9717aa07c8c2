// The backlog's invariants (src/push/backlog.ts), by cases, by random histories, and by every
// short history there is. No request leaves: what became of one is what the case says, and what the
// far end holds is a model's (far-end.ts).

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import {
  Backlog,
  type BacklogOptions,
  type BacklogRequest,
  type Outcome,
} from "../../src/push/backlog.ts";
import { pointsOf, seriesIn } from "../../src/push/parts.ts";
import { clocksAt, WALL_AT_START_MS } from "../clock/reports.ts";
import { collectionOf, FarEnd, RESOURCE, type Sent, sentIn } from "./far-end.ts";

const INTERVAL_MS = 30_000;
const MAX_AGE_MS = 1_140_000;

type Values = Readonly<Record<string, number>>;

/** What a far end does with a request: whether it writes it, and what the agent learns of that. */
type Answer = { readonly writes: boolean; readonly outcome: Outcome };
const TAKEN: Answer = { writes: true, outcome: "accepted" };
const REFUSED: Answer = { writes: false, outcome: "refused" };
const AWAY: Answer = { writes: false, outcome: "undecided" };
const ANSWER_LOST: Answer = { writes: true, outcome: "undecided" };

/** A backlog, the clocks of its node, and a far end: what happens between them, checked at each step. */
class History {
  readonly backlog: Backlog;
  readonly farEnd = new FarEnd();
  /** How many requests each round took. */
  readonly rounds: BacklogRequest[][] = [];
  #monotonicMs = 0;
  #steppedMs = 0;
  readonly #accepted = new Set<string>();

  constructor(options: Partial<BacklogOptions> = {}) {
    this.backlog = new Backlog({
      maxAgeMs: MAX_AGE_MS,
      maxBytes: 2 ** 22,
      resource: RESOURCE,
      namesBefore: [],
      ...options,
    });
  }

  get clocks() {
    return clocksAt(this.#monotonicMs, this.#steppedMs);
  }

  get lost(): number {
    return Object.values(this.backlog.counts.dropped).reduce((sum, one) => sum + one, 0);
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
    this.backlog.add(collectionOf(values), this.clocks, WALL_AT_START_MS);
  }

  /** A round of requests. */
  push(answer: Answer | ((points: readonly Sent[], request: BacklogRequest) => Answer)): void {
    const round: BacklogRequest[] = [];
    this.rounds.push(round);
    let request = this.backlog.firstRequest(this.clocks);
    while (request !== undefined) {
      round.push(request);
      const points = sentIn(request.metrics);
      this.#check(request, points);
      const { writes, outcome } = typeof answer === "function" ? answer(points, request) : answer;
      if (writes) {
        this.farEnd.write(points);
      }
      this.#settle(request, outcome);
      request = outcome === "accepted" ? this.backlog.nextRequest(request, this.clocks) : undefined;
    }
  }

  #check({ parts }: BacklogRequest, points: readonly Sent[]): void {
    assert.equal(points.length, pointsOf(parts));
    const numbers = parts.map(({ collection }) => collection.number);
    assert.deepEqual(
      numbers,
      numbers.toSorted((a, b) => a - b),
      "oldest first",
    );
    for (const [key, times] of timesBySeries(points)) {
      assert.deepEqual(
        times,
        [...new Set(times)].toSorted((a, b) => a - b),
        key,
      );
      assert.ok(times.every(Number.isInteger), `${key} at ${times.join()}`);
    }
    for (const one of parts.flatMap(keysOf)) {
      assert.ok(!this.#accepted.has(one), `${one} was accepted before`);
    }
    for (const { collection } of parts) {
      const ageMs = this.#monotonicMs - collection.monotonicMs;
      assert.ok(ageMs <= MAX_AGE_MS, `${ageMs} ms old`);
    }
  }

  #settle(request: BacklogRequest, outcome: Outcome): void {
    const before = { points: this.backlog.counts.points, lost: this.lost };
    this.backlog.settle(request, outcome);
    const { points } = this.backlog.counts;
    const sent = pointsOf(request.parts);
    if (outcome === "accepted") {
      for (const one of request.parts.flatMap(keysOf)) {
        this.#accepted.add(one);
      }
      assert.deepEqual({ points, lost: this.lost }, { ...before, points: before.points - sent });
    } else {
      const refusedAlone = outcome !== "undecided" && request.purpose === "suspects" && sent === 1;
      const lost = refusedAlone ? 1 : 0;
      assert.deepEqual(
        { points, lost: this.lost },
        { points: before.points - lost, lost: before.lost + lost },
      );
    }
  }
}

/** A name for each point of a part, the same in every request. */
function keysOf(part: BacklogRequest["parts"][number]): string[] {
  return seriesIn(part).map(({ key }) => `${part.collection.number} ${key}`);
}

/** The times of each series' points and of its markers, in the order in which they stand in a request. */
function timesBySeries(points: readonly Sent[]): Map<string, number[]> {
  const times = new Map<string, number[]>();
  for (const { name, timeMs, value } of points) {
    const key = value === "ends" ? `end of ${name}` : name;
    times.set(key, [...(times.get(key) ?? []), timeMs]);
  }
  return times;
}

function takesThree(points: readonly Sent[]): Answer {
  return points.length > 3 ? { writes: false, outcome: "too large" } : TAKEN;
}

function isBad({ name, timeMs }: Sent): boolean {
  return name === "series_17" && timeMs === atCollection(3);
}

function poison(isPoison: (point: Sent) => boolean) {
  return (points: readonly Sent[]) => (points.some(isPoison) ? REFUSED : TAKEN);
}

/** When the n-th collection was taken, by a clock that was never stepped. */
function atCollection(number: number): number {
  return WALL_AT_START_MS + number * INTERVAL_MS;
}

describe("what waits", () => {
  test("goes as one request, oldest first, when the far end is back", () => {
    const history = new History();
    for (let number = 1; number <= 38; number += 1) {
      history.collect({ a: number, b: -number });
      history.push(number === 38 ? TAKEN : AWAY);
    }
    assert.equal(history.rounds.at(-1)?.length, 1);
    assert.deepEqual(
      history.farEnd.samplesOf("a"),
      Array.from({ length: 38 }, (_, index) => [atCollection(index + 1), index + 1]),
    );
    assert.equal(history.backlog.counts.points, 0);
    assert.equal(history.lost, 0);
  });

  test("has the same times and values at each attempt, so that a second copy is a duplicate", () => {
    const history = new History();
    history.collect({ a: 1 });
    history.push(ANSWER_LOST);
    history.collect({ a: 2 });
    history.push(ANSWER_LOST);
    history.collect({ a: 3 });
    history.push(TAKEN);
    assert.deepEqual(
      history.farEnd.samplesOf("a"),
      [1, 2, 3].map((number) => [atCollection(number), number]),
    );
  });

  test("is dropped when it is older than the age, and counted", () => {
    const history = new History({ maxAgeMs: 2 * INTERVAL_MS });
    for (let number = 1; number <= 5; number += 1) {
      history.collect({ a: number });
      history.push(AWAY);
    }
    assert.deepEqual(history.backlog.counts, {
      points: 3,
      dropped: { age: 2, bytes: 0, refused: 0 },
    });
    history.pass(INTERVAL_MS);
    history.push(TAKEN);
    assert.deepEqual(
      history.farEnd.samplesOf("a").map(([, value]) => value),
      [4, 5],
      "not even one that became too old since the last collection",
    );
  });

  test("is dropped when there is no room, the oldest first, and counted", () => {
    const history = new History({ maxBytes: 3_000 });
    for (let number = 1; number <= 20; number += 1) {
      history.collect({ a: number });
    }
    const { points, dropped } = history.backlog.counts;
    assert.ok(points > 1 && points < 20, `${points}`);
    assert.deepEqual(dropped, { age: 0, bytes: 20 - points, refused: 0 });
    history.push(TAKEN);
    assert.equal(history.farEnd.samplesOf("a")[0]?.[1], 21 - points);
  });

  test("is the newest collection at least, whatever it takes", () => {
    const history = new History({ maxBytes: 1 });
    history.collect({ a: 1 });
    history.collect({ a: 2, b: 2 });
    assert.deepEqual(history.backlog.counts, {
      points: 2,
      dropped: { age: 0, bytes: 1, refused: 0 },
    });
  });

  test("goes in smaller requests, one after another, where one was too large", () => {
    const history = new History();
    for (let number = 1; number <= 8; number += 1) {
      history.collect({ a: number });
      history.push(number < 8 ? AWAY : takesThree);
    }
    history.push(takesThree);
    history.push(takesThree);
    assert.deepEqual(
      history.farEnd.samplesOf("a").map(([, value]) => value),
      [1, 2, 3, 4, 5, 6, 7, 8],
    );
    assert.equal(history.lost, 0);
  });

  for (const stepMs of [-86_400_000, -3_600_000, -5_000, -1_000, 1_000, 5_000, 3_600_000]) {
    test(`moves with a step of ${stepMs} ms, in order, and the same at each attempt`, () => {
      const history = new History();
      history.collect({ a: 1 });
      history.collect({ a: 2 });
      history.step(stepMs);
      history.push(AWAY);
      history.collect({ a: 3 });
      history.push(ANSWER_LOST);
      history.push(TAKEN);
      assert.deepEqual(
        history.farEnd.samplesOf("a"),
        [1, 2, 3].map((number) => [atCollection(number) + stepMs, number]),
      );
    });
  }

  test("is not moved by what only looks like a step: clocks that were read too far apart", () => {
    const history = new History();
    history.collect({ a: 1 });
    const blurred = { ...history.clocks, bracketMs: 80 };
    const request = history.backlog.firstRequest({ ...blurred, wallMs: blurred.wallMs + 30 });
    assert.equal(sentIn(request?.metrics ?? collectionOf({}))[0]?.timeMs, atCollection(1));
  });

  test("stays in order when the clocks were read too far apart to tell a step", () => {
    const history = new History();
    history.collect({ a: 1 }, 1_000);
    const blurred = { ...clocksAt(1_100, -150), bracketMs: 400 };
    history.backlog.add(collectionOf({ a: 2 }), blurred, WALL_AT_START_MS);
    history.push(TAKEN);
    assert.deepEqual(
      history.farEnd.samplesOf("a").map(([, value]) => value),
      [1, 2],
    );
  });

  test("is put before a step that came between its reading and its collection", () => {
    const history = new History();
    history.collect({ a: 1 });
    history.push(AWAY);
    const atReading = clocksAt(2 * INTERVAL_MS);
    history.pass(INTERVAL_MS + 100);
    history.step(5_000);
    history.push(AWAY);
    history.backlog.add(collectionOf({ a: 2 }), atReading, WALL_AT_START_MS);
    history.push(TAKEN);
    assert.deepEqual(
      history.farEnd.samplesOf("a"),
      [1, 2].map((number) => [atCollection(number) + 5_000, number]),
    );
  });
});

describe("a series that is gone", () => {
  test("has a point, its end, and a point again, when it came back while all waited", () => {
    const history = new History();
    history.collect({ a: 1, b: 1 });
    history.push(AWAY);
    history.collect({ b: 2 });
    history.push(AWAY);
    history.collect({ b: 3 });
    history.push(AWAY);
    history.collect({ a: 4, b: 4 });
    history.push(TAKEN);
    assert.deepEqual(history.farEnd.samplesOf("a"), [
      [atCollection(1), 1],
      [atCollection(2), "ends"],
      [atCollection(4), 4],
    ]);
  });

  test("of an agent before this one ends at the start, and once", () => {
    const history = new History({ namesBefore: ["a", "b"] });
    history.collect({ b: 1 });
    history.collect({ b: 2 });
    history.push(TAKEN);
    assert.deepEqual(history.farEnd.samplesOf("a"), [[atCollection(1), "ends"]]);
  });

  test("ends with the next collection when its marker became too old", () => {
    const history = new History({ maxAgeMs: INTERVAL_MS });
    history.collect({ a: 1, b: 1 });
    history.push(TAKEN);
    history.collect({ b: 2 });
    history.push(AWAY);
    history.collect({ b: 3 });
    history.push(AWAY);
    history.collect({ b: 4 });
    history.push(AWAY);
    history.collect({ b: 5 });
    history.push(TAKEN);
    assert.deepEqual(history.farEnd.samplesOf("a").slice(0, 2), [
      [atCollection(1), 1],
      [atCollection(5), "ends"],
    ]);
  });

  test("does not end when it came back before its marker was pushed again", () => {
    const history = new History({ maxAgeMs: INTERVAL_MS });
    history.collect({ a: 1 });
    history.push(TAKEN);
    history.collect({});
    history.collect({ a: 3 });
    history.collect({ a: 4 });
    history.collect({ a: 5 });
    history.push(TAKEN);
    assert.deepEqual(
      history.farEnd.samplesOf("a").map(([, value]) => value),
      [1, 4, 5],
    );
  });
});

describe("after a refusal", () => {
  const NAMES = Array.from({ length: 40 }, (_, index) => `series_${index}`);
  const all = (value: number) => Object.fromEntries(NAMES.map((name) => [name, value]));

  test("of everything, one request a round goes out, of the newest collection, and all is kept", () => {
    const history = new History();
    for (let number = 1; number <= 20; number += 1) {
      history.collect(all(number));
      history.push(REFUSED);
    }
    for (const [index, round] of history.rounds.entries()) {
      assert.equal(round.length, 1);
      const [newest] = round[0]?.parts ?? [];
      assert.equal(newest?.collection.number, index + 1);
    }
    assert.equal(history.backlog.counts.points, 20 * NAMES.length);

    // The role was given at last.
    history.collect(all(21));
    history.push(TAKEN);
    history.collect(all(22));
    history.push(TAKEN);
    assert.equal(history.backlog.counts.points, 0);
    assert.equal(history.lost, 0);
    assert.equal(history.farEnd.samplesOf("series_39").length, 22);
  });

  test("of what became too old in the meantime, nothing waits again or is counted twice", () => {
    const history = new History();
    history.collect({ a: 1, b: 1 });
    history.push(REFUSED);
    history.collect({ a: 2, b: 2 });
    const taken = history.backlog.firstRequest(history.clocks);
    assert.ok(taken !== undefined);
    history.backlog.settle(taken, "accepted");
    const suspect = history.backlog.nextRequest(taken, history.clocks);
    assert.equal(suspect?.purpose, "suspects");
    history.collect({ a: 3, b: 3 }, MAX_AGE_MS);
    history.backlog.settle(suspect, "refused");
    assert.deepEqual(history.backlog.counts, {
      points: 2,
      dropped: { age: 2, bytes: 0, refused: 0 },
    });
  });

  test("a series that is gone ends at once, whatever waits and is refused for ever", () => {
    const history = new History();
    const inOrder = (points: readonly Sent[]) =>
      points.some((point) => history.farEnd.isOutOfOrder(point)) ? REFUSED : TAKEN;
    for (let number = 1; number <= 10; number += 1) {
      history.collect(all(number));
      history.push(number <= 5 ? REFUSED : inOrder);
    }
    assert.ok(history.backlog.counts.points > 0, "older ones wait");
    const { series_0: _, ...rest } = all(11);
    history.collect(rest);
    history.push(inOrder);
    assert.deepEqual(history.farEnd.samplesOf("series_0").at(-1), [atCollection(11), "ends"]);
  });

  test("of one bad sample, that one is lost and nothing else, with two requests a round at the most", () => {
    const history = new History();
    for (let number = 1; number <= 40; number += 1) {
      history.collect(all(number));
      history.push(number <= 5 ? AWAY : poison(isBad));
    }
    assert.deepEqual(history.backlog.counts, {
      points: 0,
      dropped: { age: 0, bytes: 0, refused: 1 },
    });
    assert.ok(history.rounds.every((round) => round.length <= 2));
    for (const name of NAMES) {
      assert.equal(history.farEnd.samplesOf(name).length, name === "series_17" ? 39 : 40, name);
    }
  });

  test("of a series that is bad in every collection, the others go on, within the age", () => {
    const history = new History();
    for (let number = 1; number <= 150; number += 1) {
      history.collect(all(number));
      history.push(poison(({ name }) => name === "series_17"));
    }
    assert.deepEqual(history.farEnd.samplesOf("series_17"), []);
    assert.equal(history.farEnd.samplesOf("series_16").length, 150);
    const { points, dropped } = history.backlog.counts;
    assert.equal(points + history.lost, 150, "only points of the bad series");
    assert.ok(dropped.refused > 50, `${dropped.refused}`);
  });

  test("for a copy of what was written already, what is new goes on, in order", () => {
    const history = new History();
    // A Prometheus that takes nothing that is older than what it has.
    const inOrder = (points: readonly Sent[]) =>
      points.some((point) => history.farEnd.isOutOfOrder(point)) ? REFUSED : TAKEN;
    history.collect({ a: 1 });
    history.push(AWAY);
    history.collect({ a: 2 });
    history.push(ANSWER_LOST);
    for (let number = 3; number <= 60; number += 1) {
      history.collect({ a: number });
      history.push(inOrder);
    }
    assert.equal(history.farEnd.samplesOf("a").length, 60);
    assert.equal(history.backlog.counts.points, 0);
  });
});

const anyAnswer: fc.Arbitrary<Answer> = fc.oneof(
  { weight: 4, arbitrary: fc.constant(TAKEN) },
  fc.constantFrom(REFUSED, AWAY, ANSWER_LOST),
  fc.constant<Answer>({ writes: true, outcome: "refused" }),
  fc.constant<Answer>({ writes: false, outcome: "too large" }),
);

type Event =
  | { readonly kind: "collection"; readonly names: readonly string[] }
  | { readonly kind: "round"; readonly answers: readonly Answer[] }
  | { readonly kind: "step"; readonly ms: number }
  | { readonly kind: "pause"; readonly ms: number };

const anyEvent: fc.Arbitrary<Event> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("collection" as const),
      names: fc.subarray(["a", "b", "c", "d"]),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("round" as const),
      answers: fc.array(anyAnswer, { minLength: 1, maxLength: 3 }),
    }),
  },
  fc.record({
    kind: fc.constant("step" as const),
    ms: fc.oneof(
      fc.constantFrom(-86_400_000, -3_600_000, -5_000, -1_000, 1_000, 5_000, 3_600_000),
      fc.integer({ min: -100_000, max: 100_000 }).filter((ms) => Math.abs(ms) >= 20),
    ),
  }),
  fc.record({
    kind: fc.constant("pause" as const),
    ms: fc.integer({ min: 0, max: 400_000 }),
  }),
);

/** Lets events happen, and then a far end that takes everything. */
function play(history: History, events: readonly Event[]): void {
  let number = 0;
  for (const event of events) {
    switch (event.kind) {
      case "collection":
        number += 1;
        history.collect(Object.fromEntries(event.names.map((name) => [name, number])));
        break;
      case "round": {
        let index = 0;
        history.push(() => event.answers[Math.min(index++, event.answers.length - 1)] ?? TAKEN);
        break;
      }
      case "step":
        history.step(event.ms);
        break;
      case "pause":
        history.pass(event.ms);
        break;
    }
  }
  for (let round = 0; history.backlog.counts.points > 0; round += 1) {
    assert.ok(round < 500, `${history.backlog.counts.points} points wait for ever`);
    history.push(TAKEN);
  }
}

describe("whatever happens", () => {
  test("what waits is in order, bounded, sent once, never lost uncounted, and goes in the end", () => {
    fc.assert(
      fc.property(fc.array(anyEvent, { maxLength: 60 }), (events) => {
        play(new History(), events);
      }),
      { numRuns: 500 },
    );
  });

  test("in every history of six outcomes, too", () => {
    const answers = [TAKEN, REFUSED, AWAY, { writes: false, outcome: "too large" } as const];
    const histories = (length: number): Answer[][] =>
      length === 0
        ? [[]]
        : histories(length - 1).flatMap((before) => answers.map((answer) => [...before, answer]));
    for (const history of histories(6)) {
      play(
        new History(),
        history.flatMap<Event>((answer, index) => [
          { kind: "collection", names: index % 3 === 1 ? ["a"] : ["a", "b"] },
          { kind: "round", answers: [answer] },
        ]),
      );
    }
  });

  test("the far end holds each reading once, at its time, and each end, when nothing was refused or too old", () => {
    const anyPast = fc.array(
      fc.record({
        names: fc.subarray(["a", "b", "c"]),
        answer: fc.constantFrom(TAKEN, AWAY, ANSWER_LOST),
      }),
      { minLength: 1, maxLength: 30 },
    );
    fc.assert(
      fc.property(anyPast, (past) => {
        const history = new History();
        past.forEach(({ names, answer }, index) => {
          history.collect(Object.fromEntries(names.map((name) => [name, index])));
          history.push(index === past.length - 1 ? TAKEN : answer);
        });
        for (const name of ["a", "b", "c"]) {
          const expected = past.flatMap(({ names }, index) => {
            const ends = past[index - 1]?.names.includes(name) === true;
            const value = names.includes(name) ? index : ends ? "ends" : undefined;
            return value === undefined ? [] : [[atCollection(index + 1), value]];
          });
          assert.deepEqual(history.farEnd.samplesOf(name), expected);
        }
      }),
    );
  });
});
