/** Wires the agent's parts together: the loop that polls chronyd, the push, and the HTTP server. */
import { SocketDirectory } from "./chrony/socket-directory.ts";
import { sweepClientSockets } from "./chrony/unix-datagram.ts";
import { type Assessment, assess, type ClockHistory } from "./clock/assessment.ts";
import { ClockLog, describePollProblem } from "./clock-log.ts";
import { Health } from "./health.ts";
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
import type { User } from "./privileges.ts";
import { PTP_FOLDER, readPtpClocks } from "./ptp-clocks.ts";
import { Push, phaseOf } from "./push/push.ts";
import { shownAddress } from "./redact.ts";
import { Sampler } from "./sampler.ts";
import { HttpServer } from "./serve/http-server.ts";
import { type Answer, NOT_ASKED_YET, plainAnswer } from "./serve/paths.ts";
import { prometheusText } from "./serve/prometheus-text.ts";
import { synchronisedAnswer } from "./serve/synchronised.ts";
import type { Settings } from "./settings.ts";
import { agentReportText } from "./summary/agent-report.ts";
import { type ClockFacts, clockFacts } from "./summary/clock-facts.ts";
import { utcCheckFacts } from "./summary/utc-check-facts.ts";
import { readSystemClocks } from "./system-clocks.ts";
import type { UtcChecks } from "./utc-check/utc-checks.ts";
import { VERSION } from "./version.ts";

/** The window of the peak, or two export intervals if that is longer. */
const SHORTEST_PEAK_WIDTH_MS = 60_000;

/** How long the last push may take after SIGTERM. */
const LAST_PUSH_MS = 1_500;

/** Reads chronyd and reports, from {@link Agent.start} to {@link Agent.stop}. */
export class Agent {
  readonly #settings: Settings;
  readonly #log: Log;
  readonly #node: string;
  readonly #startedWallMs = Date.now();
  readonly #sampler: Sampler;
  readonly #push: Push | undefined;
  readonly #httpServer: HttpServer;
  readonly #clockLog: ClockLog;
  readonly #health: Health;
  #utcChecks: UtcChecks | undefined;
  #errorHistory: ErrorHistory = EMPTY_ERROR_HISTORY;

  /** @param runAs the user that this process became, if root started it */
  constructor(settings: Settings, log: Log, runAs?: User) {
    this.#settings = settings;
    this.#log = log;
    this.#clockLog = new ClockLog(log);
    const { chronyAddress, exportIntervalMs, sleepIntervalMs } = settings;
    const { socketDirectory } = chronyAddress;
    const directory =
      socketDirectory === undefined ? undefined : new SocketDirectory(socketDirectory, runAs);
    this.#health = new Health(log, directory, sleepIntervalMs, performance.now());
    this.#sampler = new Sampler({
      address: chronyAddress,
      intervalMs: sleepIntervalMs,
      peakWidthMs: peakWidthMs(settings),
      optional: settings.metricGroups.filter((group) => group !== "tracking"),
      log,
      afterReading: (history) => this.#afterPoll(history),
    });
    const resource = agentResource(settings);
    this.#node = nodeName(resource);
    const catalogue = catalogueOf(settings.metricGroups);
    const observe = () => this.#observe();
    this.#push = settings.pushes
      ? new Push({
          otlp: settings.otlp,
          intervalMs: exportIntervalMs,
          readingIntervalMs: sleepIntervalMs,
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
        "/": () => this.#page(),
        "/metrics": async () =>
          settings.servesMetrics
            ? prometheusText(resource, catalogue, await observe())
            : plainAnswer(404, "Not served: OTEL_METRICS_EXPORTER does not contain prometheus."),
        "/status": () => this.#status(),
        "/synchronised": (query) => this.#synchronised(query),
        "/livez": () => probeAnswer(this.#health.livenessFailure(performance.now())),
        "/readyz": () => probeAnswer(this.#notReadyReason()),
      },
      revision: () => revisionOf(this.#assess()),
      log,
    });
    log.info("Chrony Tracker starts.", {
      version: VERSION,
      node: this.#node,
      chronyd: chronyAddress.text,
      push: settings.pushes ? shownAddress(settings.otlp.url) : "off",
      port: settings.prometheusPort,
    });
  }

  /**
   * Starts everything.
   * @throws with the system's code (EADDRINUSE, EACCES …) when the port is not available
   */
  async start(): Promise<void> {
    await this.#httpServer.start();
    const { socketDirectory } = this.#settings.chronyAddress;
    if (socketDirectory !== undefined) {
      sweepClientSockets(socketDirectory);
    }
    this.#utcChecks = await this.#loadUtcChecks();
    this.#sampler.start();
    this.#push?.start();
  }

  /** Stops everything, and closes every socket file, port and connection. */
  async stop(): Promise<void> {
    this.#utcChecks?.stop();
    await Promise.all([
      this.#push?.stop(LAST_PUSH_MS),
      this.#sampler.stop(),
      this.#httpServer.stop(),
    ]);
  }

  async #loadUtcChecks(): Promise<UtcChecks | undefined> {
    const { utcCheckServers: servers, utcCheckIntervalMs: intervalMs } = this.#settings;
    if (servers === undefined) {
      return undefined;
    }
    // Loaded only here, because most agents do not ask NTP servers.
    const module = await import("./utc-check/utc-checks.ts");
    return new module.UtcChecks({
      servers,
      intervalMs,
      phase: phaseOf(this.#node),
      log: this.#log,
    });
  }

  /** What the newest poll means now; `undefined` before the first one. */
  #assess(): Assessment | undefined {
    const { history } = this.#sampler;
    return history && assess(history, readSystemClocks(), this.#settings.sleepIntervalMs);
  }

  /** The input of a collection now; `undefined` before the first poll. */
  async #observe(): Promise<Observation | undefined> {
    const optional = await this.#sampler.optionalReports();
    const { history } = this.#sampler;
    const assessment = this.#assess();
    if (history === undefined || assessment === undefined) {
      return undefined;
    }
    return {
      assessment,
      optional: assessment.tracking === undefined ? undefined : optional,
      utcCheck: this.#utcChecks?.valid(assessment.clocks),
      ptpClocks: readPtpClocks(PTP_FOLDER),
      startedWallMs: this.#startedWallMs,
      readingDurationSeconds: history.newest.durationSeconds,
      readings: this.#sampler.counts,
      exports: this.#push?.results.counts,
      backlog: this.#push?.backlog,
    };
  }

  async #page(): Promise<Answer> {
    const observation = await this.#observe();
    const { assessment } = observation ?? {};
    const { chronyAddress, sleepIntervalMs, servesMetrics } = this.#settings;
    const body = page({
      node: this.#node,
      version: VERSION,
      chronyAddress: chronyAddress.text,
      wallMs: Date.now(),
      clock: assessment && this.#clockFacts(assessment, observation?.optional),
      peakWidthSeconds: peakWidthMs(this.#settings) / 1000,
      problem: this.#pollProblem(this.#sampler.history),
      steps: assessment?.steps ?? 0,
      lastStepSeconds: assessment?.lastStepSeconds,
      history: this.#errorHistory,
      readingIntervalSeconds: sleepIntervalMs / 1000,
      nowSecond: Math.floor(performance.now() / 1000),
      push: this.#push?.results.facts,
      servesMetrics,
    });
    return { status: 200, contentType: "text/html; charset=utf-8", headers: PAGE_HEADERS, body };
  }

  async #status(): Promise<Answer> {
    const observation = await this.#observe();
    if (observation === undefined) {
      return plainAnswer(503, NOT_ASKED_YET);
    }
    const body = agentReportText({
      version: VERSION,
      node: this.#node,
      clock: this.#clockFacts(observation.assessment, observation.optional),
      peakWidthSeconds: peakWidthMs(this.#settings) / 1000,
      push: this.#push?.results.facts,
    });
    return { status: 200, contentType: "application/json", headers: CLOCK_HEADERS, body };
  }

  #synchronised(query: string): Answer {
    const assessment = this.#assess();
    const clock = assessment && this.#clockFacts(assessment, undefined);
    return { ...synchronisedAnswer(query, clock), headers: CLOCK_HEADERS };
  }

  #clockFacts(assessment: Assessment, optional: Observation["optional"]): ClockFacts {
    const checks = this.#utcChecks;
    return clockFacts(
      assessment,
      optional,
      checks && utcCheckFacts(checks.valid(assessment.clocks), assessment),
    );
  }

  #afterPoll(history: ClockHistory): void {
    const { clocks } = history.newest;
    const now = assess(history, clocks, this.#settings.sleepIntervalMs);
    const largestMs = larger(now.clockErrorMs, now.clockErrorBoundMs);
    this.#errorHistory = withReadingOf(this.#errorHistory, largestMs, clocks.monotonicMs);
    this.#health.follow(clocks.monotonicMs);
    this.#utcChecks?.follow(now);
    this.#clockLog.follow(history, now, this.#pollProblem(history), () =>
      this.#sampler.optionalReports(),
    );
  }

  #pollProblem(history: ClockHistory | undefined): string | undefined {
    return describePollProblem(history, this.#settings.chronyAddress.socketDirectory);
  }

  #notReadyReason(): string | undefined {
    if (this.#sampler.history === undefined) {
      return "chronyd has not been polled yet.";
    }
    return this.#push?.results.tried === false
      ? "The first push has not been tried yet."
      : undefined;
  }
}

/** The numbers are valid only now, so no cache may keep them. */
const CLOCK_HEADERS = { "cache-control": "no-store", "x-content-type-options": "nosniff" };

function probeAnswer(failure: string | undefined): Answer {
  return failure === undefined ? plainAnswer(200, "ok") : plainAnswer(503, failure);
}

/** Changes with each poll of chronyd, and when the newest poll becomes too old. */
function revisionOf(assessment: Assessment | undefined): string {
  return assessment === undefined
    ? "before the first poll"
    : `${assessment.clocks.monotonicMs} ${assessment.state}`;
}

function peakWidthMs({ exportIntervalMs }: Settings): number {
  return Math.max(SHORTEST_PEAK_WIDTH_MS, 2 * exportIntervalMs);
}
