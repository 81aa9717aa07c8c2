/** What became of the pushes until now: counters, facts for a person, and what the log has of it. */
import { Condition } from "../condition.ts";
import type { Log } from "../log.ts";
import {
  type BacklogCounts,
  DROP_REASONS,
  type DropReason,
  type ExportCounts,
} from "../metrics/metric.ts";
import { redact, shownAddress } from "../redact.ts";
import type { PushFacts } from "../summary/agent-report.ts";
import { describePushError, type Outcome } from "./answer.ts";

const DROP_WORDS: Readonly<Record<DropReason, string>> = {
  age: "they are too old (BACKLOG_MAX_AGE)",
  bytes: "the backlog is full (BACKLOG_MAX_BYTES)",
  rejected: "they are rejected",
};

export class PushResults {
  readonly #fault: Condition;
  readonly #loss: Condition;
  #counts: ExportCounts = { success: 0, failure: 0, lastSuccessWallMs: undefined };
  #lastAcceptedMs: number | undefined;
  #lastFailure: string | undefined;
  /** What the backend last said of points that it rejected. */
  #rejectionReason = "";
  #droppedBefore: BacklogCounts["dropped"] = { age: 0, bytes: 0, rejected: 0 };

  /** @param url where pushes go */
  constructor(log: Log, url: string) {
    this.#fault = new Condition(log, `The collector at ${shownAddress(url)} accepts pushes again.`);
    this.#loss = new Condition(log, "No more points are dropped.");
  }

  get counts(): ExportCounts {
    return this.#counts;
  }

  get facts(): PushFacts {
    const acceptedMs = this.#lastAcceptedMs;
    return {
      accepted: this.#counts.success,
      failed: this.#counts.failure,
      acceptedSecondsAgo:
        acceptedMs === undefined ? undefined : (performance.now() - acceptedMs) / 1000,
      failure: this.#lastFailure === undefined ? undefined : redact(this.#lastFailure, []),
    };
  }

  /** Whether a push was tried, however it ended. */
  get tried(): boolean {
    return this.#counts.success + this.#counts.failure > 0;
  }

  /** Whether the last push failed. */
  get isFailing(): boolean {
    return this.#lastFailure !== undefined;
  }

  /** A request was settled. @param points how many wait now */
  settled(outcome: Outcome, points: number): void {
    const nowMs = performance.now();
    const { success, failure } = this.#counts;
    if (outcome.kind === "accepted") {
      this.#counts = { success: success + 1, failure, lastSuccessWallMs: Date.now() };
      this.#lastAcceptedMs = nowMs;
      this.#lastFailure = undefined;
      this.#rejectionReason = outcome.rejectedPoints > 0 ? outcome.reason : this.#rejectionReason;
      this.#fault.clear(nowMs);
      return;
    }
    const { kind, detail } = { detail: "", ...outcome.error };
    this.#counts = { ...this.#counts, failure: failure + 1 };
    this.#lastFailure = describePushError(outcome.error);
    this.#rejectionReason = outcome.kind === "rejected" ? detail : this.#rejectionReason;
    this.#fault.raise(`${kind} ${detail}`, `${this.#lastFailure} ${points} points wait.`, nowMs);
  }

  /** A collection was taken in. @param dropped the points that were dropped until now */
  collected(dropped: BacklogCounts["dropped"]): void {
    const reasons = DROP_REASONS.filter((reason) => dropped[reason] > this.#droppedBefore[reason]);
    this.#droppedBefore = dropped;
    const nowMs = performance.now();
    if (reasons.length === 0) {
      this.#loss.clear(nowMs);
      return;
    }
    const why = reasons.map((reason) => DROP_WORDS[reason]).join(" or ");
    const said =
      reasons.includes("rejected") && this.#rejectionReason !== ""
        ? ` The backend answered: ${this.#rejectionReason}`
        : "";
    this.#loss.raise(why, `Points are dropped, because ${why}.${said}`, nowMs);
  }
}
