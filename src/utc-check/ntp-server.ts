/** One NTP server of UTC_CHECK_SERVERS, and what is kept of it from one check to the next. */
import { Condition } from "../condition.ts";
import type { Log } from "../log.ts";
import type { Result } from "../result.ts";
import type { HostAndPort } from "../setting-parsers.ts";
import type { ServerAnswer } from "./check.ts";
import type { Measurement } from "./measurement.ts";
import { describeNtpError, type NtpError, RATE_KISS } from "./ntp-error.ts";
import { FULL_PACE, isAsked, type Pace, paceAfter, paceSkipped } from "./pace.ts";

/** A server at the pace that it allows. Its faults are logged. */
export class NtpServer {
  readonly address: HostAndPort;
  readonly #fault: Condition;
  #pace: Pace = FULL_PACE;

  constructor(address: HostAndPort, log: Log) {
    this.address = address;
    this.#fault = new Condition(log, `The NTP server ${address.text} gives the time again.`);
  }

  /** Whether the check that begins now asks it. */
  get isAsked(): boolean {
    return isAsked(this.#pace);
  }

  /** The check did not ask it. */
  skipped(): ServerAnswer {
    const code = this.#pace.ended ?? RATE_KISS;
    this.#pace = paceSkipped(this.#pace);
    return this.#withoutTime({ kind: "kiss", code });
  }

  /** The check asked it, with this result. */
  answered(result: Result<Measurement, NtpError>): ServerAnswer {
    this.#pace = paceAfter(this.#pace, result.ok ? undefined : result.error);
    const nowMs = performance.now();
    if (result.ok) {
      this.#fault.clear(nowMs);
      return { server: this.address.text, measurement: result.value, problem: undefined };
    }
    const { error } = result;
    const answer = this.#withoutTime(error);
    const kind = error.kind === "kiss" ? `kiss ${error.code}` : error.kind;
    this.#fault.raise(kind, answer.problem, nowMs);
    return answer;
  }

  #withoutTime(error: NtpError) {
    const { text } = this.address;
    return { server: text, measurement: undefined, problem: describeNtpError(text, error) };
  }
}
