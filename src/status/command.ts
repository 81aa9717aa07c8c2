/** `chrony-tracker status`: polls chronyd, prints the report, and exits with the code of the verdict. */
import { setTimeout as sleep } from "node:timers/promises";
import type { ParsedChronyAddress } from "../chrony/address.ts";
import { describeChronyError } from "../chrony/chrony-error.ts";
import {
  describeReportFault,
  type OptionalReport,
  type OptionalReports,
} from "../chrony/optional-reports.ts";
import { assess, type ClockHistory, withReading } from "../clock/assessment.ts";
import { PUBLISHES } from "../clock/sync-state.ts";
import { STATUS_EXIT } from "../exit-codes.ts";
import { agentResource, nodeName } from "../metrics/resource.ts";
import { Poller } from "../poll.ts";
import { becomeOwner } from "../privileges.ts";
import { readSettings, type Settings } from "../settings.ts";
import { describeOutputError, print } from "../standard-output.ts";
import { type ClockFacts, clockFacts, UNREACHABLE } from "../summary/clock-facts.ts";
import type { Thresholds } from "../summary/thresholds.ts";
import { judge } from "../summary/verdict.ts";
import { agentUrl, askAgent } from "./agent-client.ts";
import { briefView } from "./brief-view.ts";
import { fullView } from "./full-view.ts";
import { jsonView } from "./json-view.ts";
import { parseStatusOptions, STATUS_HELP, type StatusOptions } from "./options.ts";
import { isFaultOfOurs } from "./own-fault.ts";
import type { StatusReport } from "./report.ts";
import { rendered } from "./styled-line.ts";
import { frame, hasColours, reportWidth } from "./terminal.ts";

/**
 * Runs the command.
 * @param args the arguments after `status`
 * @returns the exit code (exit-codes.ts)
 */
export async function status(
  args: readonly string[],
  environment: NodeJS.ProcessEnv,
): Promise<number> {
  const options = parseStatusOptions(args);
  if (!options.ok) {
    process.stderr.write(`${options.error}\n`);
    return STATUS_EXIT.unknown;
  }
  if (options.value.help) {
    return await printed(STATUS_HELP, STATUS_EXIT.ok);
  }
  const settings = readSettings(environment);
  if (!settings.ok) {
    process.stderr.write(settings.error.map((problem) => `${problem}\n`).join(""));
    return STATUS_EXIT.unknown;
  }
  const { form, watch } = options.value;
  const observer = new Observer(settings.value, options.value);
  return watch
    ? await showAgainAndAgain(observer, form, settings.value.sleepIntervalMs)
    : await show(await observer.observe(), form);
}

/** Prints a text. @returns the exit code, or another one if the text could not be written */
async function printed(text: string, exitCode: number, readerLeft?: () => void): Promise<number> {
  const written = await print(text);
  if (written.ok) {
    return exitCode;
  }
  readerLeft?.();
  if (written.error.kind === "reader left") {
    // A reader that has closed the pipe is no error (`| head -1`).
    return exitCode;
  }
  process.stderr.write(`${describeOutputError(written.error)}\n`);
  return STATUS_EXIT.unknown;
}

/** Repeats until Ctrl-C, or until the reader closes the pipe. @returns the exit code of the last report */
async function showAgainAndAgain(
  observer: Observer,
  form: StatusOptions["form"],
  intervalMs: number,
): Promise<number> {
  const ended = new AbortController();
  const end = () => ended.abort();
  process.once("SIGINT", end);
  process.once("SIGTERM", end);
  let exitCode: number = STATUS_EXIT.unknown;
  for (let number = 1; !ended.signal.aborted; number += 1) {
    const beganMs = performance.now();
    exitCode = await show(await observer.observe(), form, { number, end });
    const leftMs = Math.max(intervalMs - (performance.now() - beganMs), 0);
    await sleep(leftMs, undefined, { signal: ended.signal }).catch(() => undefined);
  }
  return exitCode;
}

/** The time limit for reading the sources, in milliseconds; short, because the user waits. */
const LONGEST_SOURCES_MS = 1_000;

const SOURCES: ReadonlySet<OptionalReport> = new Set(["sources"]);

/** Makes the reports, and keeps the state from one poll to the next. */
class Observer {
  readonly #address: ParsedChronyAddress;
  readonly #poller: Poller;
  readonly #node: string;
  readonly #agentUrl: string | undefined;
  readonly #thresholds: Thresholds;
  #history: ClockHistory | undefined;

  constructor(settings: Settings, { address, thresholds }: StatusOptions) {
    this.#address = address ?? settings.chronyAddress;
    this.#poller = new Poller(this.#address);
    this.#node = nodeName(agentResource(settings));
    // An agent reports only on the chronyd at CHRONY_ADDRESS.
    const isAgents = this.#address.text === settings.chronyAddress.text;
    this.#agentUrl = isAgents
      ? agentUrl(settings.prometheusHost, settings.prometheusPort)
      : undefined;
    this.#thresholds = thresholds;
    if (this.#address.socketDirectory !== undefined) {
      becomeOwner(this.#address.socketDirectory);
    }
  }

  async observe(): Promise<StatusReport> {
    const { reading } = await this.#poller.poll(LONGEST_SOURCES_MS, true);
    const optional = reading.tracking.ok
      ? await this.#poller.optionalReports(SOURCES, LONGEST_SOURCES_MS)
      : undefined;
    // Asked after chronyd, so that the agent's report is not older than the failed poll.
    const url = this.#agentUrl;
    const agent = url === undefined ? undefined : { url, report: await askAgent(url) };
    this.#history = withReading(this.#history, reading, 0);
    const agentClock = agent?.report.ok ? agent.report.value.clock : undefined;
    const found = this.#found(this.#history, optional?.sources, agentClock);
    return {
      node: this.#node,
      wallMs: reading.clocks.wallMs,
      chronyAddress: this.#address.text,
      ...found,
      judgement: judge(found.clock, this.#thresholds),
      thresholds: this.#thresholds,
      agent,
    };
  }

  #found(
    history: ClockHistory,
    sources: OptionalReports["sources"],
    agentClock: ClockFacts | undefined,
  ): Pick<StatusReport, "clock" | "saidBy" | "problems"> {
    const reading = history.newest;
    if (reading.tracking.ok) {
      const assessment = assess(history, reading.clocks, Number.POSITIVE_INFINITY);
      const clock = clockFacts(assessment, { sources });
      return {
        clock: {
          ...clock,
          peakMs: PUBLISHES[clock.state].boundAndPeak ? agentClock?.peakMs : undefined,
          utcCheck: agentClock?.utcCheck,
        },
        saidBy: "chronyd",
        problems: sources?.ok === false ? [describeReportFault(sources.error)] : [],
      };
    }
    const { error } = reading.tracking;
    const problem = describeChronyError(error);
    if (!isFaultOfOurs(error, this.#address)) {
      return { clock: UNREACHABLE, saidBy: "nobody", problems: [problem] };
    }
    return agentClock === undefined
      ? { clock: UNREACHABLE, saidBy: "nobody", problems: [problem] }
      : {
          clock: agentClock,
          saidBy: "agent",
          problems: [problem, "These facts are from the agent's last poll."],
        };
  }
}

/** The number of a repeated report, from 1, and how to end when the reader has gone. */
type Watched = { readonly number: number; readonly end: () => void };

/** Prints a report. @returns the exit code of the verdict */
async function show(
  report: StatusReport,
  form: StatusOptions["form"],
  watched?: Watched,
): Promise<number> {
  const exitCode = STATUS_EXIT[report.judgement.verdict];
  return await printed(textOf(report, form, watched?.number), exitCode, watched?.end);
}

function textOf(report: StatusReport, form: StatusOptions["form"], number?: number): string {
  const { stdout, env } = process;
  switch (form) {
    case "brief":
      return `${briefView(report)}\n`;
    case "json":
      // Repeated reports are one line each (JSON Lines).
      return `${JSON.stringify(jsonView(report), undefined, number === undefined ? 2 : 0)}\n`;
    case "full": {
      const colours = hasColours(stdout, env);
      const lines = fullView(report, reportWidth(stdout)).map((line) => rendered(line, colours));
      return number === undefined ? `${lines.join("\n")}\n` : frame(lines, number, stdout, env);
    }
  }
}
