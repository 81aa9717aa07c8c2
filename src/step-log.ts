import type { Log } from "./log.ts";

/** Steps that follow one that was logged are gathered until the wall clock was left alone for this long. */
const QUIET_MS = 60_000;

/** Where they do not end, they are logged this often. */
const REMINDER_MS = 10 * 60_000;

/**
 * The log lines on steps of the wall clock: one for the first step at once, and one for all that
 * follow it, because a clock that is stepped every second must not fill the log.
 */
export class StepLog {
  readonly #log: Log;
  #run: { loggedMs: number; lastMs: number; count: number; sumMs: number } | undefined;

  constructor(log: Log) {
    this.#log = log;
  }

  /**
   * The clocks were read.
   * @param stepMs the step since they were read before, in milliseconds, positive is forward;
   *   `undefined` when there was none
   * @param nowMs monotonic time, in milliseconds
   */
  follow(stepMs: number | undefined, nowMs: number): void {
    const run = this.#run;
    const isOver = run !== undefined && nowMs - run.lastMs >= QUIET_MS;
    if (stepMs !== undefined && run !== undefined && !isOver) {
      run.lastMs = nowMs;
      run.count += 1;
      run.sumMs += stepMs;
    }
    if (run !== undefined && run.count > 0 && (isOver || nowMs - run.loggedMs >= REMINDER_MS)) {
      const times = run.count === 1 ? "once more" : `${run.count} times more`;
      this.#log.warn(`The wall clock was stepped ${times}, by ${seconds(run.sumMs)} in total.`);
      Object.assign(run, { loggedMs: nowMs, count: 0, sumMs: 0 });
    }
    if (isOver) {
      this.#run = undefined;
    }
    if (stepMs !== undefined && this.#run === undefined) {
      this.#run = { loggedMs: nowMs, lastMs: nowMs, count: 0, sumMs: 0 };
      this.#log.warn(`The wall clock was stepped by ${seconds(stepMs)}.`);
    }
  }
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(3)} s`;
}
