/** Which answers of chronyd will not be better at the next poll. */
import type { ChronyError } from "./chrony-error.ts";

/** How long a report that chronyd refused is not asked for. */
const ASK_AGAIN_AFTER_MS = 10 * 60_000;

const STATUS_UNAUTH = 2;
const STATUS_INVALID = 3;
const STATUS_NOSUCHSOURCE = 4;
const STATUS_BADPKTLENGTH = 19;

/**
 * Whether chronyd would most likely give the same answer again: it may not (UNAUTH), it does not know
 * the command (INVALID), or it has a form of the report that is not known here.
 */
export function isRefusal(error: ChronyError): boolean {
  return (
    error.kind === "wrong reply" ||
    (error.kind === "refused" &&
      [STATUS_UNAUTH, STATUS_INVALID, STATUS_BADPKTLENGTH].includes(error.status))
  );
}

/** Whether a source went away between two questions, or there is none at an index. */
export function isNoSuchSource(error: ChronyError): boolean {
  return error.kind === "refused" && error.status === STATUS_NOSUCHSOURCE;
}

/** Remembers which reports chronyd refused, and when it is asked for them again. */
export class RefusedReports<Name extends string> {
  /** By report, the monotonic time from which on it is asked for again. */
  readonly #askAgainMs = new Map<Name, number>();

  /** Whether a report is not to be asked for yet. */
  has(report: Name, nowMs: number): boolean {
    return nowMs < (this.#askAgainMs.get(report) ?? Number.NEGATIVE_INFINITY);
  }

  /**
   * chronyd refused a report.
   * @returns whether it had not refused it before
   */
  add(report: Name, nowMs: number): boolean {
    const isNew = !this.#askAgainMs.has(report);
    this.#askAgainMs.set(report, nowMs + ASK_AGAIN_AFTER_MS);
    return isNew;
  }

  /**
   * chronyd answered with a report.
   * @returns whether it had refused it before
   */
  delete(report: Name): boolean {
    return this.#askAgainMs.delete(report);
  }

  /** chronyd was restarted, and may be another version: all are asked for again at once. */
  chronydRestarted(): void {
    for (const report of this.#askAgainMs.keys()) {
      this.#askAgainMs.set(report, Number.NEGATIVE_INFINITY);
    }
  }
}
