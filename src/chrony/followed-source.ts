/**
 * Finds the source that the clock follows. This takes one or two requests a poll, however many sources
 * chronyd has.
 *
 * The followed source is the one that chronyd has selected. If none is selected (it died, or is
 * offline), it is the one that TRACKING names by address or, for a reference clock, by id. Several
 * reference clocks can have the same id; then the worst of them counts.
 *
 * chronyd reports sources by index, so the index of the followed one is remembered. The whole list is
 * searched when TRACKING names another source, or when another source is at that index, because chronyd
 * closes the gap when a source is removed. Otherwise each poll checks one other source, to notice when
 * chronyd selects a different one.
 */
import { type Result, success } from "../result.ts";
import type { ChronyError } from "./chrony-error.ts";
import type { ChronyClient } from "./client.ts";
import { numberOfSources } from "./number-of-sources.ts";
import { isNoSuchSource } from "./report-refusal.ts";
import { sourceText } from "./source.ts";
import { type SourceData, sourceData } from "./source-data.ts";
import type { Tracking } from "./tracking.ts";

/** The followed one among all sources; `undefined` when there is none, or when it cannot be identified. */
export function followedAmong(
  sources: readonly SourceData[],
  tracking: Tracking,
): SourceData | undefined {
  const [first, ...others] = sources.filter((source) => isNamed(source, tracking));
  return (
    sources.find(isSelected) ?? (first === undefined ? undefined : others.reduce(worse, first))
  );
}

type Client = Pick<ChronyClient, "ask">;

export type FollowedSourceAnswer = Result<SourceData | undefined, ChronyError>;

/** Finds the followed source of one chronyd, poll after poll. */
export class FollowedSource {
  /** Where the followed source was last seen. */
  #index: number | undefined;
  /** The next index to check. */
  #next = 0;
  /** How many sources are left of a full search. */
  #toSearch = 0;
  /** The source that TRACKING named when the search began. */
  #named: string | undefined;

  /** The index at which the followed source was last seen. */
  get index(): number | undefined {
    return this.#index;
  }

  /**
   * Reads its report; `undefined` when there is no followed source.
   * @param tracking the report of the same poll
   * @param longestMs no request is sent after this time; the next poll continues the search
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
      // One more, to reach the end of the list.
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

/** The worse of two reports: the unreachable one, or the one with the older sample. */
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
