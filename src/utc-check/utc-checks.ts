/**
 * Asks NTP servers for the time, independently of chronyd, because no value of chronyd shows whether
 * the reference that it follows is right. Nothing of this folder is loaded without UTC_CHECK_SERVERS.
 */
import type { Assessment } from "../clock/assessment.ts";
import { type ClockPair, timeWithSleepMs } from "../clock/clock-pair.ts";
import { stepBetween } from "../clock/step-detector.ts";
import { Condition } from "../condition.ts";
import type { Log } from "../log.ts";
import { failure, type Result } from "../result.ts";
import type { HostAndPort } from "../setting-parsers.ts";
import { askServer, findServer, type ServerAddress } from "./ask-server.ts";
import {
  boundAround,
  contradicts,
  describeContradiction,
  isValid,
  type ServerAnswer,
  type UtcCheck,
} from "./check.ts";
import { readClocksExactly } from "./exact-clocks.ts";
import { measure, type NtpExchange } from "./measurement.ts";
import type { NtpError } from "./ntp-error.ts";
import { NtpServer } from "./ntp-server.ts";
import { firstDueMs } from "./pace.ts";

export type UtcChecksOptions = {
  readonly servers: readonly HostAndPort[];
  /** Between two checks, in milliseconds. */
  readonly intervalMs: number;
  /** The node's offset in the interval, from 0 to 1. */
  readonly phase: number;
  readonly log: Log;
};

/** The answers of a check, and the node's clocks before and after it, read exactly. */
type Exchanges = {
  readonly before: ClockPair;
  readonly after: ClockPair;
  readonly results: ReadonlyMap<NtpServer, Result<NtpExchange, NtpError>>;
};

/** Checks once an interval, from the first poll of chronyd until it is stopped. */
export class UtcChecks {
  readonly #options: UtcChecksOptions;
  readonly #servers: readonly NtpServer[];
  readonly #contradiction: Condition;
  readonly #stop = new AbortController();
  #dueMs: number | undefined;
  /** The newest poll of chronyd. */
  #polled: Assessment | undefined;
  #isChecking = false;
  /** Waits for the first poll after an exchange. */
  #nextPoll:
    | { readonly afterMs: number; readonly resolve: (polled: Assessment) => void }
    | undefined;
  #last: UtcCheck | undefined;

  constructor(options: UtcChecksOptions) {
    const { servers, log } = options;
    this.#options = options;
    this.#servers = servers.map((address) => new NtpServer(address, log));
    this.#contradiction = new Condition(
      log,
      "An NTP server of UTC_CHECK_SERVERS agrees with the clock again.",
    );
  }

  /** To be called after each poll of chronyd: it begins a check that is due, or completes one. */
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
    if (nowMs >= this.#dueMs && !this.#isChecking && !this.#stop.signal.aborted) {
      this.#isChecking = true;
      void this.#check().finally(() => {
        this.#isChecking = false;
      });
    }
  }

  /** The last check; `undefined` when there was none, or when it is no longer valid. */
  valid(now: ClockPair): UtcCheck | undefined {
    const last = this.#last;
    return last !== undefined && isValid(last, now, this.#options.intervalMs) ? last : undefined;
  }

  /** Ends the checks. No socket stays open. */
  stop(): void {
    this.#stop.abort();
  }

  async #check(): Promise<void> {
    const addresses = await findAddresses(this.#servers.filter(({ isAsked }) => isAsked));
    const beforePoll = this.#polled;
    if (this.#stop.signal.aborted || beforePoll === undefined) {
      return;
    }
    // Counted from the requests, not from the look-ups: servers must not be asked before the interval has passed.
    this.#dueMs = performance.now() + beforePoll.clocks.suspendedMs + this.#options.intervalMs;
    const exchanges = await this.#exchange(addresses);
    if (this.#stop.signal.aborted) {
      return;
    }
    const afterPoll = await this.#pollAfter(exchanges.after.monotonicMs);
    const isStepped = stepBetween(beforePoll.clocks, afterPoll.clocks) !== undefined;
    const answers = this.#servers.map((server) => answerOf(server, exchanges, isStepped));
    const boundMs = boundAround(beforePoll, afterPoll);
    const measurements = answers.flatMap(({ measurement }) => measurement ?? []);
    const contradiction = contradicts(measurements, boundMs);
    this.#last = { clocks: afterPoll.clocks, answers, boundMs, contradiction };
    this.#logContradiction(this.#last);
  }

  async #exchange(
    addresses: ReadonlyMap<NtpServer, Result<ServerAddress, NtpError>>,
  ): Promise<Exchanges> {
    const before = readClocksExactly();
    const results = await Promise.all(
      [...addresses].map(async ([server, address]) => {
        const result = address.ok ? await askServer(address.value, this.#stop.signal) : address;
        return [server, result] as const;
      }),
    );
    return { before, after: readClocksExactly(), results: new Map(results) };
  }

  #pollAfter(afterMs: number): Promise<Assessment> {
    const { promise, resolve } = Promise.withResolvers<Assessment>();
    this.#nextPoll = { afterMs, resolve };
    return promise;
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

/** One after another, because a look-up that hangs occupies one of Node.js' four threads for files and names. */
async function findAddresses(
  servers: readonly NtpServer[],
): Promise<ReadonlyMap<NtpServer, Result<ServerAddress, NtpError>>> {
  const addresses = new Map<NtpServer, Result<ServerAddress, NtpError>>();
  for (const server of servers) {
    addresses.set(server, await findServer(server.address.host, server.address.port));
  }
  return addresses;
}

/** @param isStepped whether the wall clock was stepped during the check */
function answerOf(
  server: NtpServer,
  { before, after, results }: Exchanges,
  isStepped: boolean,
): ServerAnswer {
  const exchange = results.get(server);
  if (exchange === undefined) {
    return server.skipped();
  }
  const measured = exchange.ok ? measure(exchange.value, before, after) : exchange;
  return server.answered(measured.ok && isStepped ? failure({ kind: "clock stepped" }) : measured);
}
