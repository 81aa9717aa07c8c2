/**
 * How good a clock is, in the four words of monitoring plugins, with their exit codes:
 *
 * | state            | verdict                                                      | exit code |
 * |------------------|--------------------------------------------------------------|-----------|
 * | `synchronised`   | by the thresholds: ok, warning or critical                   | 0, 1, 2   |
 * | `stale`          | warning, or critical by the threshold: the error grows       | 1, 2      |
 * | `local`          | critical: nobody knows the error, and chronyd reports 0      | 2         |
 * | `unsynchronised` | critical                                                     | 2         |
 * | `unreachable`    | unknown                                                      | 3         |
 *
 * The thresholds are compared with the larger one of error and bound, and are exceeded, not met, as
 * monitoring plugins have it. The peak is of the past and is not judged. A reference time that is
 * ahead of the clock is a warning: the clock was set back, and how old chronyd's time is cannot be
 * told, so a source that is gone would go unseen.
 */
import type { ClockFacts } from "./clock-facts.ts";
import { milliseconds } from "./quantities.ts";

export type Verdict = "ok" | "warning" | "critical" | "unknown";

/** As monitoring plugins end. */
export const EXIT_CODES: Readonly<Record<Verdict, number>> = {
  ok: 0,
  warning: 1,
  critical: 2,
  unknown: 3,
};

/** Milliseconds that the larger one of error and bound must not exceed. */
export type Thresholds = { readonly warningMs: number; readonly criticalMs: number };

/** A healthy node has hundredths of a millisecond; databases and logs begin to disagree at some ten. */
export const DEFAULT_THRESHOLDS: Thresholds = { warningMs: 10, criticalMs: 100 };

export type Judgement = {
  readonly verdict: Verdict;
  /** What the state alone does not say, as one sentence. */
  readonly reason: string | undefined;
};

export function judge(facts: ClockFacts, thresholds: Thresholds): Judgement {
  switch (facts.state) {
    case "unreachable":
      return { verdict: "unknown", reason: undefined };
    case "local":
    case "unsynchronised":
      return { verdict: "critical", reason: undefined };
    case "stale":
      return atLeastWarning(byThresholds(facts, thresholds), undefined);
    case "synchronised":
      return facts.referenceTimeIsAhead
        ? atLeastWarning(byThresholds(facts, thresholds), CLOCK_WAS_SET_BACK)
        : byThresholds(facts, thresholds);
  }
}

const CLOCK_WAS_SET_BACK =
  "chronyd's last update lies in the future: somebody set the clock back since.";

function atLeastWarning(judgement: Judgement, reason: string | undefined): Judgement {
  return judgement.verdict === "ok" ? { verdict: "warning", reason } : judgement;
}

function byThresholds(
  { errorMs, boundMs }: ClockFacts,
  { warningMs, criticalMs }: Thresholds,
): Judgement {
  if (errorMs === undefined || boundMs === undefined) {
    return { verdict: "unknown", reason: "How wrong the clock can be was not said." };
  }
  const judgedMs = Math.max(errorMs, boundMs);
  if (judgedMs <= warningMs) {
    return { verdict: "ok", reason: undefined };
  }
  const isCritical = judgedMs > criticalMs;
  const name = errorMs >= boundMs ? "error" : "bound";
  const thresholdMs = isCritical ? criticalMs : warningMs;
  return {
    verdict: isCritical ? "critical" : "warning",
    reason: `The ${name} of ${milliseconds(judgedMs)} is above ${thresholdMs} ms.`,
  };
}
