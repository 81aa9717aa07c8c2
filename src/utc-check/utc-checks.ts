/**
 * Asks NTP servers for the time, apart from chronyd: whether the reference is right that chronyd
 * follows, no number of chronyd's can show. Nothing of this folder is loaded without UTC_CHECK_SERVERS.
 */
import type { Assessment } from "../clock/assessment.ts";
import { type ClockPair, timeWithSleepMs } from "../clock/clock-pair.ts";
import { stepBetween } from "../clock/step-detector.ts";
import { Condition } from "../condition.ts";
import type { Log } from "../log.ts";
import { failure, type Result } from "../result.ts";
import type { HostAndPort } from "../setting-parsers.ts";
import { askServer, findServer } from "./ask-server.ts";
import { boundAround, contradicts, isValid, type ServerAnswer, type UtcCheck } from "./check.ts";
import { readClocksExactly } from "./exact-clocks.ts";
import { type Measurement, measure, type NtpExchange } from "./measurement.ts";
import { describeNtpError, type NtpError, RATE_KISS } from "./ntp-error.ts";
import { FULL_PACE, firstDueMs, isAsked, type Pace, paceAfter, paceSkipped } from "./pace.ts";

export type UtcChecksOptions = {
  readonly servers: readonly HostAndPort[];
  /** Between two checks, in milliseconds. */
  readonly intervalMs: number;
  /** The node's own share of the interval, from 0 to 1. */
  readonly phase: number;
  readonly log: Log;
};

/** A server, and what is kept of it from one check to the next. */
type Server = {
  readonly address: HostAndPort;
  readonly fault: Condition;
  pace: Pace;
};

type FoundExchange = { readonly server: Server; readonly result: Result<NtpExchange, NtpError> };

/** Checks once an interval, from the first poll of chronyd that it is given until it is stopped. */
export class UtcChecks {
  readonly #options: UtcChecksOptions;
  readonly #servers: readonly Server[];
  readonly #contradiction: Condition;
  readonly #stop = new AbortController();
  #dueMs: number | undefined;
  /** The newest poll of chronyd. */
  #polled: Assessment | undefined;
  #underWay = false;
  /** Waits for the poll that follows an exchange. */
  #nextPoll:
    | { readonly afterMs: number; readonly resolve: (polled: Assessment) => void }
    | undefined;
  #last: UtcCheck | undefined;

  constructor(options: UtcChecksOptions) {
    const { servers, log } = options;
    this.#options = options;
    this.#servers = servers.map((address) => ({
      address,
      fault: new Condition(log, `The NTP server ${address.text} gives the time again.`),
      pace: FULL_PACE,
    }));
    this.#contradiction = new Condition(
      log,
      "An NTP server of UTC_CHECK_SERVERS agrees with the clock again.",
    );
  }

  /** A poll of chronyd has ended: a check begins with one, and its bound is that of the one after. */
  follow(polled: Assessment): void {
    this.#polled = polled;
    const next = this.#nextPoll;
    if (next !== undefined && polled.clocks.monotonicMs >= next.afterMs) {
      this.#nextPoll = undefined;
      next.resolve(polled);
    }
    const nowMs = timeWithSleepMs(polled.clocks);
    const { intervalMs, phase } = this.#options;
    this.#dueMs ??= firstDueMs(polled.clocks, intervalMs, phase);
    if (nowMs >= this.#dueMs && !this.#underWay && !this.#stop.signal.aborted) {
      this.#underWay = true;
      void this.#check().finally(() => {
        this.#underWay = false;
      });
    }
  }

  /** The last check; `undefined` when there was none, or none that still counts. */
  valid(now: ClockPair): UtcCheck | undefined {
    const last = this.#last;
    return last !== undefined && isValid(last, now, this.#options.intervalMs) ? last : undefined;
  }

  /** Ends: no socket stays open. */
  stop(): void {
    this.#stop.abort();
  }

  async #check(): Promise<void> {
    const asked = new Set(this.#servers.filter(({ pace }) => isAsked(pace)));
    const found = await this.#find([...asked]);
    const beforePoll = this.#polled;
    if (this.#stop.signal.aborted || beforePoll === undefined) {
      return;
    }
    // From the questions on, however long the names took: never sooner than the interval.
    this.#dueMs = performance.now() + beforePoll.clocks.suspendedMs + this.#options.intervalMs;
    const before = readClocksExactly();
    const exchanges = await Promise.all(found.map((each) => this.#exchange(each)));
    const after = readClocksExactly();
    if (this.#stop.signal.aborted) {
      return;
    }
    const afterPoll = await this.#pollAfter(after.monotonicMs);
    const stepped = stepBetween(beforePoll.clocks, afterPoll.clocks) !== undefined;
    const answers = this.#servers.map((server): ServerAnswer => {
      const exchange = exchanges.find((each) => each.server === server)?.result;
      if (exchange === undefined) {
        return this.#notAsked(server);
      }
      const measured = exchange.ok ? measure(exchange.value, before, after) : exchange;
      return this.#answered(
        server,
        measured.ok && stepped ? failure({ kind: "clock stepped" }) : measured,
      );
    });
    const boundMs = boundAround(beforePoll, afterPoll);
    const measurements = answers.flatMap(({ measurement }) => measurement ?? []);
    const contradiction = contradicts(measurements, boundMs);
    this.#last = { clocks: afterPoll.clocks, answers, boundMs, contradiction };
    this.#logContradiction(this.#last);
  }

  /** One after another, because a look-up that hangs holds one of the four threads that Node.js has for all files and names. */
  async #find(servers: readonly Server[]): Promise<readonly Found[]> {
    const found: Found[] = [];
    for (const server of servers) {
      const { host, port } = server.address;
      found.push({ server, address: await findServer(host, port) });
    }
    return found;
  }

  async #exchange({ server, address }: Found): Promise<FoundExchange> {
    const result = address.ok ? await askServer(address.value, this.#stop.signal) : address;
    return { server, result };
  }

  #pollAfter(afterMs: number): Promise<Assessment> {
    const { promise, resolve } = Promise.withResolvers<Assessment>();
    this.#nextPoll = { afterMs, resolve };
    return promise;
  }

  #notAsked(server: Server): ServerAnswer {
    const { text } = server.address;
    const { ended } = server.pace;
    server.pace = paceSkipped(server.pace);
    const problem = describeNtpError(text, { kind: "kiss", code: ended ?? RATE_KISS });
    return { server: text, measurement: undefined, problem };
  }

  #answered(server: Server, result: Result<Measurement, NtpError>): ServerAnswer {
    const { address, fault } = server;
    const nowMs = performance.now();
    server.pace = paceAfter(server.pace, result.ok ? undefined : result.error);
    if (result.ok) {
      fault.clear(nowMs);
      return { server: address.text, measurement: result.value, problem: undefined };
    }
    const { error } = result;
    const problem = describeNtpError(address.text, error);
    fault.raise(error.kind === "kiss" ? `kiss ${error.code}` : error.kind, problem, nowMs);
    return { server: address.text, measurement: undefined, problem };
  }

  #logContradiction(check: UtcCheck): void {
    const nowMs = performance.now();
    if (check.contradiction === true) {
      this.#contradiction.raise("contradiction", describeContradiction(check), nowMs);
    } else if (check.contradiction === false) {
      this.#contradiction.clear(nowMs);
    }
  }
}

type Found = {
  readonly server: Server;
  readonly address: Awaited<ReturnType<typeof findServer>>;
};

function describeContradiction({ answers, boundMs = 0 }: UtcCheck): string {
  const said = answers.flatMap(({ server, measurement }) =>
    measurement === undefined
      ? []
      : `${server} ${milliseconds(measurement.offsetSeconds)} +/- ${milliseconds(measurement.marginSeconds)}`,
  );
  return `No NTP server agrees with the clock: its bound was ${boundMs.toFixed(3)} ms, and they say: ${said.join(", ")} (positive: the clock is behind). chronyd's time source may be wrong.`;
}

function milliseconds(seconds: number): string {
  return `${(seconds * 1000).toFixed(3)} ms`;
}
