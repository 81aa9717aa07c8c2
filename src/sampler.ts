/** The loop: ask chronyd, keep what the readings mean. */
import { setTimeout as sleep } from "node:timers/promises";
import { type ChronyAddress, ChronyClient } from "./chrony/client.ts";
import {
  describeReportFault,
  type FurtherReport,
  type FurtherReports,
  type ReportFault,
  readFurtherReports,
} from "./chrony/further-reports.ts";
import { SourceNames } from "./chrony/source-names.ts";
import { tracking } from "./chrony/tracking.ts";
import { type ClockHistory, type Reading, withReading } from "./clock/assessment.ts";
import { LastingFault } from "./lasting-fault.ts";
import type { Log } from "./log.ts";
import { readSystemClocks } from "./system-clocks.ts";

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

/** What a reading may take beside TRACKING, in milliseconds. */
const LONGEST_FURTHER_MS = 1000;

/** Reads chronyd once an interval, until it is stopped. */
export class Sampler {
  readonly #options: SamplerOptions;
  readonly #stop = new AbortController();
  readonly #furtherFault: LastingFault;
  readonly #wanted: Set<FurtherReport>;
  readonly #names = new SourceNames();
  #history: ClockHistory | undefined;
  #further: FurtherReports | undefined;
  #counts: ReadingCounts = { success: 0, failure: 0 };
  #waiting: (() => void)[] = [];
  #loop: Promise<void> | undefined;

  constructor(options: SamplerOptions) {
    this.#options = options;
    this.#wanted = new Set(options.further);
    this.#furtherFault = new LastingFault(options.log, "chronyd gives all its reports again.");
  }

  /** What the readings so far mean; `undefined` before the first one ended. */
  get history(): ClockHistory | undefined {
    return this.#history;
  }

  /** What the newest reading gave beside TRACKING; `undefined` when TRACKING was not answered. */
  get further(): FurtherReports | undefined {
    return this.#further;
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
    while (!this.#stop.signal.aborted) {
      await this.#read();
      // What was missed (a paused machine, a slow answer) is not made up for.
      const nowMs = performance.now();
      dueMs = Math.max(dueMs + this.#options.intervalMs, nowMs);
      await sleep(dueMs - nowMs, undefined, { signal: this.#stop.signal }).catch(() => undefined);
    }
  }

  async #read(): Promise<void> {
    const beganMs = performance.now();
    const client = await ChronyClient.open(this.#options.address);
    try {
      const answer = client.ok ? await client.value.ask(tracking) : client;
      // What the state is judged by belongs to this moment, however long the other reports take.
      const clocks = readSystemClocks();
      const further = client.ok && answer.ok ? await this.#readFurther(client.value) : undefined;
      const number = (this.#history?.newest.number ?? 0) + 1;
      const durationSeconds = (performance.now() - beganMs) / 1000;
      this.#keep({ number, clocks, durationSeconds, tracking: answer }, further);
    } finally {
      if (client.ok) {
        client.value.close();
      }
    }
  }

  async #readFurther(client: ChronyClient): Promise<FurtherReports> {
    const further = await readFurtherReports(client, {
      wanted: this.#wanted,
      names: this.#names,
      // The next reading must not be so late that this one counts for nothing.
      longestMs: Math.min(LONGEST_FURTHER_MS, this.#options.intervalMs),
    });
    const faults = faultsOf(further);
    for (const { report, fault } of faults) {
      if (fault.kind === "not available") {
        this.#wanted.delete(report);
        this.#options.log.info(`Without ${report} from now on. ${describeReportFault(fault)}`);
      }
    }
    const passing = faults.find(({ fault }) => fault.kind !== "not available")?.fault;
    if (passing === undefined) {
      this.#furtherFault.absent(performance.now());
    } else {
      this.#furtherFault.present(passing.kind, describeReportFault(passing), performance.now());
    }
    return further;
  }

  #keep(reading: Reading, further: FurtherReports | undefined): void {
    const { success, failure } = this.#counts;
    this.#counts = reading.tracking.ok
      ? { success: success + 1, failure }
      : { success, failure: failure + 1 };
    this.#history = withReading(this.#history, reading, this.#options.peakWidthMs);
    this.#further = further;
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

/** The reports that there are not, and why. */
function faultsOf(
  further: FurtherReports,
): readonly { readonly report: FurtherReport; readonly fault: ReportFault }[] {
  const reports = Object.keys(further) as FurtherReport[];
  return reports.flatMap((report) => {
    const result = further[report];
    return result === undefined || result.ok ? [] : [{ report, fault: result.error }];
  });
}
