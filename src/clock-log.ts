/** Logs faults of chronyd and of the clock: when they begin, once in a while, and when they end. */
import { describeChronyError } from "./chrony/chrony-error.ts";
import type { OptionalReports } from "./chrony/optional-reports.ts";
import type { Assessment, ClockHistory } from "./clock/assessment.ts";
import { Condition } from "./condition.ts";
import type { Log } from "./log.ts";
import { describeStranger } from "./privileges.ts";
import { StepLog } from "./step-log.ts";
import { clockFacts } from "./summary/clock-facts.ts";
import { describeClockFault } from "./summary/clock-fault.ts";
import { otherSource } from "./summary/state-words.ts";

export class ClockLog {
  readonly #log: Log;
  readonly #pollFault: Condition;
  readonly #clockFault: Condition;
  readonly #stepLog: StepLog;
  #newest: ClockHistory | undefined;

  constructor(log: Log) {
    this.#log = log;
    this.#pollFault = new Condition(log, "chronyd answers again.");
    this.#clockFault = new Condition(log, "The clock is synchronised again.");
    this.#stepLog = new StepLog(log);
  }

  /**
   * A poll has ended.
   * @param pollProblem why chronyd did not answer, as a sentence
   * @param optional asks for chronyd's optional reports, because the sentence for a fault of the clock names the sources
   */
  follow(
    history: ClockHistory,
    assessment: Assessment,
    pollProblem: string | undefined,
    optional: () => Promise<OptionalReports | undefined>,
  ): void {
    this.#newest = history;
    const { tracking, clocks } = history.newest;
    if (tracking.ok) {
      this.#pollFault.clear(clocks.monotonicMs);
      this.#followClock(history, assessment, optional);
    } else {
      this.#pollFault.raise(tracking.error.kind, pollProblem ?? "", clocks.monotonicMs);
    }
    this.#stepLog.follow(history.stepMs, clocks.monotonicMs);
    if (history.leapSecond) {
      this.#log.info("A leap second passed: the wall clock was set by one second, as UTC was.");
    }
  }

  #followClock(
    history: ClockHistory,
    assessment: Assessment,
    optional: () => Promise<OptionalReports | undefined>,
  ): void {
    const nowMs = history.newest.clocks.monotonicMs;
    if (describeClockFault(assessment, undefined) === undefined) {
      this.#clockFault.clear(nowMs);
      return;
    }
    void optional().then((reports) => {
      const sentence = describeClockFault(assessment, otherSource(clockFacts(assessment, reports)));
      // A later poll may have ended the fault meanwhile.
      if (sentence !== undefined && this.#newest === history) {
        this.#clockFault.raise(assessment.state, sentence, nowMs);
      }
      return sentence;
    });
  }
}

/**
 * Why the newest poll was not answered, as a sentence; `undefined` when it was.
 * @param directory of chronyd's socket; `undefined` over UDP
 */
export function describePollProblem(
  history: ClockHistory | undefined,
  directory: string | undefined,
): string | undefined {
  const tracking = history?.newest.tracking;
  if (tracking === undefined || tracking.ok) {
    return undefined;
  }
  const stranger = directory === undefined ? undefined : describeStranger(directory);
  return [describeChronyError(tracking.error), stranger].filter(Boolean).join(" ");
}
