/**
 * October 2025 as agents could have reported it, with a collection every ten minutes: outages, restarts, gaps, a node that
 * disappears, one that comes late, one that is pushed and pulled, one of another exporter. The expected figures were
 * computed by hand.
 */

import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { SYNC_STATES, type SyncState } from "../../src/clock/sync-state.ts";

export const FROM = "2025-10-01T00:00:00.000Z";
export const TO = "2025-11-01T00:00:00.000Z";
const INTERVAL_SECONDS = 600;
/** Two intervals. */
export const WINDOW_SECONDS = 1200;
/** Collections are numbered from 0 at FROM to this at TO. */
const LAST = 4464;
/** A name that a spreadsheet or a page could run. */
export const HOSTILE_NAME = '=1+1";<script>alert("x")</script>';

/** One collection of a node. Absent values were not reported. */
export type Collection = {
  readonly peak?: number;
  readonly error?: number;
  readonly bound?: number;
  readonly state?: SyncState;
  readonly steps?: number;
  readonly readings?: number;
  readonly source?: { readonly name: string; readonly address: string };
};

const PHC = { name: "PHC0", address: "PHC0" };
const NTP = { name: "ntp-1.example", address: "192.0.2.1" };

/** A healthy collection. `age` is the number of collections since the agent's start. */
function healthy(age: number, more: Partial<Collection> = {}): Collection {
  return {
    peak: 0.05,
    state: "synchronised",
    steps: 0,
    readings: 600 * (age + 1),
    source: PHC,
    ...more,
  };
}

type Player = {
  readonly node: string;
  readonly job: string;
  /** After FROM plus whole intervals. */
  readonly offsetSeconds: number;
  /** From the first to the last collection. */
  readonly first: number;
  readonly last: number;
  readonly collection: (k: number) => Collection | undefined;
};

const push = (node: string, collection: Player["collection"]): Player => ({
  node,
  job: "chrony-tracker",
  offsetSeconds: 0,
  first: 0,
  last: LAST,
  collection,
});

const between = (k: number, first: number, last: number) => k >= first && k <= last;

const PLAYERS: readonly Player[] = [
  push("a-steady", (k) =>
    healthy(k, { peak: k === 1000 ? 12.5 : 0.05, steps: k < 500 ? 0 : k < 2000 ? 2 : 3 }),
  ),
  push("b-restarts", (k) => {
    const age = k < 100 ? k + 7 : k < 2000 ? k - 100 : k - 2000;
    const steps = k < 50 ? 5 : k < 100 ? 6 : k < 2000 ? 1 : k < 2500 ? 0 : 4;
    return healthy(age, { steps, peak: k === 100 ? 900 : 0.05 });
  }),
  push("c-outage", (k) => {
    if (between(k, 1000, 1035)) {
      return undefined;
    }
    if (between(k, 2000, 2005)) {
      return { state: "unreachable", steps: 0, readings: 600 * (k + 1) };
    }
    if (between(k, 3000, 3009)) {
      return healthy(k, { state: "stale", peak: 2 * (k - 3000) + 2, source: NTP });
    }
    return healthy(k);
  }),
  { ...push("d-gone", (k) => healthy(k)), last: 1440 },
  push("e-both", (k) =>
    between(k, 500, 599)
      ? undefined
      : healthy(k + 10, { steps: k < 550 ? 0 : k < 1001 ? 1 : 2, source: NTP }),
  ),
  {
    ...push("e-both", (k) =>
      between(k, 700, 799)
        ? undefined
        : healthy(k + 10, {
            peak: k === 900 ? 11 : 0.06,
            steps: k < 550 ? 0 : k < 1000 ? 1 : 2,
            source: NTP,
          }),
    ),
    job: "chrony-tracker-pull",
    offsetSeconds: 300,
    first: -1,
    last: LAST - 1,
  },
  { ...push("f-late", (k) => healthy(k - 2880)), first: 2880 },
  push("g-other-exporter", (k) =>
    between(k, 20, 22) ? undefined : { error: k === 10 ? 50 : 1, bound: k === 10 ? 3 : 2 },
  ),
  { ...push(HOSTILE_NAME, (k) => healthy(k)), last: 10 },
];

const RANGE_SECONDS = LAST * INTERVAL_SECONDS;

/** The figures of each node with a limit of 10 ms, computed by hand. Times are in seconds; k are numbers of collections. */
export const EXPECTED: Readonly<Record<string, object>> = {
  // One collection above: the interval before it.
  "a-steady": {
    judged_by: "peak",
    largest_error_ms: 12.5,
    largest_error_at: timeOf(1000),
    above_seconds: 600,
    not_known_seconds: 0,
    exceedances: 1,
    steps: 3,
    agent_restarts: 0,
    states: { synchronised: RANGE_SECONDS, not_known: 0 },
    sources: [{ name: "PHC0", address: "PHC0", seconds: RANGE_SECONDS }],
  },
  // The two intervals in which the agent restarted are not known. Steps: 5 → 6, 1 after the restart at 100, 0 after
  // that at 2000, 0 → 4. The 900 ms after a restart cover no time before them.
  "b-restarts": {
    judged_by: "peak",
    largest_error_ms: 900,
    largest_error_at: timeOf(100),
    above_seconds: 0,
    not_known_seconds: 1200,
    exceedances: 1,
    steps: 6,
    agent_restarts: 2,
    states: { synchronised: RANGE_SECONDS - 1200, not_known: 1200 },
    sources: [{ name: "PHC0", address: "PHC0", seconds: RANGE_SECONDS - 1200 }],
  },
  // 999 to 1036 are 22,200 s, of which the peak at 1036 covers 1,200. chronyd was silent from 1999 to 2006. Stale:
  // 2999 to 3010; 12 to 20 ms at 3005 to 3009.
  "c-outage": {
    judged_by: "peak",
    largest_error_ms: 20,
    largest_error_at: timeOf(3009),
    above_seconds: 3000,
    not_known_seconds: 21_000 + 4200,
    exceedances: 1,
    steps: 0,
    agent_restarts: 0,
    states: {
      synchronised: RANGE_SECONDS - 22_200 - 4200 - 6600,
      unreachable: 4200,
      stale: 6600,
      not_known: 22_200,
    },
    // The source of an interval is that of its later collection. The gaps 999–1036 and 1999–2006 are longer than a window.
    sources: [
      { name: "PHC0", address: "PHC0", seconds: RANGE_SECONDS - 22_200 - 4200 - 6000 },
      { name: "ntp-1.example", address: "192.0.2.1", seconds: 6000 },
    ],
  },
  // Ten days of 31.
  "d-gone": {
    judged_by: "peak",
    largest_error_ms: 0.05,
    largest_error_at: timeOf(1),
    above_seconds: 0,
    not_known_seconds: 21 * 86_400,
    exceedances: 0,
    steps: 0,
    agent_restarts: 0,
    states: { synchronised: 10 * 86_400, not_known: 21 * 86_400 },
    sources: [{ name: "PHC0", address: "PHC0", seconds: 10 * 86_400 }],
  },
  // Gaps of one way are covered by the other. Two steps, one seen by both ways and one by one.
  "e-both": {
    judged_by: "peak",
    largest_error_ms: 11,
    largest_error_at: timeOf(900.5),
    above_seconds: 600,
    not_known_seconds: 0,
    exceedances: 1,
    steps: 2,
    agent_restarts: 0,
    states: { synchronised: RANGE_SECONDS, not_known: 0 },
    sources: [{ name: "ntp-1.example", address: "192.0.2.1", seconds: RANGE_SECONDS }],
  },
  "f-late": {
    judged_by: "peak",
    largest_error_ms: 0.05,
    largest_error_at: timeOf(2880),
    above_seconds: 0,
    not_known_seconds: 20 * 86_400,
    exceedances: 0,
    steps: 0,
    agent_restarts: 0,
    states: { synchronised: 11 * 86_400, not_known: 20 * 86_400 },
    sources: [{ name: "PHC0", address: "PHC0", seconds: 11 * 86_400 }],
  },
  // 19 to 23 is longer than a window, and error and bound do not cover the time between.
  "g-other-exporter": {
    judged_by: "error and bound",
    largest_error_ms: 50,
    largest_error_at: timeOf(10),
    above_seconds: 600,
    not_known_seconds: 2400,
    exceedances: 1,
    steps: null,
    agent_restarts: null,
    states: { not_known: RANGE_SECONDS },
    sources: [],
  },
  [HOSTILE_NAME]: {
    judged_by: "peak",
    largest_error_ms: 0.05,
    largest_error_at: timeOf(1),
    above_seconds: 0,
    not_known_seconds: RANGE_SECONDS - 6000,
    exceedances: 0,
    steps: 0,
    agent_restarts: 0,
    states: { synchronised: 6000, not_known: RANGE_SECONDS - 6000 },
    sources: [{ name: "PHC0", address: "PHC0", seconds: 6000 }],
  },
};

/** Each time above 10 ms, in order. */
export const EXPECTED_EXCEEDANCES = [
  exceedance("g-other-exporter", 9, 10, 50, 10),
  exceedance("b-restarts", 100, 100, 900, 100),
  exceedance("e-both", 899.5, 900.5, 11, 900.5),
  exceedance("a-steady", 999, 1000, 12.5, 1000),
  exceedance("c-outage", 3004, 3009, 20, 3009),
];

function exceedance(node: string, from: number, to: number, largest: number, at: number) {
  return {
    cluster: "month",
    node,
    from: timeOf(from),
    to: timeOf(to),
    seconds: (to - from) * INTERVAL_SECONDS,
    largest_error_ms: largest,
    largest_error_at: timeOf(at),
  };
}

/** The time of collection k, as text. */
export function timeOf(k: number): string {
  return new Date(Date.parse(FROM) + k * INTERVAL_SECONDS * 1000).toISOString();
}

/** Writes all samples as OpenMetrics text. */
export async function writeMonth(file: string): Promise<void> {
  const stream = createWriteStream(file);
  for (const { node, job, offsetSeconds, first, last, collection } of PLAYERS) {
    const labels = { cluster: "month", job, instance: node, k8s_node_name: node };
    for (let k = first; k <= last; k++) {
      const seconds = Date.parse(FROM) / 1000 + k * INTERVAL_SECONDS + offsetSeconds;
      const text = linesOf(collection(k) ?? {}, labels)
        .map((line) => `${line} ${seconds}\n`)
        .join("");
      if (!stream.write(text)) {
        await once(stream, "drain");
      }
    }
  }
  // Another cluster, which must not be in the report.
  stream.write(
    `chrony_clock_error_peak_ms{cluster="other",k8s_node_name="x"} 9999 ${Date.parse(FROM) / 1000 + 60}\n`,
  );
  stream.end("# EOF\n");
  await once(stream, "finish");
}

/** The samples of a collection, without times. */
export function linesOf(
  { peak, error, bound, state, steps, readings, source }: Collection,
  labels: Readonly<Record<string, string>>,
): string[] {
  const line = (name: string, value: number, more: Readonly<Record<string, string>> = {}) => {
    const pairs = Object.entries({ ...labels, ...more });
    return `${name}{${pairs.map(([key, text]) => `${key}=${JSON.stringify(text)}`).join(",")}} ${value}`;
  };
  return [
    ...(peak === undefined ? [] : [line("chrony_clock_error_peak_ms", peak)]),
    ...(error === undefined ? [] : [line("chrony_clock_error_ms", error)]),
    ...(bound === undefined ? [] : [line("chrony_clock_error_bound_ms", bound)]),
    ...(state === undefined
      ? []
      : SYNC_STATES.map((one) => line("chrony_sync_state", one === state ? 1 : 0, { state: one }))),
    ...(steps === undefined ? [] : [line("chrony_clock_steps_total", steps)]),
    ...(readings === undefined
      ? []
      : [
          line("chrony_tracker_readings_total", readings, { result: "success" }),
          line("chrony_tracker_readings_total", 0, { result: "failure" }),
        ]),
    ...(source === undefined
      ? []
      : [
          line("chrony_tracking_info", 1, {
            tracking_refid: "50484330",
            tracking_address: source.address,
            tracking_name: source.name,
          }),
        ]),
  ];
}
