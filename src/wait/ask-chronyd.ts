/** Asks chronyd whether the clock is good enough. */
import { describeChronyError } from "../chrony/chrony-error.ts";
import type { ChronyAddress } from "../chrony/client.ts";
import { assess, type ClockHistory, withReading } from "../clock/assessment.ts";
import { Poller } from "../poll.ts";
import { clockFacts } from "../summary/clock-facts.ts";
import { type StartJudgement, synchronisedWithin } from "../summary/synchronised-within.ts";

/** How long the search for the followed source may take, in milliseconds. */
const LONGEST_SOURCES_MS = 1_000;

/**
 * A function that polls chronyd and judges the clock. It remembers its polls, so that it notices a step
 * between two of them. It knows no peak, because a peak needs an agent that has polled for a minute.
 */
export function chronydJudge(
  address: ChronyAddress,
  limitMs: number,
): () => Promise<StartJudgement> {
  const poller = new Poller(address);
  let history: ClockHistory | undefined;
  return async () => {
    const { reading } = await poller.poll(LONGEST_SOURCES_MS, true);
    history = withReading(history, reading, 0);
    if (!reading.tracking.ok) {
      const { error } = reading.tracking;
      return { isGood: false, kind: error.kind, sentence: describeChronyError(error) };
    }
    const assessment = assess(history, reading.clocks, Number.POSITIVE_INFINITY);
    const clock = { ...clockFacts(assessment, undefined), peakMs: undefined };
    return synchronisedWithin(clock, limitMs);
  };
}
