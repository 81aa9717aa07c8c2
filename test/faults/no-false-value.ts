/**
 * Checks that no value is false: every sample of a run is compared with chronyd's real replies. A pure function; its
 * input was recorded outside of the agent (readings.ts) and read from Prometheus (collections.ts).
 */
import type { Collection } from "./collections.ts";
import { type EndedReading, hasEnded, type Reading } from "./readings.ts";
import {
  boundMs,
  errorMs,
  possibleStates,
  type RecordedTracking,
  trackingValues,
} from "./recorded-tracking.ts";

/** What is checked. */
export type Evidence = {
  /** The polls of all runs of the agent, in order. */
  readonly readings: readonly Reading[];
  readonly collections: readonly Collection[];
  /** How long a value counts for the peak, in milliseconds. */
  readonly peakWidthMs: number;
  /**
   * The largest error of a sample's time, in milliseconds, if the node's clock was wrong, because the collector moves
   * points by whole seconds. `undefined` if the clock was always right: a sample then has exactly the time of its poll.
   */
  readonly wrongClockMs: number | undefined;
  /**
   * When the agent could not open a socket, which the record does not show. `unreachable` needs no poll then.
   */
  readonly withoutSockets?: Period;
};

/** A period, in milliseconds since 1970. */
export type Period = {
  readonly fromMs: number;
  readonly toMs: number;
};

/** One false value. */
export type Falsehood = {
  readonly rule: Rule;
  readonly timeMs: number;
  /** A sentence: what was found, and what was expected. */
  readonly detail: string;
};

/** What is promised of every sample. */
export type Rule =
  | "one state at a time"
  | "nothing that is withheld"
  | "nothing that chronyd did not say"
  | "at the time of its reading"
  | "every reading once"
  | "the state fits the report"
  | "the peak is the largest of error and bound"
  | "a counter never falls";

/** A collection and its poll. */
export type Match = {
  readonly collection: Collection;
  readonly reading: EndedReading;
  /** The poll's reply that the values are from; `undefined` when there was none. */
  readonly report: RecordedTracking | undefined;
};

/** The result of the check. */
export type Verdict = {
  readonly falsehoods: readonly Falsehood[];
  /** In the order of the polls. */
  readonly matches: readonly Match[];
};

const ERROR_NAMES = [
  "chrony_clock_error_ms",
  "chrony_clock_error_bound_ms",
  "chrony_clock_error_peak_ms",
] as const;
const STATES = ["synchronised", "stale", "stepped", "local", "unsynchronised", "unreachable"];
const PUBLISHING_STATES = ["synchronised", "stale", "unsynchronised"];
/** In `stepped`, unnoticed steps are added to bound and peak; only the error is absent. */
const STEPPED_STATE = "stepped";
const UNKNOWN_WHEN_UNREACHABLE =
  /^chrony_(clock_error_|tracking_|sources_|sourcestats_|serverstats_|activity_|reference_age)/;
/** The formulas may add in another order than the agent. */
const RELATIVE_ROUNDING = 1e-12;
/** A value this close to an end of the peak's window may be inside or outside. */
const PEAK_EDGE_MS = 1000;

/** All false values of the collections, and the poll of each collection. */
export function checkEverySample(evidence: Evidence): Verdict {
  const readings = evidence.readings.filter(hasEnded);
  const { withoutSockets } = evidence;
  const falsehoods: Falsehood[] = [];
  const matches: Match[] = [];
  for (const collection of evidence.collections) {
    const say = (rule: Rule, detail: string) => {
      falsehoods.push({ rule, timeMs: collection.timeMs, detail });
    };
    const state = checkState(collection, say);
    if (state !== undefined) {
      checkWithheld(collection, state, say);
      const isWithoutSocket =
        state === "unreachable" &&
        withoutSockets !== undefined &&
        collection.timeMs > withoutSockets.fromMs &&
        collection.timeMs < withoutSockets.toMs;
      const match = isWithoutSocket
        ? matchWithoutSocket(collection, readings)
        : matchWithReading(collection, state, readings, evidence.wrongClockMs, say);
      if (match !== undefined) {
        matches.push(match);
        checkPeak(match, readings, evidence, say);
      }
    }
  }
  matches.sort((a, b) => a.reading.closedMs - b.reading.closedMs);
  checkUnique(matches, falsehoods);
  checkCounters(matches, falsehoods);
  return { falsehoods, matches };
}

type Say = (rule: Rule, detail: string) => void;

/** The one state that is 1. */
function checkState({ values }: Collection, say: Say): string | undefined {
  const seen = STATES.map((state) => values.get(`chrony_sync_state{state="${state}"}`));
  const set = STATES.filter((_, index) => seen[index] === 1);
  const [state] = set;
  if (set.length !== 1 || seen.filter((value) => value === 0).length !== STATES.length - 1) {
    const told = STATES.map((name, index) => `${name} ${seen[index]}`).join(", ");
    say("one state at a time", `${told}: exactly one is 1 and five are 0`);
    return undefined;
  }
  const up = values.get("chrony_up");
  const expectedUp = state === "unreachable" ? 0 : 1;
  if (up !== expectedUp) {
    say("one state at a time", `chrony_up is ${up} in the state ${state}`);
  }
  return state;
}

function checkWithheld({ values }: Collection, state: string, say: Say): void {
  for (const name of ERROR_NAMES) {
    const published =
      PUBLISHING_STATES.includes(state) ||
      (state === STEPPED_STATE && name !== "chrony_clock_error_ms");
    if (values.has(name) !== published) {
      say(
        "nothing that is withheld",
        published ? `${name} is missing in ${state}` : `${name} is told in ${state}`,
      );
    }
  }
  if (state === "unreachable") {
    for (const key of [...values.keys()].filter((name) => UNKNOWN_WHEN_UNREACHABLE.test(name))) {
      say("nothing that is withheld", `${key} is told in unreachable`);
    }
  }
}

function matchWithReading(
  collection: Collection,
  state: string,
  readings: readonly EndedReading[],
  wrongClockMs: number | undefined,
  say: Say,
): Match | undefined {
  const candidates: Match[] =
    state === "unreachable"
      ? readings
          .filter(({ reports }) => reports.length === 0)
          .map((reading) => ({ collection, reading, report: undefined }))
      : readings.flatMap((reading) =>
          reading.reports
            .filter((report) => saysTheSame(report, collection, state))
            .map((report) => ({ collection, reading, report })),
        );
  const [nearest] = candidates.toSorted(
    (a, b) => strayMs(a, wrongClockMs) - strayMs(b, wrongClockMs),
  );
  if (nearest === undefined) {
    say("nothing that chronyd did not say", `no reading gave ${shown(collection, state)}`);
    return undefined;
  }
  const stray = strayMs(nearest, wrongClockMs);
  if (stray > (wrongClockMs ?? 0)) {
    say(
      "at the time of its reading",
      `${shown(collection, state)} stands ${stray.toFixed(0)} ms beside the reading that gave it`,
    );
  }
  if (nearest.report !== undefined && !possibleStates(nearest.report).includes(state)) {
    say(
      "the state fits the report",
      `${state}, but chronyd's report means ${possibleStates(nearest.report).join(" or ")}`,
    );
  }
  return nearest;
}

/** A collection of a poll without a socket. */
function matchWithoutSocket(collection: Collection, readings: readonly EndedReading[]): Match {
  const { timeMs } = collection;
  const life = readings.findLast(({ closedMs }) => closedMs < timeMs)?.life ?? 0;
  const reading = {
    life,
    openedMs: timeMs,
    closedMs: timeMs,
    earliestWallMs: timeMs,
    latestWallMs: timeMs,
    reports: [],
  };
  return { collection, reading, report: undefined };
}

/** Whether a collection has exactly the values of a report. */
function saysTheSame(report: RecordedTracking, { values }: Collection, state: string): boolean {
  const expected = {
    ...trackingValues(report),
    ...(state !== STEPPED_STATE && {
      chrony_clock_error_ms: errorMs(report),
      chrony_clock_error_bound_ms: boundMs(report),
    }),
  };
  return Object.entries(expected).every(([name, value]) => {
    const seen = values.get(name);
    return seen === undefined || isClose(seen, value);
  });
}

/** The difference between the times of a collection and a poll, in milliseconds. */
function strayMs({ collection: { timeMs }, reading }: Match, wrongClockMs?: number): number {
  const [earliest, latest] =
    wrongClockMs === undefined
      ? [reading.earliestWallMs, reading.latestWallMs]
      : [reading.openedMs, reading.closedMs];
  return Math.max(earliest - timeMs, timeMs - latest, 0);
}

function checkPeak(
  { collection, reading, report }: Match,
  readings: readonly EndedReading[],
  { peakWidthMs, wrongClockMs }: Evidence,
  say: Say,
): void {
  const peak = collection.values.get("chrony_clock_error_peak_ms");
  if (peak === undefined || report === undefined) {
    return;
  }
  const errorsSince = (sinceMs: number) =>
    readings
      .filter(
        ({ life, closedMs }) =>
          life === reading.life && closedMs >= sinceMs && closedMs <= reading.closedMs,
      )
      .flatMap(({ reports }) => reports)
      .filter((one) => !possibleStates(one).includes("local"))
      .map((one) => Math.max(errorMs(one), boundMs(one)));
  const beganMs = reading.closedMs - peakWidthMs;
  const least = Math.max(...errorsSince(beganMs + PEAK_EDGE_MS));
  if (peak < least && !isClose(peak, least)) {
    say(
      "the peak is the largest of error and bound",
      `${peak} ms, though ${least} ms was read before`,
    );
  }
  // An unnoticed step was added, of the size of the clock's error.
  const isOfStep = wrongClockMs !== undefined && peak > least;
  if (!isOfStep && !errorsSince(beganMs - PEAK_EDGE_MS).some((error) => isClose(error, peak))) {
    say(
      "the peak is the largest of error and bound",
      `${peak} ms was read at no time in the window`,
    );
  }
}

/** Whether each report differs from the one before. Equal ones cannot be distinguished. */
function checkUnique(matches: readonly Match[], falsehoods: Falsehood[]): void {
  const byReading = Map.groupBy(matches, ({ reading }) => reading);
  for (const [reading, same] of byReading) {
    const [first, second] = same;
    if (first !== undefined && second !== undefined) {
      falsehoods.push({
        rule: "every reading once",
        timeMs: second.collection.timeMs,
        detail: `the reading that ended at ${reading.closedMs.toFixed(0)} was told ${second.collection.timeMs - first.collection.timeMs} ms earlier, too`,
      });
    }
  }
}

function checkCounters(matches: readonly Match[], falsehoods: Falsehood[]): void {
  const newest = new Map<string, number>();
  let life: number | undefined;
  for (const { collection, reading } of matches) {
    if (reading.life !== life) {
      life = reading.life;
      newest.clear();
    }
    for (const [key, value] of collection.values) {
      if (/_total(\{|$)/.test(key)) {
        const before = newest.get(key);
        if (before !== undefined && value < before) {
          falsehoods.push({
            rule: "a counter never falls",
            timeMs: collection.timeMs,
            detail: `${key} fell from ${before} to ${value} while the agent lived`,
          });
        }
        newest.set(key, value);
      }
    }
  }
}

function shown({ values }: Collection, state: string): string {
  const error = values.get("chrony_clock_error_ms");
  return error === undefined ? state : `${state} with an error of ${error} ms`;
}

function isClose(a: number, b: number): boolean {
  return Math.abs(a - b) <= RELATIVE_ROUNDING * Math.max(Math.abs(a), Math.abs(b));
}
