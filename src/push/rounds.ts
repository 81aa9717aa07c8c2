/**
 * What the next request carries, and what happens to its points after the outcome (answer.ts). A
 * **round** of requests starts once an interval. It ends when nothing is left to try, or after a wait.
 *
 * **In order**: a request carries whole collections, the oldest first, at most 900 kB.
 *
 * - **accepted**: its points are done. Those that the backend rejected are counted (`rejected`).
 * - **too large** (413): the next request carries half as much. A collection that is too large alone is
 *   divided: the clock's own series and the rest, then halves. A single point is dropped (`rejected`).
 * - **wait** (everything else): all points wait. If no answer came in time, the next request carries half
 *   as much, and twice as much again after each that is accepted. After three such answers in a row a
 *   round starts with the oldest collection alone. After every tenth the newest follows, because the
 *   backend may no longer accept the oldest. Not more often: a backend without an out-of-order window
 *   that returns between these two no longer accepts anything older.
 * - **rejected** (400, 422, 500): all points wait. From the next round on, collections go one by one.
 *
 * **One by one**, until nothing waits: the newest collection goes alone. Only when it is accepted, the
 * others follow together. When those are not accepted, each goes alone: first those that were not tried
 * alone for longest, and of these the newest, because a backend accepts it longest. One that is rejected
 * alone in ten rounds, over at least five minutes, is dropped (`rejected`). When the newest collection is
 * rejected three times, the clock's own series of it go alone, and then the rest of it.
 */
import { timeWithSleepMs } from "../clock/clock-pair.ts";
import type { Outcome } from "./answer.ts";
import type { Batch } from "./batch.ts";
import { MOST_REQUEST_BYTES, type Queue } from "./queue.ts";

/** What became of a request, and when: monotonic, the machine's sleep included, in milliseconds. */
export type Settled = { readonly outcome: Outcome; readonly nowMs: number };

/** Yields what each request carries, and is resumed with what became of it. */
type Steps<T = void> = Generator<readonly Batch[], T, Settled>;

/** After so many answers in a row that say wait, a round starts with the oldest collection alone. */
const MOST_WAITS = 3;

/** After every so many of them, the newest collection is tried after the oldest. */
const WAITS_UNTIL_NEWEST = 10;

/** After so many rejections, the newest collection is divided. */
const NEWEST_REJECTIONS = 3;

/**
 * A collection that was rejected alone so often, over so long, is dropped. A backend that rejects every
 * second request at random then costs one collection in a million, because it has to reject a collection
 * twice in each of these rounds: with the others, and alone.
 */
const MOST_REJECTIONS = 10;
const REJECTED_FOR_MS = 5 * 60_000;

export class Rounds {
  readonly #queue: Queue;
  #isOneByOne = false;
  /** How many answers in a row say wait. */
  #waits = 0;
  /** How often the newest collection was rejected since one was accepted whole. */
  #newestRejections = 0;
  #mostBytes = MOST_REQUEST_BYTES;

  constructor(queue: Queue) {
    this.#queue = queue;
  }

  /** The requests of a round. @param nowMs monotonic, the machine's sleep included, in milliseconds */
  *round(nowMs: number): Steps {
    this.#queue.dropOld(nowMs);
    yield* this.#isOneByOne ? this.#oneByOne() : this.#inOrder();
  }

  *#inOrder(): Steps {
    const [oldest] = this.#queue.waiting;
    if (this.#waits >= MOST_WAITS && oldest !== undefined && oldest !== this.#queue.newest) {
      const { outcome } = yield* this.#request([oldest]);
      if (isAnsweredWait(outcome) && this.#waits % WAITS_UNTIL_NEWEST === 0) {
        yield* this.#oneByOne();
      }
      if (!goesOn(outcome)) {
        return;
      }
    }
    yield* this.#together();
  }

  *#oneByOne(): Steps {
    const { newest } = this.#queue;
    if (newest !== undefined) {
      const isWhole = this.#newestRejections < NEWEST_REJECTIONS;
      const { outcome } = yield* this.#request([isWhole ? newest : this.#queue.divide(newest)]);
      if (outcome.kind === "too large") {
        yield* this.#oneByOne();
      }
      if (outcome.kind !== "accepted") {
        return;
      }
      this.#isOneByOne = true;
    }
    const outcome = yield* this.#together();
    if (outcome?.kind === "rejected" || isAnsweredWait(outcome)) {
      yield* this.#eachAlone();
    }
  }

  /** All that waits, as long as it is accepted. @returns the outcome that ended this; `undefined` when all went */
  *#together(): Steps<Outcome | undefined> {
    for (;;) {
      const batches = this.#fitting();
      if (batches.length === 0) {
        this.#isOneByOne = false;
        return undefined;
      }
      const { outcome } = yield* this.#request(batches);
      if (!goesOn(outcome)) {
        return outcome;
      }
    }
  }

  *#eachAlone(): Steps {
    for (const batch of this.#queue.waiting.toSorted(inOrderOfTrial)) {
      if (this.#queue.waiting.includes(batch)) {
        const { outcome, nowMs } = yield* this.#request([batch]);
        batch.triedMs = nowMs;
        if (outcome.kind === "wait") {
          return;
        }
        if (outcome.kind === "rejected") {
          this.#rejectedAlone(batch, nowMs);
        }
      }
    }
  }

  /** A request, and what follows from its outcome, whatever the request was for. */
  *#request(batches: readonly Batch[]): Steps<Settled> {
    const settled = yield batches;
    const { outcome, nowMs } = settled;
    const bytes = bytesOf(batches);
    switch (outcome.kind) {
      case "accepted":
        this.#queue.accept(batches, outcome.rejectedPoints);
        this.#waits = 0;
        this.#newestRejections = this.#queue.newest === undefined ? 0 : this.#newestRejections;
        this.#mostBytes = Math.min(2 * Math.max(this.#mostBytes, bytes), MOST_REQUEST_BYTES);
        break;
      case "rejected":
        this.#isOneByOne = true;
        this.#newestRejections += batches[0] === this.#queue.newest ? 1 : 0;
        break;
      case "too large":
        this.#mostBytes = bytes / 2;
        this.#tooLarge(batches);
        break;
      case "wait":
        this.#waits += outcome.isAnswer ? 1 : 0;
        if (outcome.error.kind === "timed out") {
          this.#mostBytes = bytes / 2;
        }
    }
    this.#queue.dropOld(nowMs);
    return settled;
  }

  #tooLarge(batches: readonly Batch[]): void {
    const [batch, ...others] = batches;
    if (batch === undefined || others.length > 0) {
      return;
    }
    if (batch.series.length > 1) {
      this.#queue.divide(batch);
    } else {
      this.#queue.drop("rejected", batches);
    }
  }

  #rejectedAlone(batch: Batch, nowMs: number): void {
    const [firstMs = nowMs] = batch.rejectedMs;
    if (batch.rejectedMs.push(nowMs) >= MOST_REJECTIONS && nowMs - firstMs >= REJECTED_FOR_MS) {
      this.#queue.drop("rejected", [batch]);
    }
  }

  /** The oldest that fit in a request; one at least. */
  #fitting(): readonly Batch[] {
    let bytes = 0;
    return this.#queue.waiting.filter(({ requestBytes }, index) => {
      bytes += requestBytes;
      return index === 0 || bytes <= this.#mostBytes;
    });
  }
}

/** Whether what a request carried is gone or divided, and the next one may follow. */
function goesOn({ kind }: Outcome): boolean {
  return kind === "accepted" || kind === "too large";
}

function isAnsweredWait(outcome: Outcome | undefined): boolean {
  return outcome?.kind === "wait" && outcome.isAnswer;
}

function inOrderOfTrial(a: Batch, b: Batch): number {
  return (
    a.triedMs - b.triedMs || timeWithSleepMs(b.moment.clocks) - timeWithSleepMs(a.moment.clocks)
  );
}

function bytesOf(batches: readonly Batch[]): number {
  return batches.reduce((sum, { requestBytes }) => sum + requestBytes, 0);
}
