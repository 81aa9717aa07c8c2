/**
 * From the samples of one node to its figures. The rules, which docs/report.md explains:
 *
 * - **Judged** is the peak; at a node that has none, the larger of error and bound.
 * - A sample of the peak speaks of the time back to the sample before it in its series, and of no more
 *   than the peak's window. It speaks of nothing when there is none before it, when the agent restarted
 *   between the two, or when a state came between them in which nothing is known. Error and bound say
 *   nothing about more than one moment: between two of them that are at most a window apart, the later
 *   one is taken.
 * - Time of which no sample speaks is **not known**. It is never within the limit.
 * - The time between two states that are at most a window apart counts as the worse of them.
 * - Where two series speak of the same time (push and pull), the larger error and the worse state count.
 */
import { PUBLISHES, SYNC_STATES, type SyncState } from "../clock/sync-state.ts";
import {
  labelText,
  METRICS_WITHOUT_PEAK,
  type NodeName,
  type NodeSamples,
  type RawSeries,
  USED_METRICS,
  type UsedMetric,
} from "./raw-series.ts";
import { clipped, overlay, type Segment, totalMs } from "./segments.ts";

/** What is to be shown. */
export type Question = {
  /** Milliseconds since 1970; the time after `fromMs`, up to and including `toMs`. */
  readonly fromMs: number;
  readonly toMs: number;
  /** What a clock may be wrong by. */
  readonly limitMs: number;
  /** What the operator declares of the reference; added to every figure. */
  readonly referenceErrorMs: number;
  /** How far back a sample of the peak speaks. */
  readonly peakWindowMs: number;
};

/** An error, with that of the reference, and the time of its sample. */
export type ErrorAt = { readonly errorMs: number; readonly atMs: number };

/** An uninterrupted stretch of known time above the limit; of no length when one sample alone says so. */
export type Exceedance = {
  readonly node: NodeName;
  readonly fromMs: number;
  readonly toMs: number;
  readonly largest: ErrorAt;
};

/** For how long a source was followed. */
export type SourceTime = {
  readonly name: string;
  readonly address: string;
  readonly timeMs: number;
};

/** Times of one node, or of several added up. They make up the whole range. */
export type Times = {
  readonly withinMs: number;
  readonly aboveMs: number;
  readonly notKnownMs: number;
  /** In each state; what is missing to the range is not known. */
  readonly states: Readonly<Record<SyncState, number>>;
};

export type NodeFigures = Times & {
  readonly node: NodeName;
  /** `undefined` where there is nothing to judge by. */
  readonly judgedBy: "peak" | "error and bound" | undefined;
  /** The first and last sample in the range, of any metric. */
  readonly firstSampleMs: number | undefined;
  readonly lastSampleMs: number | undefined;
  readonly largest: ErrorAt | undefined;
  /** `undefined` where the backend has no such counter. */
  readonly steps: number | undefined;
  readonly restarts: number | undefined;
  /** The longest followed first. */
  readonly sources: readonly SourceTime[];
  readonly exceedances: readonly Exceedance[];
  /** The metrics of which it has no sample. */
  readonly lacks: readonly UsedMetric[];
};

/** The labels that tell the series of one collection apart; the others say who wrote them. */
const OWN_LABELS = new Set([
  "state",
  "result",
  "tracking_refid",
  "tracking_address",
  "tracking_name",
]);

/** A number and its time. */
type Point = { readonly atMs: number; readonly value: number };

/** What happened to a counter between two of its samples. */
type Growth = { readonly fromMs: number; readonly toMs: number; readonly count: number };

/** All series of one writer. */
type Writer = Readonly<Partial<Record<UsedMetric, readonly RawSeries[]>>>;

/** The figures of one node. */
export function nodeFigures({ node, series }: NodeSamples, question: Question): NodeFigures {
  const { fromMs, toMs, limitMs } = question;
  const present = new Set(
    series.filter(({ timesMs }) => timesMs.length > 0).map(({ metric }) => metric),
  );
  const isWithPeak = present.has("chrony_clock_error_peak_ms");
  const judgedBy = isWithPeak
    ? "peak"
    : METRICS_WITHOUT_PEAK.some((metric) => present.has(metric))
      ? "error and bound"
      : undefined;
  const writers = writersOf(series).map((writer) => {
    const restarts = restartsOf(writer.chrony_tracker_readings_total ?? []);
    return { writer, restarts, judged: judgedTime(writer, restarts, isWithPeak, question) };
  });

  const known = overlay(
    writers.map(({ judged }) => clipped(judged.segments, fromMs, toMs)),
    worseError,
  );
  const moments = writers.flatMap(({ judged }) =>
    judged.moments.filter(({ atMs }) => atMs > fromMs && atMs <= toMs),
  );
  const above = known.filter(({ value }) => value.errorMs > limitMs);
  const states = overlay(
    writers.map(({ writer, restarts }) =>
      clipped(stateSegments(statesOf(writer), restarts, question.peakWindowMs), fromMs, toMs),
    ),
    worseState,
  );
  const times = series
    .flatMap(({ timesMs }) => timesMs)
    .filter((atMs) => atMs > fromMs && atMs <= toMs);
  return {
    node,
    judgedBy,
    firstSampleMs: extreme(times, Math.min),
    lastSampleMs: extreme(times, Math.max),
    largest: [...known.map(({ value }) => value), ...moments].reduce<ErrorAt | undefined>(
      (largest, one) => (largest === undefined ? one : worseError(largest, one)),
      undefined,
    ),
    withinMs: totalMs(known) - totalMs(above),
    aboveMs: totalMs(above),
    notKnownMs: toMs - fromMs - totalMs(known),
    states: Object.fromEntries(
      SYNC_STATES.map((state) => [state, totalMs(states.filter(({ value }) => value === state))]),
    ) as Record<SyncState, number>,
    steps: present.has("chrony_clock_steps_total")
      ? countOf(
          writers.map(({ writer, restarts }) =>
            growthOf(writer.chrony_clock_steps_total ?? [], restarts),
          ),
          question,
        )
      : undefined,
    restarts: present.has("chrony_tracker_readings_total")
      ? countOf(
          writers.map(({ restarts }) => restarts),
          question,
        )
      : undefined,
    sources: sourceTimes(writers, question),
    exceedances: exceedancesOf(
      node,
      above,
      moments.filter(({ errorMs }) => errorMs > limitMs),
    ),
    lacks: USED_METRICS.filter(
      (metric) => !present.has(metric) && !(isWithPeak && METRICS_WITHOUT_PEAK.includes(metric)),
    ),
  };
}

/** The series by who wrote them: all but a series' own labels are the same. */
function writersOf(series: readonly RawSeries[]): Writer[] {
  const writers = new Map<string, Partial<Record<UsedMetric, RawSeries[]>>>();
  for (const one of series) {
    const shared = Object.entries(one.labels).filter(([name]) => !OWN_LABELS.has(name));
    const key = labelText(Object.fromEntries(shared)).toLowerCase();
    const writer = writers.get(key) ?? {};
    writers.set(key, writer);
    writer[one.metric] = [...(writer[one.metric] ?? []), one];
  }
  return [...writers.values()];
}

/** What is known of the error: segments, and the samples that speak of no time before them. */
type JudgedTime = {
  readonly segments: readonly Segment<ErrorAt>[];
  readonly moments: readonly ErrorAt[];
};

function judgedTime(
  writer: Writer,
  restarts: readonly Growth[],
  isWithPeak: boolean,
  { peakWindowMs, referenceErrorMs }: Question,
): JudgedTime {
  const judged = largestOf(
    isWithPeak
      ? (writer.chrony_clock_error_peak_ms ?? [])
      : [...(writer.chrony_clock_error_bound_ms ?? []), ...(writer.chrony_clock_error_ms ?? [])],
  );
  const unknownAt = statesOf(writer)
    .filter(({ state }) => !PUBLISHES[state].boundAndPeak)
    .map(({ atMs }) => ({ fromMs: atMs, toMs: atMs }));
  const isCut = cutter([...restarts, ...unknownAt]);
  const segments: Segment<ErrorAt>[] = [];
  const moments: ErrorAt[] = [];
  let beforeMs: number | undefined;
  for (const { atMs, value } of judged) {
    const error = { errorMs: value + referenceErrorMs, atMs };
    const isTooFar = !isWithPeak && beforeMs !== undefined && atMs - beforeMs > peakWindowMs;
    if (beforeMs === undefined || isTooFar || isCut(beforeMs, atMs)) {
      moments.push(error);
    } else {
      segments.push({ fromMs: Math.max(beforeMs, atMs - peakWindowMs), toMs: atMs, value: error });
    }
    beforeMs = atMs;
  }
  return { segments, moments };
}

/** The largest number at each time, in order; what is no number is absent. */
function largestOf(series: readonly RawSeries[]): Point[] {
  const largest = new Map<number, number>();
  for (const { atMs, value } of series.flatMap(numbersOf)) {
    largest.set(atMs, Math.max(value, largest.get(atMs) ?? value));
  }
  const points = [...largest].map(([atMs, value]) => ({ atMs, value }));
  return series.length > 1 ? points.toSorted((one, other) => one.atMs - other.atMs) : points;
}

/** A stretch of time, or a moment. */
type Cut = { readonly fromMs: number; readonly toMs: number };

/** Whether one of these lies between two times, both excluded. To be asked with rising times. */
function cutter(cuts: readonly Cut[]): (fromMs: number, toMs: number) => boolean {
  const apart: { fromMs: number; toMs: number }[] = [];
  for (const cut of cuts.toSorted((one, other) => one.fromMs - other.fromMs)) {
    const last = apart.at(-1);
    if (last !== undefined && cut.fromMs < last.toMs) {
      last.toMs = Math.max(last.toMs, cut.toMs);
    } else {
      apart.push({ ...cut });
    }
  }
  let next = 0;
  return (fromMs, toMs) => {
    while ((apart[next]?.toMs ?? Number.POSITIVE_INFINITY) <= fromMs) {
      next++;
    }
    return (apart[next]?.fromMs ?? Number.POSITIVE_INFINITY) < toMs;
  };
}

type StateAt = { readonly atMs: number; readonly state: SyncState };

/** The state at each time, in order; the worst, where there are several. */
function statesOf(writer: Writer): StateAt[] {
  const states = new Map<number, SyncState>();
  for (const { labels, timesMs, values } of writer.chrony_sync_state ?? []) {
    const state = SYNC_STATES.find((one) => one === labels["state"]?.toLowerCase());
    if (state === undefined) {
      continue;
    }
    for (const [index, atMs] of timesMs.entries()) {
      if (Number(values[index]) === 1) {
        states.set(atMs, worseState(state, states.get(atMs) ?? state));
      }
    }
  }
  return [...states]
    .map(([atMs, state]) => ({ atMs, state }))
    .toSorted((one, other) => one.atMs - other.atMs);
}

function stateSegments(
  states: readonly StateAt[],
  restarts: readonly Growth[],
  peakWindowMs: number,
): Segment<SyncState>[] {
  const isCut = cutter(restarts);
  return states.flatMap(({ atMs, state }, index) => {
    const before = states[index - 1];
    return before === undefined || atMs - before.atMs > peakWindowMs || isCut(before.atMs, atMs)
      ? []
      : [{ fromMs: before.atMs, toMs: atMs, value: worseState(before.state, state) }];
  });
}

/** SYNC_STATES has the best first. */
function worseState(one: SyncState, other: SyncState): SyncState {
  return SYNC_STATES.indexOf(one) > SYNC_STATES.indexOf(other) ? one : other;
}

/** The larger; of two that are the same, the earlier. */
export function worseError(one: ErrorAt, other: ErrorAt): ErrorAt {
  if (one.errorMs === other.errorMs) {
    return one.atMs <= other.atMs ? one : other;
  }
  return one.errorMs > other.errorMs ? one : other;
}

/** Between which samples the counters grew, and by how much; after a restart they began at 0. */
function growthOf(counters: readonly RawSeries[], restarts: readonly Growth[]): Growth[] {
  return counters.flatMap((counter) => {
    const isCut = cutter(restarts);
    return pairsOf(numbersOf(counter)).flatMap(([before, after]) => {
      const isNew = after.value < before.value || isCut(before.atMs, after.atMs);
      const count = isNew ? after.value : after.value - before.value;
      return count > 0 ? [{ fromMs: before.atMs, toMs: after.atMs, count }] : [];
    });
  });
}

/**
 * Between which samples the agent restarted: it did not count more polls than before. It polls at least
 * once an export interval, so one that starts again and again shows the same small number each time.
 */
function restartsOf(counters: readonly RawSeries[]): Growth[] {
  const polls = new Map<number, number>();
  for (const { atMs, value } of counters.flatMap(numbersOf)) {
    polls.set(atMs, value + (polls.get(atMs) ?? 0));
  }
  const sums = [...polls].map(([atMs, value]) => ({ atMs, value }));
  return pairsOf(sums.toSorted((one, other) => one.atMs - other.atMs))
    .filter(([before, after]) => after.value <= before.value)
    .map(([before, after]) => ({ fromMs: before.atMs, toMs: after.atMs, count: 1 }));
}

/** The samples that are numbers. */
function numbersOf({ timesMs, values }: RawSeries): Point[] {
  return timesMs
    .map((atMs, index) => ({ atMs, value: Number(values[index]) }))
    .filter(({ value }) => Number.isFinite(value));
}

/** Each with the one before it. */
function pairsOf<Item>(items: readonly Item[]): [before: Item, after: Item][] {
  return items.flatMap((after, index) => {
    const before = items[index - 1];
    return before === undefined ? [] : [[before, after] as [Item, Item]];
  });
}

/**
 * How much a counter grew in the range, seen by several writers: what they saw at the same time is the
 * same, and counts once.
 */
function countOf(seen: readonly (readonly Growth[])[], { fromMs, toMs }: Question): number {
  const growths = seen
    .flatMap((list, writer) => list.map((growth) => ({ ...growth, writer })))
    .filter((growth) => growth.toMs > fromMs && growth.fromMs < toMs)
    .toSorted((one, other) => one.fromMs - other.fromMs);
  let total = 0;
  let endMs = Number.NEGATIVE_INFINITY;
  let counts: number[] = [];
  for (const growth of growths) {
    if (growth.fromMs >= endMs) {
      total += Math.max(0, ...counts);
      counts = seen.map(() => 0);
    }
    endMs = Math.max(endMs, growth.toMs);
    counts[growth.writer] = (counts[growth.writer] ?? 0) + growth.count;
  }
  return total + Math.max(0, ...counts);
}

/** For how long each source was followed, whoever says so. */
function sourceTimes(
  writers: readonly { readonly writer: Writer; readonly restarts: readonly Growth[] }[],
  { fromMs, toMs, peakWindowMs }: Question,
): SourceTime[] {
  const sources = new Map<string, { name: string; address: string; lists: Segment<true>[][] }>();
  for (const { writer, restarts } of writers) {
    const followed = (writer.chrony_tracking_info ?? [])
      .flatMap(({ labels, timesMs, values }) =>
        timesMs.flatMap((atMs, index) => (Number(values[index]) === 1 ? [{ atMs, labels }] : [])),
      )
      .toSorted((one, other) => one.atMs - other.atMs);
    const isCut = cutter(restarts);
    const segments = new Map<string, Segment<true>[]>();
    for (const [index, { atMs, labels }] of followed.entries()) {
      const beforeMs = followed[index - 1]?.atMs;
      if (beforeMs === undefined || atMs - beforeMs > peakWindowMs || isCut(beforeMs, atMs)) {
        continue;
      }
      const { tracking_name: name = "", tracking_address: address = "" } = labels;
      const key = JSON.stringify([name.toLowerCase(), address.toLowerCase()]);
      if (!sources.has(key)) {
        sources.set(key, { name, address, lists: [] });
      }
      const list = segments.get(key) ?? [];
      segments.set(key, list);
      list.push({ fromMs: beforeMs, toMs: atMs, value: true });
    }
    for (const [key, list] of segments) {
      sources.get(key)?.lists.push(clipped(list, fromMs, toMs));
    }
  }
  return [...sources.values()]
    .map(({ name, address, lists }) => ({
      name,
      address,
      timeMs: totalMs(overlay(lists, (one) => one)),
    }))
    .filter(({ timeMs }) => timeMs > 0)
    .toSorted((one, other) => other.timeMs - one.timeMs || (one.name < other.name ? -1 : 1));
}

/** Segments above the limit that touch are one exceedance; a moment outside of all is one of its own. */
function exceedancesOf(
  node: NodeName,
  above: readonly Segment<ErrorAt>[],
  moments: readonly ErrorAt[],
): Exceedance[] {
  const pieces = [
    ...above.map(({ fromMs, toMs, value }) => ({ fromMs, toMs, largest: value })),
    ...moments.map((largest) => ({ fromMs: largest.atMs, toMs: largest.atMs, largest })),
  ].toSorted((one, other) => one.fromMs - other.fromMs || one.toMs - other.toMs);
  const found: { node: NodeName; fromMs: number; toMs: number; largest: ErrorAt }[] = [];
  for (const piece of pieces) {
    const last = found.at(-1);
    if (last !== undefined && piece.fromMs <= last.toMs) {
      last.toMs = Math.max(last.toMs, piece.toMs);
      last.largest = worseError(last.largest, piece.largest);
    } else {
      found.push({ node, ...piece });
    }
  }
  return found;
}

function extreme(
  values: readonly number[],
  choose: (one: number, other: number) => number,
): number | undefined {
  return values.reduce<number | undefined>(
    (found, value) => (found === undefined ? value : choose(found, value)),
    undefined,
  );
}
