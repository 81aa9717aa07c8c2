/** The answer of `/synchronised?within=MS`: whether something that needs a good clock may start now. */
import { failure, type Result } from "../result.ts";
import {
  parseLimitMs,
  type StartFacts,
  synchronisedWithin,
} from "../summary/synchronised-within.ts";
import { type Answer, NOT_ASKED_YET, plainAnswer } from "./paths.ts";

/** How much of an invalid limit the answer quotes, in characters. */
const SHOWN_CHARACTERS = 40;

/**
 * 200 when the clock is synchronised and within the limit, 503 when it is not, 400 for a query without
 * exactly one valid limit. The body gives the reason as a sentence.
 * @param query `within=MS`; other parameters are ignored
 * @param clock `undefined` before the first poll of chronyd: answered 503
 */
export function synchronisedAnswer(query: string, clock: StartFacts | undefined): Answer {
  const limitMs = limitOf(query);
  if (!limitMs.ok) {
    return plainAnswer(400, `${limitMs.error}. Ask for /synchronised?within=50, for example.`);
  }
  if (clock === undefined) {
    return plainAnswer(503, NOT_ASKED_YET);
  }
  const { isGood, sentence } = synchronisedWithin(clock, limitMs.value);
  return plainAnswer(isGood ? 200 : 503, sentence);
}

function limitOf(query: string): Result<number, string> {
  const [text, ...others] = new URLSearchParams(query).getAll("within");
  if (text === undefined) {
    return failure("within is missing");
  }
  if (others.length > 0) {
    return failure(`within is given ${others.length + 1} times: expected it once`);
  }
  const limitMs = parseLimitMs(text);
  return limitMs.ok
    ? limitMs
    : failure(`within is ${JSON.stringify(text.slice(0, SHOWN_CHARACTERS))}: ${limitMs.error}`);
}
