/**
 * The report of the source that the clock follows, at the cost of one question a poll, or two,
 * however many sources chronyd has.
 *
 * The source that chronyd has selected is followed. Without one (the last one died, or is offline),
 * that which TRACKING names is: by its address, or a reference clock by its id. Reference clocks can
 * have the same id: the worst of them counts.
 *
 * chronyd hands its sources out by index, so the index of the followed one is remembered. The whole list
 * is searched when TRACKING names another source, and when another one stands at the index (chronyd
 * closes the gap that a removed source leaves). Otherwise a look at one more source a poll finds out
 * whether chronyd has selected another one.
 */
import { type Result, success } from "../result.ts";
import type { ChronyError } from "./chrony-error.ts";
import type { ChronyClient } from "./client.ts";
import { numberOfSources } from "./number-of-sources.ts";
import { isNoSuchSource } from "./report-refusal.ts";
import { sourceText } from "./source.ts";
import { type SourceData, sourceData } from "./source-data.ts";
import type { Tracking } from "./tracking.ts";

/** The followed one among all sources; `undefined` when there is none, or none that can be told. */
export function followedAmong(
  sources: readonly SourceData[],
  tracking: Tracking,
): SourceData | undefined {
  const [first, ...others] = sources.filter((source) => isNamed(source, tracking));
  return (
    sources.find(isSelected) ?? (first === undefined ? undefined : others.reduce(worse, first))
  );
}

/** What answers questions. */
type Client = Pick<ChronyClient, "ask">;

export type FollowedSourceAnswer = Result<SourceData | undefined, ChronyError>;

/** Finds the followed source of one chronyd, poll after poll. */
export class FollowedSource {
  /** Where it was seen last. */
  #index: number | undefined;
  /** Where the search goes on. */
  #next = 0;
  /** How many sources are still to be searched at once. */
  #toSearch = 0;
  /** What TRACKING named when the search began. */
  #named: string | undefined;

  /** Where it was seen last. */
  get index(): number | undefined {
    return this.#index;
  }

  /**
   * Asks for its report; `undefined` when there is none.
   * @param tracking the report of the same poll
   * @param longestMs after this time no question is asked any more; the search goes on with the next poll
   */
  async read(client: Client, tracking: Tracking, longestMs: number): Promise<FollowedSourceAnswer> {
    const endMs = performance.now() + longestMs;
    const here = await this.#ask(client, this.#index);
    if (!here.ok || (here.value !== undefined && isSelected(here.value))) {
      return here;
    }
    let found = here.value !== undefined && isNamed(here.value, tracking) ? here.value : undefined;
    const named = `${tracking.referenceId} ${addressText(tracking)}`;
    if (named !== this.#named || (found === undefined && this.#index !== undefined)) {
      const count = await client.ask(numberOfSources);
      if (!count.ok) {
        return count;
      }
      this.#named = named;
      // One more, for the end of the list.
      this.#toSearch = count.value + 1;
    }
    if (found === undefined) {
      this.#index = undefined;
    }

    do {
      const index = this.#next === this.#index ? this.#next + 1 : this.#next;
      const other = await this.#ask(client, index);
      if (!other.ok) {
        return other;
      }
      this.#next = other.value === undefined ? 0 : index + 1;
      this.#toSearch = Math.max(this.#toSearch - 1, 0);
      if (other.value !== undefined) {
        const known = found === undefined ? [] : [found];
        if (followedAmong([...known, other.value], tracking) === other.value) {
          found = other.value;
          this.#index = index;
        }
        if (isSelected(other.value)) {
          this.#toSearch = 0;
        }
      }
    } while (this.#toSearch > 0 && performance.now() < endMs);
    return success(found);
  }

  async #ask(client: Client, index: number | undefined): Promise<FollowedSourceAnswer> {
    if (index === undefined) {
      return success(undefined);
    }
    const answer = await client.ask(sourceData(index));
    return !answer.ok && isNoSuchSource(answer.error) ? success(undefined) : answer;
  }
}

function isSelected({ state }: SourceData): boolean {
  return state === "selected";
}

/** Whether a report is about the source that TRACKING names. */
function isNamed({ source }: SourceData, tracking: Tracking): boolean {
  switch (source.kind) {
    case "ntp":
      return sourceText(source) === addressText(tracking);
    case "reference clock":
      return (
        tracking.address.family === "unspecified" && source.referenceId === tracking.referenceId
      );
    case "unresolved":
      return false;
  }
}

function addressText({ address }: Tracking): string | undefined {
  return "text" in address ? address.text : undefined;
}

/** Of two reports the one that says less good: not reached, or the older sample. */
function worse(one: SourceData, other: SourceData): SourceData {
  if (isReached(one) !== isReached(other)) {
    return isReached(one) ? other : one;
  }
  return ageSeconds(other) > ageSeconds(one) ? other : one;
}

function isReached({ reachability }: SourceData): boolean {
  return reachability !== 0;
}

function ageSeconds({ latestMeasurement }: SourceData): number {
  return latestMeasurement?.ageSeconds ?? Number.POSITIVE_INFINITY;
}
