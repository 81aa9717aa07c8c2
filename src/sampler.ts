/** The loop: ask chronyd, keep what the readings mean. */
import { setTimeout as sleep } from "node:timers/promises";
import type { ChronyError } from "./chrony/chrony-error.ts";
import { type ChronyAddress, ChronyClient } from "./chrony/client.ts";
import { type Tracking, tracking } from "./chrony/tracking.ts";
import { type ClockHistory, type Reading, withReading } from "./clock/assessment.ts";
import type { Result } from "./result.ts";
import { readSystemClocks } from "./system-clocks.ts";

/** How the agent's readings ended, since it started. */
export type ReadingCounts = { readonly success: number; readonly failure: number };

export type SamplerOptions = {
  readonly address: ChronyAddress;
  /** Between two readings, in milliseconds. */
  readonly intervalMs: number;
  /** How long a value counts for the peak, in milliseconds. */
  readonly peakWidthMs: number;
  /** Called with what all readings mean, after each. */
  readonly afterReading: (history: ClockHistory) => void;
};

/** Reads chronyd once an interval, until it is stopped. */
export class Sampler {
  readonly #options: SamplerOptions;
  readonly #stop = new AbortController();
  #history: ClockHistory | undefined;
  #counts: ReadingCounts = { success: 0, failure: 0 };
  #waiting: (() => void)[] = [];
  #loop: Promise<void> | undefined;

  constructor(options: SamplerOptions) {
    this.#options = options;
  }

  /** What the readings so far mean; `undefined` before the first one ended. */
  get history(): ClockHistory | undefined {
    return this.#history;
  }

  get counts(): ReadingCounts {
    return this.#counts;
  }

  /** Starts the loop; the first reading begins at once. */
  start(): void {
    this.#loop ??= this.#run();
  }

  /** Ends the loop, when the reading that is under way has ended. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#loop;
  }

  /**
   * Waits for a reading that ends from now on.
   * @param longestMs how long at the most, in milliseconds; then it resolves all the same
   */
  async nextReading(longestMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, longestMs);
    this.#waiting.push(resolve);
    await promise;
    clearTimeout(timer);
  }

  async #run(): Promise<void> {
    let dueMs = performance.now();
    while (!this.#stop.signal.aborted) {
      this.#keep(await this.#read());
      // What was missed (a paused machine, a slow answer) is not made up for.
      dueMs = Math.max(dueMs + this.#options.intervalMs, performance.now());
      await sleep(dueMs - performance.now(), undefined, { signal: this.#stop.signal }).catch(
        () => undefined,
      );
    }
  }

  async #read(): Promise<Reading> {
    const beganMs = performance.now();
    const answer = await this.#ask();
    const clocks = readSystemClocks();
    return {
      number: (this.#history?.newest.number ?? 0) + 1,
      clocks,
      durationSeconds: (clocks.monotonicMs - beganMs) / 1000,
      tracking: answer,
    };
  }

  async #ask(): Promise<Result<Tracking, ChronyError>> {
    const client = await ChronyClient.open(this.#options.address);
    if (!client.ok) {
      return client;
    }
    try {
      return await client.value.ask(tracking);
    } finally {
      client.value.close();
    }
  }

  #keep(reading: Reading): void {
    const { success, failure } = this.#counts;
    this.#counts = reading.tracking.ok
      ? { success: success + 1, failure }
      : { success, failure: failure + 1 };
    this.#history = withReading(this.#history, reading, this.#options.peakWidthMs);
    this.#options.afterReading(this.#history);
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) {
      resolve();
    }
  }
}
