/** The loop that polls chronyd and keeps what the polls mean. */
import type { ChronyError } from "./chrony/chrony-error.ts";
import type { ChronyAddress } from "./chrony/client.ts";
import {
  describeReportFault,
  MOST_SOURCES,
  type OptionalReport,
  type OptionalReports,
  type ReportFault,
} from "./chrony/optional-reports.ts";
import { isRefusal, RefusedReports } from "./chrony/report-refusal.ts";
import type { Tracking } from "./chrony/tracking.ts";
import { type ClockHistory, type Reading, withReading } from "./clock/assessment.ts";
import { Condition } from "./condition.ts";
import type { Log } from "./log.ts";
import { Poller } from "./poll.ts";
import type { Result } from "./result.ts";

/** Counts of polls by result, since the agent started. */
export type ReadingCounts = { readonly success: number; readonly failure: number };

export type SamplerOptions = {
  readonly address: ChronyAddress;
  /** Between two polls, in milliseconds. */
  readonly intervalMs: number;
  /** How long a value counts for the peak, in milliseconds. */
  readonly peakWidthMs: number;
  /** The optional reports to ask for. */
  readonly optional: readonly OptionalReport[];
  readonly log: Log;
  /** Called after each poll. */
  readonly afterReading: (history: ClockHistory) => void;
};

/** The longest time for the optional reports, in milliseconds. */
const LONGEST_OPTIONAL_MS = 1000;

/** Polls chronyd once an interval, until it is stopped. */
export class Sampler {
  readonly #options: SamplerOptions;
  readonly #poller: Poller;
  readonly #sourceFault: Condition;
  readonly #optionalFault: Condition;
  readonly #leftOutFault: Condition;
  readonly #refused = new RefusedReports<OptionalReport | "upstream">();
  #isStopped = false;
  /** Ends the sleep between two polls. */
  #wake: () => void = () => {};
  #history: ClockHistory | undefined;
  /** The optional reports that were asked for last, and after which poll. */
  #optional:
    | { readonly number: number; readonly reports: Promise<OptionalReports | undefined> }
    | undefined;
  #counts: ReadingCounts = { success: 0, failure: 0 };
  #waiting: (() => void)[] = [];
  #loop: Promise<void> | undefined;

  constructor(options: SamplerOptions) {
    this.#options = options;
    this.#poller = new Poller(options.address);
    this.#leftOutFault = new Condition(options.log, "All of chronyd's sources are reported again.");
    this.#sourceFault = new Condition(options.log, "chronyd reports the followed source again.");
    this.#optionalFault = new Condition(options.log, "chronyd sends all reports again.");
  }

  /** What the polls mean so far; `undefined` before the first one ended. */
  get history(): ClockHistory | undefined {
    return this.#history;
  }

  /**
   * The optional reports. chronyd is asked for them only when they are needed, and at most once after
   * each poll, because they cost more than everything else.
   * @returns `undefined` before the first poll, and when the newest one has no TRACKING
   */
  optionalReports(): Promise<OptionalReports | undefined> {
    const newest = this.#history?.newest;
    if (newest?.tracking.ok !== true) {
      return Promise.resolve(undefined);
    }
    if (this.#optional?.number !== newest.number) {
      this.#optional = { number: newest.number, reports: this.#readOptional() };
    }
    return this.#optional.reports;
  }

  get counts(): ReadingCounts {
    return this.#counts;
  }

  /** Starts the loop. The first poll begins at once. */
  start(): void {
    this.#loop ??= this.#run();
  }

  /** Ends the loop after the poll that is under way. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#wake();
    await this.#loop;
    await this.#optional?.reports;
    this.#release();
  }

  /**
   * Waits until the next poll ends.
   * @param longestMs the longest wait, in milliseconds; after it the promise resolves in any case
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
    while (!this.#isStopped) {
      await this.#poll();
      // Polls that were missed (a paused machine, a slow answer) are not made up for.
      const nowMs = performance.now();
      dueMs = Math.max(dueMs + this.#options.intervalMs, nowMs);
      await this.#sleep(dueMs - nowMs);
    }
  }

  async #sleep(lengthMs: number): Promise<void> {
    if (this.#isStopped) {
      return;
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, lengthMs);
    this.#wake = resolve;
    await promise;
    clearTimeout(timer);
  }

  async #poll(): Promise<void> {
    const asksUpstream = !this.#refused.has("upstream", performance.now());
    const { reading, followedError, upstreamError } = await this.#poller.poll(
      this.#longestMs,
      asksUpstream,
    );
    this.#noticeRestart(reading.tracking);
    if (reading.upstreamIsLocal !== undefined) {
      this.#logAnswered(["upstream"]);
    }
    if (reading.tracking.ok) {
      this.#logFaults(this.#sourceFault, [
        ...(followedError === undefined ? [] : [faultOf("followed", followedError)]),
        ...(upstreamError === undefined ? [] : [faultOf("upstream", upstreamError)]),
      ]);
    }
    this.#keep(reading);
  }

  async #readOptional(): Promise<OptionalReports | undefined> {
    const wanted = this.#wanted();
    const optional = await this.#poller.optionalReports(wanted, this.#longestMs);
    if (optional !== undefined) {
      this.#logAnswered(this.#options.optional.filter((report) => isAnswered(optional[report])));
      this.#logFaults(this.#optionalFault, faultsOf(optional, wanted));
      this.#logLeftOut(optional.sourcesLeftOut ?? 0);
    }
    return optional;
  }

  /** Must not delay the next poll so long that the one before becomes too old. */
  get #longestMs(): number {
    return Math.min(LONGEST_OPTIONAL_MS, this.#options.intervalMs);
  }

  #wanted(): ReadonlySet<OptionalReport> {
    const nowMs = performance.now();
    return new Set(this.#options.optional.filter((report) => !this.#refused.has(report, nowMs)));
  }

  #logFaults(lasting: Condition, faults: readonly NamedFault[]): void {
    const nowMs = performance.now();
    for (const { report, fault } of faults) {
      if (
        fault.kind === "not available" &&
        report !== "followed" &&
        this.#refused.add(report, nowMs)
      ) {
        this.#options.log.info(
          `Not available: ${REPORT_WORDS[report] ?? report}. The agent asks for it again every ten minutes. ${describeReportFault(fault)}`,
        );
      }
    }
    const passing = faults.find(
      ({ report, fault }) => fault.kind !== "not available" || report === "followed",
    )?.fault;
    if (passing === undefined) {
      lasting.clear(nowMs);
    } else {
      lasting.raise(passing.kind, describeReportFault(passing), nowMs);
    }
  }

  /** Logs reports that chronyd refused before and gives now. */
  #logAnswered(reports: readonly (OptionalReport | "upstream")[]): void {
    for (const report of reports) {
      if (this.#refused.delete(report)) {
        this.#options.log.info(`chronyd reports ${REPORT_WORDS[report] ?? report} now.`);
      }
    }
  }

  #logLeftOut(sourcesLeftOut: number): void {
    const nowMs = performance.now();
    if (sourcesLeftOut === 0) {
      this.#leftOutFault.clear(nowMs);
    } else {
      const sentence = `chronyd has ${sourcesLeftOut} sources more than the ${MOST_SOURCES} that are reported: these have no series.`;
      this.#leftOutFault.raise("sources left out", sentence, nowMs);
    }
  }

  /** Asks again for reports that chronyd refused, because a restarted chronyd may be another version. */
  #noticeRestart(answer: Result<Tracking, ChronyError>): void {
    const before = this.#history?.newest.tracking;
    if (before === undefined || !answer.ok) {
      return;
    }
    const lostItsReference =
      before.ok &&
      before.value.referenceTimeSeconds !== undefined &&
      answer.value.referenceTimeSeconds === undefined;
    if (!before.ok || lostItsReference) {
      this.#refused.chronydRestarted();
    }
  }

  #keep(reading: Reading): void {
    const { success, failure } = this.#counts;
    this.#counts = reading.tracking.ok
      ? { success: success + 1, failure }
      : { success, failure: failure + 1 };
    this.#history = withReading(this.#history, reading, this.#options.peakWidthMs);
    this.#options.afterReading(this.#history);
    this.#release();
  }

  /** Resolves everything that waits for a poll, whether one ended or none will come. */
  #release(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) {
      resolve();
    }
  }
}

type NamedFault = {
  readonly report: OptionalReport | "followed" | "upstream";
  readonly fault: ReportFault;
};

/** Descriptions of reports whose names are not clear by themselves. */
const REPORT_WORDS: Partial<Record<NamedFault["report"], string>> = {
  upstream: "the time source's own source (NTP_DATA)",
};

/** Whether chronyd gave a report, and not merely had no source to be asked about. */
function isAnswered(report: OptionalReports[OptionalReport]): boolean {
  return report?.ok === true && !(Array.isArray(report.value) && report.value.length === 0);
}

function faultOf(report: NamedFault["report"], error: ChronyError): NamedFault {
  return { report, fault: { kind: isRefusal(error) ? "not available" : "failed", error } };
}

/** The reports that are missing, and why. */
function faultsOf(
  reports: OptionalReports,
  wanted: ReadonlySet<OptionalReport>,
): readonly NamedFault[] {
  return [...wanted].flatMap((report) => {
    const result = reports[report];
    return result === undefined || result.ok ? [] : [{ report, fault: result.error }];
  });
}
