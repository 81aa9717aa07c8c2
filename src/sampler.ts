/** The loop: ask chronyd, keep what the readings mean. */
import type { ChronyError } from "./chrony/chrony-error.ts";
import type { ChronyAddress } from "./chrony/client.ts";
import {
  describeReportFault,
  type FurtherReport,
  type FurtherReports,
  MOST_SOURCES,
  type ReportFault,
} from "./chrony/further-reports.ts";
import { isRefusal, RefusedReports } from "./chrony/report-refusal.ts";
import type { Tracking } from "./chrony/tracking.ts";
import { type ClockHistory, type Reading, withReading } from "./clock/assessment.ts";
import { LastingFault } from "./lasting-fault.ts";
import type { Log } from "./log.ts";
import { Poller } from "./poll.ts";
import type { Result } from "./result.ts";

/** How the agent's readings ended, since it started. */
export type ReadingCounts = { readonly success: number; readonly failure: number };

export type SamplerOptions = {
  readonly address: ChronyAddress;
  /** Between two readings, in milliseconds. */
  readonly intervalMs: number;
  /** How long a value counts for the peak, in milliseconds. */
  readonly peakWidthMs: number;
  /** What else to ask for than TRACKING. */
  readonly further: readonly FurtherReport[];
  readonly log: Log;
  /** Called with what all readings mean, after each. */
  readonly afterReading: (history: ClockHistory) => void;
};

/** What the reports beside TRACKING may take, in milliseconds. */
const LONGEST_FURTHER_MS = 1000;

/** Reads chronyd once an interval, until it is stopped. */
export class Sampler {
  readonly #options: SamplerOptions;
  readonly #poller: Poller;
  readonly #sourceFault: LastingFault;
  readonly #furtherFault: LastingFault;
  readonly #leftOutFault: LastingFault;
  readonly #refused = new RefusedReports<FurtherReport | "upstream">();
  #isStopped = false;
  /** Ends the sleep between two readings. */
  #wake: () => void = () => {};
  #history: ClockHistory | undefined;
  /** What was asked for beside TRACKING last, and after which reading. */
  #further:
    | { readonly number: number; readonly reports: Promise<FurtherReports | undefined> }
    | undefined;
  #counts: ReadingCounts = { success: 0, failure: 0 };
  #waiting: (() => void)[] = [];
  #loop: Promise<void> | undefined;

  constructor(options: SamplerOptions) {
    this.#options = options;
    this.#poller = new Poller(options.address);
    this.#leftOutFault = new LastingFault(
      options.log,
      "All of chronyd's sources are reported again.",
    );
    this.#sourceFault = new LastingFault(
      options.log,
      "chronyd reports the source that the clock follows again.",
    );
    this.#furtherFault = new LastingFault(options.log, "chronyd gives all its reports again.");
  }

  /** What the readings so far mean; `undefined` before the first one ended. */
  get history(): ClockHistory | undefined {
    return this.#history;
  }

  /**
   * What chronyd reports beside TRACKING. It is asked when somebody wants to know, and once after each
   * reading at most, because these reports cost most of what the agent costs.
   * @returns `undefined` before the first reading, and when the newest one has no TRACKING
   */
  further(): Promise<FurtherReports | undefined> {
    const newest = this.#history?.newest;
    if (newest?.tracking.ok !== true) {
      return Promise.resolve(undefined);
    }
    if (this.#further?.number !== newest.number) {
      this.#further = { number: newest.number, reports: this.#readFurther() };
    }
    return this.#further.reports;
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
    this.#isStopped = true;
    this.#wake();
    await this.#loop;
    await this.#further?.reports;
    this.#release();
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
    while (!this.#isStopped) {
      await this.#poll();
      // What was missed (a paused machine, a slow answer) is not made up for.
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

  async #readFurther(): Promise<FurtherReports | undefined> {
    const wanted = this.#wanted();
    const further = await this.#poller.furtherReports(wanted, this.#longestMs);
    if (further !== undefined) {
      this.#logAnswered(this.#options.further.filter((report) => isAnswered(further[report])));
      this.#logFaults(this.#furtherFault, faultsOf(further, wanted));
      this.#logLeftOut(further.sourcesLeftOut ?? 0);
    }
    return further;
  }

  /** The next reading must not be so late that the one before counts for nothing. */
  get #longestMs(): number {
    return Math.min(LONGEST_FURTHER_MS, this.#options.intervalMs);
  }

  #wanted(): ReadonlySet<FurtherReport> {
    const nowMs = performance.now();
    return new Set(this.#options.further.filter((report) => !this.#refused.has(report, nowMs)));
  }

  #logFaults(lasting: LastingFault, faults: readonly NamedFault[]): void {
    const nowMs = performance.now();
    for (const { report, fault } of faults) {
      if (
        fault.kind === "not available" &&
        report !== "followed" &&
        this.#refused.add(report, nowMs)
      ) {
        this.#options.log.info(
          `Without ${REPORT_WORDS[report] ?? report}, which is asked for again every ten minutes. ${describeReportFault(fault)}`,
        );
      }
    }
    const passing = faults.find(
      ({ report, fault }) => fault.kind !== "not available" || report === "followed",
    )?.fault;
    if (passing === undefined) {
      lasting.absent(nowMs);
    } else {
      lasting.present(passing.kind, describeReportFault(passing), nowMs);
    }
  }

  /** Of what chronyd refused before and gives now. */
  #logAnswered(reports: readonly (FurtherReport | "upstream")[]): void {
    for (const report of reports) {
      if (this.#refused.delete(report)) {
        this.#options.log.info(`chronyd gives ${REPORT_WORDS[report] ?? report} now.`);
      }
    }
  }

  #logLeftOut(sourcesLeftOut: number): void {
    const nowMs = performance.now();
    if (sourcesLeftOut === 0) {
      this.#leftOutFault.absent(nowMs);
    } else {
      const sentence = `chronyd has ${sourcesLeftOut} sources more than the ${MOST_SOURCES} that are reported: these have no series.`;
      this.#leftOutFault.present("sources left out", sentence, nowMs);
    }
  }

  /** A chronyd that was restarted may be another version: what it refused is asked for again. */
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

  /** Tells all who wait for a reading that there is one, or that there will be none. */
  #release(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) {
      resolve();
    }
  }
}

type NamedFault = {
  readonly report: FurtherReport | "followed" | "upstream";
  readonly fault: ReportFault;
};

/** Where a report's name says nothing to a person. */
const REPORT_WORDS: Partial<Record<NamedFault["report"], string>> = {
  upstream: "what the time source says of itself (NTP_DATA)",
};

/** Whether chronyd gave a report, and not merely had no source to be asked about. */
function isAnswered(report: FurtherReports[FurtherReport]): boolean {
  return report?.ok === true && !(Array.isArray(report.value) && report.value.length === 0);
}

function faultOf(report: NamedFault["report"], error: ChronyError): NamedFault {
  return { report, fault: { kind: isRefusal(error) ? "not available" : "failed", error } };
}

/** The reports that there are not, and why. */
function faultsOf(
  reports: FurtherReports,
  wanted: ReadonlySet<FurtherReport>,
): readonly NamedFault[] {
  return [...wanted].flatMap((report) => {
    const result = reports[report];
    return result === undefined || result.ok ? [] : [{ report, fault: result.error }];
  });
}
