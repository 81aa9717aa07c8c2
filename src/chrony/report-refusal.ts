/** Reports that chronyd refuses, and will most likely refuse at the next poll too. */
import type { ChronyError } from "./chrony-error.ts";

/** How long to wait before a refused report is requested again. */
const ASK_AGAIN_AFTER_MS = 10 * 60_000;

const STATUS_UNAUTH = 2;
const STATUS_INVALID = 3;
const STATUS_NOSUCHSOURCE = 4;
const STATUS_BADPKTLENGTH = 19;

/**
 * Whether chronyd would most likely answer the same again: the report is not permitted (UNAUTH), the
 * command is unknown to chronyd (INVALID), or the reply has a layout that is unknown to us.
 */
export function isRefusal(error: ChronyError): boolean {
  return (
    error.kind === "wrong reply" ||
    (error.kind === "refused" &&
      [STATUS_UNAUTH, STATUS_INVALID, STATUS_BADPKTLENGTH].includes(error.status))
  );
}

/** Whether there is no source at an index, or it was removed between two requests. */
export function isNoSuchSource(error: ChronyError): boolean {
  return error.kind === "refused" && error.status === STATUS_NOSUCHSOURCE;
}

/** Remembers which reports chronyd refused, and when to request them again. */
export class RefusedReports<Name extends string> {
  /** For each report, the monotonic time from which it may be requested again, in milliseconds. */
  readonly #askAgainMs = new Map<Name, number>();

  /** Whether it is too early to request a report again. */
  has(report: Name, nowMs: number): boolean {
    return nowMs < (this.#askAgainMs.get(report) ?? Number.NEGATIVE_INFINITY);
  }

  /**
   * Records that chronyd refused a report.
   * @returns whether this is the first refusal
   */
  add(report: Name, nowMs: number): boolean {
    const isNew = !this.#askAgainMs.has(report);
    this.#askAgainMs.set(report, nowMs + ASK_AGAIN_AFTER_MS);
    return isNew;
  }

  /**
   * Records that chronyd sent a report.
   * @returns whether it had refused the report before
   */
  delete(report: Name): boolean {
    return this.#askAgainMs.delete(report);
  }

  /** Forgets all refusals, because a restarted chronyd may be another version. */
  chronydRestarted(): void {
    for (const report of this.#askAgainMs.keys()) {
      this.#askAgainMs.set(report, Number.NEGATIVE_INFINITY);
    }
  }
}
