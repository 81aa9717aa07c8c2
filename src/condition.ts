import type { Log } from "./log.ts";

/** How often a fault that lasts is logged again. */
const REMINDER_MS = 10 * 60_000;

/** How soon a change of a fault's cause may be logged: causes that alternate must not fill the log. */
const CHANGE_MS = 60_000;

/** How long a fault must be away before its end is logged, because a fault that comes and goes is one fault. */
const AWAY_MS = 60_000;

/**
 * A fault that may last: logged when it begins, when its cause changes, once in a while, and when it
 * has been away for a minute. One that comes and goes within a minute is one fault.
 */
export class Condition {
  readonly #log: Log;
  readonly #recovered: string;
  #fault:
    | { kind: string; beganMs: number; loggedMs: number; lastMs: number; count: number }
    | undefined;

  /** @param recovered what is logged when the fault has ended */
  constructor(log: Log, recovered: string) {
    this.#log = log;
    this.#recovered = recovered;
  }

  /**
   * The fault is present.
   * @param kind what distinguishes one cause from another
   * @param nowMs monotonic time, in milliseconds
   */
  raise(kind: string, sentence: string, nowMs: number): void {
    const before = this.#fault;
    if (before === undefined) {
      this.#fault = { kind, beganMs: nowMs, loggedMs: nowMs, lastMs: nowMs, count: 1 };
      this.#log.warn(sentence);
      return;
    }
    before.count += 1;
    before.lastMs = nowMs;
    const sinceLoggedMs = nowMs - before.loggedMs;
    if (sinceLoggedMs >= REMINDER_MS || (kind !== before.kind && sinceLoggedMs >= CHANGE_MS)) {
      this.#log.warn(sentence, {
        times: before.count,
        for_seconds: seconds(nowMs, before.beganMs),
      });
      before.loggedMs = nowMs;
      before.kind = kind;
    }
  }

  /** The fault is absent. It ends when it was absent for a minute. */
  clear(nowMs: number): void {
    if (this.#fault !== undefined && nowMs - this.#fault.lastMs >= AWAY_MS) {
      const { count, beganMs, lastMs } = this.#fault;
      this.#log.info(this.#recovered, { times: count, for_seconds: seconds(lastMs, beganMs) });
      this.#fault = undefined;
    }
  }
}

function seconds(nowMs: number, beganMs: number): number {
  return Math.round((nowMs - beganMs) / 1000);
}
