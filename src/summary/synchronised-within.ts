/**
 * Whether a clock is good enough for something that starts now: it is synchronised, and the largest of
 * peak, error and bound is within a limit. `/synchronised` and `wait` use this.
 */
import { because, numberBetween, type ParseText } from "../setting-parsers.ts";
import type { ClockFacts } from "./clock-facts.ts";
import { milliseconds } from "./quantities.ts";
import { conclusion } from "./state-words.ts";
import { type JudgedFacts, judgedValue, reasonForWarning } from "./verdict.ts";

/** The input of {@link synchronisedWithin}. */
export type StartFacts = JudgedFacts & Pick<ClockFacts, "source" | "sources">;

export type StartJudgement = {
  readonly isGood: boolean;
  /** Identifies the reason. */
  readonly kind: string;
  /** The reason as a sentence. */
  readonly sentence: string;
};

const LEAST_LIMIT_MS = 0.001;
const LARGEST_LIMIT_MS = 86_400_000;

/** A limit in milliseconds. 0 is invalid: every clock has an error, so nothing would ever start. */
export const parseLimitMs: ParseText<number> = because(
  numberBetween(LEAST_LIMIT_MS, LARGEST_LIMIT_MS),
  "it is what the clock may be wrong by, in milliseconds",
);

/**
 * Whether the state is `synchronised` and the judged value does not exceed the limit. An unknown value is
 * never within the limit. A source that follows its own clock, or a clock that was set back, is not a
 * reason to wait, but the sentence warns of it.
 */
export function synchronisedWithin(clock: StartFacts, limitMs: number): StartJudgement {
  const { state } = clock;
  if (state !== "synchronised") {
    const sentence = `The state is ${state}, not synchronised. ${conclusion(clock)}`;
    return { isGood: false, kind: state, sentence };
  }
  const judged = judgedValue(clock);
  if (judged === undefined) {
    return {
      isGood: false,
      kind: "not known",
      sentence: "The error of the clock is not known.",
    };
  }
  const { name, valueMs } = judged;
  if (valueMs > limitMs) {
    const sentence = `The ${name} of ${milliseconds(valueMs)} is above ${limitMs} ms.`;
    return { isGood: false, kind: "above the limit", sentence };
  }
  const warning = reasonForWarning(clock);
  return {
    isGood: true,
    kind: "good",
    sentence: [
      `Synchronised, and the ${name} of ${milliseconds(valueMs)} is within ${limitMs} ms.`,
      ...(warning === undefined ? [] : [warning]),
    ].join(" "),
  };
}
