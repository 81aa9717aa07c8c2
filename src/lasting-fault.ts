import type { Log } from "./log.ts";

/** How often a fault that lasts is told again. */
const REMINDER_MS = 10 * 60_000;

/** How soon the next change of a fault may be told: causes that alternate must not fill the log. */
const CHANGE_MS = 60_000;

/**
 * A fault that may last, told when it begins, when its cause changes, once in a while, and when it
 * ends.
 */
export class LastingFault {
  readonly #log: Log;
  readonly #recovered: string;
  #fault: { kind: string; beganMs: number; toldMs: number; count: number } | undefined;

  /** @param recovered what is said when the fault ends */
  constructor(log: Log, recovered: string) {
    this.#log = log;
    this.#recovered = recovered;
  }

  /**
   * The fault is there (still, or newly).
   * @param kind what tells one cause from another
   * @param nowMs monotonic time, in milliseconds
   */
  present(kind: string, sentence: string, nowMs: number): void {
    const before = this.#fault;
    if (before === undefined) {
      this.#fault = { kind, beganMs: nowMs, toldMs: nowMs, count: 1 };
      this.#log.warn(sentence);
      return;
    }
    before.count += 1;
    const sinceToldMs = nowMs - before.toldMs;
    if (sinceToldMs >= REMINDER_MS || (kind !== before.kind && sinceToldMs >= CHANGE_MS)) {
      this.#log.warn(sentence, {
        times: before.count,
        for_seconds: seconds(nowMs, before.beganMs),
      });
      before.toldMs = nowMs;
      before.kind = kind;
    }
  }

  /** The fault is not there (any more). */
  absent(nowMs: number): void {
    if (this.#fault !== undefined) {
      const { count, beganMs } = this.#fault;
      this.#log.info(this.#recovered, { times: count, for_seconds: seconds(nowMs, beganMs) });
      this.#fault = undefined;
    }
  }
}

function seconds(nowMs: number, beganMs: number): number {
  return Math.round((nowMs - beganMs) / 1000);
}
