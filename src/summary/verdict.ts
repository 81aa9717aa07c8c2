/**
 * The verdict on a clock, in the four words of monitoring plugins:
 *
 * | state            | verdict                                                       |
 * |------------------|---------------------------------------------------------------|
 * | `synchronised`   | by the thresholds: ok, warning or critical                    |
 * | `stale`          | warning, or critical by the threshold: the error grows        |
 * | `stepped`        | critical: the error is not known until chronyd's next update  |
 * | `local`          | critical: the error is not known, and chronyd reports 0       |
 * | `unsynchronised` | critical                                                      |
 * | `unreachable`    | unknown                                                       |
 *
 * What is compared with the thresholds is the peak, the largest of error and bound over its window;
 * where only chronyd could be asked, the larger of error and bound now. Thresholds are exceeded, not
 * met. A reference time that is ahead of the clock is a warning: the clock was set back, so how old
 * chronyd's time is cannot be told, and a source that is gone would go unseen. A source that follows
 * its own clock is a warning too: the bound is counted from a time that may be anything. So are NTP
 * servers that all contradict the bound (utc-check/).
 */
import type { ClockFacts } from "./clock-facts.ts";
import { milliseconds } from "./quantities.ts";
import type { Thresholds } from "./thresholds.ts";

export type Verdict = "ok" | "warning" | "critical" | "unknown";

export type Judgement = {
  readonly verdict: Verdict;
  /** The reason, if the state does not explain the verdict, as one sentence. */
  readonly reason: string | undefined;
};

/** The input of {@link judge}. */
export type JudgedFacts = Pick<
  ClockFacts,
  | "state"
  | "errorMs"
  | "boundMs"
  | "peakMs"
  | "referenceTimeIsAhead"
  | "upstreamIsLocal"
  | "utcCheck"
>;

/** The verdict on a clock, with a reason if the state does not explain it. */
export function judge(facts: JudgedFacts, thresholds: Thresholds): Judgement {
  switch (facts.state) {
    case "unreachable":
      return { verdict: "unknown", reason: undefined };
    case "stepped":
    case "local":
    case "unsynchronised":
      return { verdict: "critical", reason: undefined };
    case "stale":
      return atLeastWarning(byThresholds(facts, thresholds), reasonForWarning(facts));
    case "synchronised": {
      const reason = reasonForWarning(facts);
      const judgement = byThresholds(facts, thresholds);
      return reason === undefined ? judgement : atLeastWarning(judgement, reason);
    }
  }
}

/** Why a synchronised clock gets a warning, whatever its error, as one sentence. */
export function reasonForWarning(facts: JudgedFacts): string | undefined {
  if (facts.utcCheck?.contradiction === true) {
    return SERVERS_CONTRADICT;
  }
  if (facts.upstreamIsLocal === true) {
    return SOURCE_RUNS_FREE;
  }
  return facts.referenceTimeIsAhead ? CLOCK_WAS_SET_BACK : undefined;
}

const SERVERS_CONTRADICT =
  "No NTP server of UTC_CHECK_SERVERS agrees with the clock: its time source may be wrong.";

const SOURCE_RUNS_FREE =
  "The time source reports that it follows its own clock: it and this clock may be wrong by any amount.";

const CLOCK_WAS_SET_BACK = "chronyd's last update is in the future: the clock was set back since.";

function atLeastWarning(judgement: Judgement, reason: string | undefined): Judgement {
  return judgement.verdict === "ok" ? { verdict: "warning", reason } : judgement;
}

/** The value that is compared with a threshold, and whether it is peak, error or bound. */
export type JudgedValue = {
  readonly name: "error" | "bound" | "peak";
  readonly valueMs: number;
};

/** The largest of peak, error and bound; `undefined` when error or bound is not known. */
export function judgedValue({ errorMs, boundMs, peakMs }: JudgedFacts): JudgedValue | undefined {
  if (errorMs === undefined || boundMs === undefined) {
    return undefined;
  }
  const valueMs = Math.max(errorMs, boundMs, peakMs ?? 0);
  const name = boundMs >= valueMs ? "bound" : errorMs >= valueMs ? "error" : "peak";
  return { name, valueMs };
}

function byThresholds(facts: JudgedFacts, { warningMs, criticalMs }: Thresholds): Judgement {
  const judged = judgedValue(facts);
  if (judged === undefined) {
    return { verdict: "unknown", reason: "The error of the clock was not reported." };
  }
  const { name, valueMs } = judged;
  if (valueMs <= warningMs) {
    return { verdict: "ok", reason: undefined };
  }
  const isCritical = valueMs > criticalMs;
  const thresholdMs = isCritical ? criticalMs : warningMs;
  return {
    verdict: isCritical ? "critical" : "warning",
    reason: `The ${name} of ${milliseconds(valueMs)} is above ${thresholdMs} ms.`,
  };
}
