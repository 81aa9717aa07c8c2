/** When servers are asked, and which: pure, with every time as an argument. */
import { type ClockPair, timeWithSleepMs } from "../clock/clock-pair.ts";
import { FINAL_KISSES, type NtpError, RATE_KISS } from "./ntp-error.ts";

/**
 * When the first check after a start is due, by {@link timeWithSleepMs}: at the next moment of the wall
 * clock that is the node's own. So the nodes of a cluster are spread over the interval, and an agent
 * that restarts again and again asks no more often than one that lives.
 * @param phase the node's own share of the interval, from 0 to 1
 */
export function firstDueMs(now: ClockPair, intervalMs: number, phase: number): number {
  const sinceMs = (now.wallMs - phase * intervalMs) % intervalMs;
  return timeWithSleepMs(now) + ((intervalMs - sinceMs) % intervalMs);
}

/** How often a server may be asked, after all that it answered. */
export type Pace = {
  /** Of so many checks it is asked in one. */
  readonly every: number;
  /** How many checks go by without it from now on. */
  readonly skips: number;
  /** It asked not to be asked any more: the kiss code. */
  readonly ended: string | undefined;
};

export const FULL_PACE: Pace = { every: 1, skips: 0, ended: undefined };

/** The longest interval between two questions to a server that asks for fewer, in checks. */
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
 * After the server was asked. Each RATE doubles its interval until the agent restarts, since a server
 * that is asked as before would send the next one.
 * @param error why it gave no time; `undefined` when it did
 */
export function paceAfter(pace: Pace, error: NtpError | undefined): Pace {
  const code = error?.kind === "kiss" ? error.code : undefined;
  if (code !== undefined && FINAL_KISSES.includes(code)) {
    return { ...pace, ended: code };
  }
  const every = code === RATE_KISS ? Math.min(2 * pace.every, RAREST) : pace.every;
  return { ...pace, every, skips: every - 1 };
}
