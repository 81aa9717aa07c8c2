/** The agent's parts, put together: one loop that reads, and the ways out. */
import { type ChronyError, describeChronyError } from "./chrony/chrony-error.ts";
import {
  describeSocketDirectoryFault,
  SocketDirectory,
  type SocketDirectoryFault,
} from "./chrony/socket-directory.ts";
import { sweepClientSockets } from "./chrony/unix-datagram.ts";
import { type Assessment, assess, type ClockHistory } from "./clock/assessment.ts";
import { livenessFailure } from "./health.ts";
import { LastingFault } from "./lasting-fault.ts";
import type { Log } from "./log.ts";
import { catalogueOf } from "./metrics/catalogue.ts";
import type { Observation } from "./metrics/metric.ts";
import { agentResource, nodeName } from "./metrics/resource.ts";
import {
  EMPTY_ERROR_HISTORY,
  type ErrorHistory,
  larger,
  withReadingOf,
} from "./page/error-history.ts";
import { PAGE_HEADERS, page } from "./page/page.ts";
import { describeStranger, type User } from "./privileges.ts";
import { PTP_FOLDER, readPtpClocks } from "./ptp-clocks.ts";
import { Push } from "./push/push.ts";
import { shownAddress } from "./redact.ts";
import { Sampler } from "./sampler.ts";
import { HttpServer } from "./serve/http-server.ts";
import { type Answer, plainAnswer } from "./serve/paths.ts";
import { prometheusText } from "./serve/prometheus-text.ts";
import type { Settings } from "./settings.ts";
import { StepLog } from "./step-log.ts";
import { agentReportText } from "./summary/agent-report.ts";
import { clockFacts } from "./summary/clock-facts.ts";
import { describeClockFault } from "./summary/clock-fault.ts";
import { otherSource } from "./summary/state-words.ts";
import { readSystemClocks } from "./system-clocks.ts";
import { VERSION } from "./version.ts";

/** The peak covers this, or two export intervals where that is longer. */
const SHORTEST_PEAK_WIDTH_MS = 60_000;

/** How long what waits may take to be pushed after SIGTERM. */
const LAST_PUSH_MS = 1_500;

/** Reads chronyd and reports, from {@link Agent.start} to {@link Agent.stop}. */
export class Agent {
  readonly #settings: Settings;
  readonly #log: Log;
  readonly #startedWallMs = Date.now();
  readonly #startedMs = performance.now();
  readonly #sampler: Sampler;
  readonly #push: Push | undefined;
  readonly #httpServer: HttpServer;
  readonly #readingFault: LastingFault;
  readonly #clockFault: LastingFault;
  readonly #stepLog: StepLog;
  readonly #socketDirectory: SocketDirectory | undefined;
  #errorHistory: ErrorHistory = EMPTY_ERROR_HISTORY;
  #directoryFault: { readonly sentence: string; readonly sinceMs: number } | undefined;

  /** @param runAs whom this process became, when root started it */
  constructor(settings: Settings, log: Log, runAs?: User) {
    this.#settings = settings;
    this.#log = log;
    this.#readingFault = new LastingFault(log, "chronyd answers again.");
    this.#clockFault = new LastingFault(log, "The clock is synchronised again.");
    this.#stepLog = new StepLog(log);
    const { chronyAddress, exportIntervalMs } = settings;
    this.#socketDirectory =
      chronyAddress.socketDirectory === undefined
        ? undefined
        : new SocketDirectory(chronyAddress.socketDirectory, runAs);
    this.#sampler = new Sampler({
      address: chronyAddress,
      intervalMs: settings.sleepIntervalMs,
      peakWidthMs: peakWidthMs(settings),
      further: settings.metricGroups.filter((group) => group !== "tracking"),
      log,
      afterReading: (history) => this.#afterReading(history),
    });
    const resource = agentResource(settings);
    const catalogue = catalogueOf(settings.metricGroups);
    const observe = () => this.#observe();
    this.#push = settings.pushes
      ? new Push({
          otlp: settings.otlp,
          intervalMs: exportIntervalMs,
          readingIntervalMs: settings.sleepIntervalMs,
          timeoutMs: settings.exportTimeoutMs,
          backlogMaxAgeMs: settings.backlogMaxAgeMs,
          backlogMaxBytes: settings.backlogMaxBytes,
          resource,
          catalogue,
          sampler: this.#sampler,
          observe,
          log,
        })
      : undefined;
    this.#httpServer = new HttpServer({
      host: settings.prometheusHost,
      port: settings.prometheusPort,
      answers: {
        "/": () => this.#page(nodeName(resource)),
        "/metrics": async () =>
          settings.servesMetrics
            ? prometheusText(resource, catalogue, await observe())
            : plainAnswer(404, "Not served: OTEL_METRICS_EXPORTER does not name prometheus."),
        "/status": () => this.#status(nodeName(resource)),
        "/livez": () => probeAnswer(this.#livenessFailure()),
        "/readyz": () => probeAnswer(this.#notReadyReason()),
      },
      revision: () => revisionOf(this.#assess()),
      log,
    });
    log.info("Chrony Tracker starts.", {
      version: VERSION,
      node: nodeName(resource),
      chronyd: chronyAddress.text,
      push: settings.pushes ? shownAddress(settings.otlp.url) : "off",
      port: settings.prometheusPort,
    });
  }

  /**
   * Starts everything.
   * @throws when the port cannot be had, with the system's code (EADDRINUSE, EACCES …)
   */
  async start(): Promise<void> {
    await this.#httpServer.start();
    const { socketDirectory } = this.#settings.chronyAddress;
    if (socketDirectory !== undefined) {
      await sweepClientSockets(socketDirectory);
    }
    this.#sampler.start();
    this.#push?.start();
  }

  /** Ends everything: no socket file, port or connection stays. */
  async stop(): Promise<void> {
    await Promise.all([
      this.#push?.stop(LAST_PUSH_MS),
      this.#sampler.stop(),
      this.#httpServer.stop(),
    ]);
  }

  /** What the newest poll means now; `undefined` before the first one. */
  #assess(): Assessment | undefined {
    const { history } = this.#sampler;
    return history && assess(history, readSystemClocks(), this.#settings.sleepIntervalMs);
  }

  /** All that can be reported now; `undefined` before the first poll. */
  async #observe(): Promise<Observation | undefined> {
    const further = await this.#sampler.further();
    const { history } = this.#sampler;
    const assessment = this.#assess();
    if (history === undefined || assessment === undefined) {
      return undefined;
    }
    return {
      assessment,
      further: assessment.tracking === undefined ? undefined : further,
      ptpClocks: readPtpClocks(PTP_FOLDER),
      startedWallMs: this.#startedWallMs,
      readingDurationSeconds: history.newest.durationSeconds,
      readings: this.#sampler.counts,
      exports: this.#push?.counts,
      backlog: this.#push?.backlog,
    };
  }

  async #page(node: string): Promise<Answer> {
    const observation = await this.#observe();
    const { assessment } = observation ?? {};
    const tracking = this.#sampler.history?.newest.tracking;
    const { chronyAddress, sleepIntervalMs, servesMetrics } = this.#settings;
    const body = page({
      node,
      version: VERSION,
      chronyAddress: chronyAddress.text,
      wallMs: Date.now(),
      clock: assessment && clockFacts(assessment, observation?.further),
      peakWidthSeconds: peakWidthMs(this.#settings) / 1000,
      problem: tracking?.ok === false ? this.#describe(tracking.error) : undefined,
      steps: assessment?.steps ?? 0,
      lastStepSeconds: assessment?.lastStepSeconds,
      history: this.#errorHistory,
      readingIntervalSeconds: sleepIntervalMs / 1000,
      nowSecond: Math.floor(performance.now() / 1000),
      push: this.#push?.facts,
      servesMetrics,
    });
    return { status: 200, contentType: "text/html; charset=utf-8", headers: PAGE_HEADERS, body };
  }

  async #status(node: string): Promise<Answer> {
    const observation = await this.#observe();
    if (observation === undefined) {
      return plainAnswer(503, "chronyd was not asked yet. Try again in a second.");
    }
    const body = agentReportText({
      version: VERSION,
      node,
      clock: clockFacts(observation.assessment, observation.further),
      peakWidthSeconds: peakWidthMs(this.#settings) / 1000,
      push: this.#push?.facts,
    });
    return { status: 200, contentType: "application/json", headers: STATUS_HEADERS, body };
  }

  #afterReading(history: ClockHistory): void {
    const { newest } = history;
    const nowMs = newest.clocks.monotonicMs;
    const now = assess(history, newest.clocks, this.#settings.sleepIntervalMs);
    const largestMs = larger(now.clockErrorMs, now.clockErrorBoundMs);
    this.#errorHistory = withReadingOf(this.#errorHistory, largestMs, nowMs);
    this.#keepDirectoryFault(this.#socketDirectory?.check(), nowMs);

    if (newest.tracking.ok) {
      this.#readingFault.absent(nowMs);
      this.#tellClockFault(history, now);
    } else {
      const { error } = newest.tracking;
      this.#readingFault.present(error.kind, this.#describe(error), nowMs);
    }
    this.#stepLog.follow(history.stepMs, nowMs);
    if (history.leapSecond) {
      this.#log.info("A leap second passed: the wall clock was set by one second, as UTC was.");
    }
  }

  #describe(error: ChronyError): string {
    const { socketDirectory } = this.#settings.chronyAddress;
    const stranger = socketDirectory === undefined ? undefined : describeStranger(socketDirectory);
    return [describeChronyError(error), stranger].filter(Boolean).join(" ");
  }

  #tellClockFault(history: ClockHistory, assessment: Assessment): void {
    const { clocks } = history.newest;
    if (describeClockFault(assessment, undefined) === undefined) {
      this.#clockFault.absent(clocks.monotonicMs);
      return;
    }
    void this.#sampler.further().then((further) => {
      const other = otherSource(clockFacts(assessment, further));
      const sentence = describeClockFault(assessment, other);
      // Meanwhile another poll may have found the clock well.
      if (sentence !== undefined && this.#sampler.history === history) {
        this.#clockFault.present(assessment.state, sentence, clocks.monotonicMs);
      }
      return sentence;
    });
  }

  #keepDirectoryFault(fault: SocketDirectoryFault | undefined, nowMs: number): void {
    if (fault === undefined) {
      this.#directoryFault = undefined;
    } else if (this.#directoryFault === undefined) {
      const sentence = describeSocketDirectoryFault(fault);
      this.#directoryFault = { sentence, sinceMs: nowMs };
      this.#log.error(sentence);
    }
  }

  #livenessFailure(): string | undefined {
    return livenessFailure(
      {
        lastReadingMs: this.#sampler.history?.newest.clocks.monotonicMs ?? this.#startedMs,
        readingIntervalMs: this.#settings.sleepIntervalMs,
        directoryFault: this.#directoryFault,
      },
      performance.now(),
    );
  }

  #notReadyReason(): string | undefined {
    if (this.#sampler.history === undefined) {
      return "chronyd was not asked yet.";
    }
    return this.#push?.tried === false ? "The first push was not tried yet." : undefined;
  }
}

/** A node's numbers are of this moment. */
const STATUS_HEADERS = { "cache-control": "no-store", "x-content-type-options": "nosniff" };

function probeAnswer(failure: string | undefined): Answer {
  return failure === undefined ? plainAnswer(200, "ok") : plainAnswer(503, failure);
}

/** Another for each poll of chronyd, and when the newest poll has become too old to count. */
function revisionOf(assessment: Assessment | undefined): string {
  return assessment === undefined
    ? "before the first poll"
    : `${assessment.clocks.monotonicMs} ${assessment.state}`;
}

function peakWidthMs({ exportIntervalMs }: Settings): number {
  return Math.max(SHORTEST_PEAK_WIDTH_MS, 2 * exportIntervalMs);
}
