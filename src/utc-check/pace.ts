/** When the servers are asked, and how often each. Pure functions: every time is an argument. */
import { type ClockPair, timeWithSleepMs } from "../clock/clock-pair.ts";
import { FINAL_KISSES, type NtpError, RATE_KISS } from "./ntp-error.ts";

/**
 * When the first check after a start is due, by {@link timeWithSleepMs}. Each node has its own phase of
 * the interval by the wall clock. So the nodes of a cluster do not ask at the same time, and an agent
 * that restarts again and again does not ask more often.
 * @param phase the node's offset in the interval, from 0 to 1
 */
export function firstDueMs(now: ClockPair, intervalMs: number, phase: number): number {
  const sinceMs = (now.wallMs - phase * intervalMs) % intervalMs;
  return timeWithSleepMs(now) + ((intervalMs - sinceMs) % intervalMs);
}

/** How often a server is asked, as its answers so far demand. */
export type Pace = {
  /** It is asked in one of this many checks. */
  readonly every: number;
  /** How many of the next checks do not ask it. */
  readonly skips: number;
  /** The kiss code by which the server demanded not to be asked any more. */
  readonly ended: string | undefined;
};

export const FULL_PACE: Pace = { every: 1, skips: 0, ended: undefined };

/** The longest interval between two requests to a server that demands fewer, in checks. */
const RAREST = 64;

/** Whether a server is asked in the check that begins now. */
export function isAsked({ skips, ended }: Pace): boolean {
  return skips === 0 && ended === undefined;
}

/** After a check in which the server was not asked. */
export function paceSkipped(pace: Pace): Pace {
  return { ...pace, skips: Math.max(0, pace.skips - 1) };
}

/**
 * After the server was asked. Each RATE doubles its interval. It is not shortened again before the agent
 * restarts, because the server would then send the next RATE.
 * @param error why the server gave no time; `undefined` when it did
 */
export function paceAfter(pace: Pace, error: NtpError | undefined): Pace {
  const code = error?.kind === "kiss" ? error.code : undefined;
  if (code !== undefined && FINAL_KISSES.includes(code)) {
    return { ...pace, ended: code };
  }
  const every = code === RATE_KISS ? Math.min(2 * pace.every, RAREST) : pace.every;
  return { ...pace, every, skips: every - 1 };
}
