/**
 * What happens to clusters, as histories for promtool, at any number of nodes, and what alerts it makes.
 * All times are in minutes; every incident begins after an hour in which all is well.
 */

/** When an incident begins. */
export const BEGINS_AT = 60;

/** Values of a series, one a minute: numbers, or nothing. */
type Values = readonly (number | undefined)[];

/** What is known of one node, each a value a minute. */
export type NodeHistory = {
  readonly name: string;
  /** By metric and further labels, such as `chrony_sync_state,state="stale"`. */
  readonly series: Readonly<Record<string, Values>>;
};

/** Something that happens, for a cluster of any size. */
export type Incident = {
  readonly name: string;
  /** How long the history is. */
  readonly minutes: number;
  readonly nodes: (count: number) => readonly NodeHistory[];
  /** The alerts that fire at some time, and how many of each, for so many nodes. */
  readonly expected: (count: number) => Readonly<Record<string, number>>;
};

type State = "synchronised" | "stale" | "unreachable" | "unsynchronised";

/** How one node fares: a function of the minute. */
type Course = {
  /** Whether its agent reports; it does by default. */
  readonly reports?: (minute: number) => boolean;
  readonly state?: (minute: number) => State;
  readonly errorMs?: (minute: number) => number;
  readonly steps?: (minute: number) => number;
  /** The collector's clock minus the node's, in seconds. */
  readonly offset?: (minute: number) => number;
  /** Without a push: no offset from the collector, but the node's clock in the samples. */
  readonly byPull?: boolean;
  /** Whether kube-state-metrics knows the node. */
  readonly exists?: (minute: number) => boolean;
  /** A taint that the node has, and Ready being false. */
  readonly down?: (minute: number) => boolean;
  readonly pushesFail?: (minute: number) => boolean;
};

const STATES: readonly State[] = ["synchronised", "stale", "unreachable", "unsynchronised"];
const since = (minute: number) => minute >= BEGINS_AT;

function history(name: string, minutes: number, course: Course): NodeHistory {
  const reports = course.reports ?? (() => true);
  const exists = course.exists ?? (() => true);
  const state = course.state ?? (() => "synchronised" as const);
  const each = (value: (minute: number) => number | undefined): Values =>
    Array.from({ length: minutes }, (_, minute) => value(minute));
  const reported = (value: (minute: number) => number | undefined) =>
    each((minute) => (reports(minute) ? value(minute) : undefined));
  const known = (minute: number) => state(minute) !== "unreachable";
  const series: Record<string, Values> = {
    chrony_up: reported((minute) => (known(minute) ? 1 : 0)),
    chrony_clock_error_peak_ms: reported((minute) =>
      known(minute) ? (course.errorMs?.(minute) ?? 0.05) : undefined,
    ),
    chrony_clock_error_ms: reported((minute) => (known(minute) ? 0.05 : undefined)),
    chrony_clock_error_bound_ms: reported((minute) => (known(minute) ? 0.05 : undefined)),
    chrony_clock_steps_total: reported((minute) => course.steps?.(minute) ?? 0),
    kube_node_info: each((minute) => (exists(minute) ? 1 : undefined)),
  };
  for (const one of STATES) {
    series[`chrony_sync_state,state="${one}"`] = reported((minute) =>
      state(minute) === one ? 1 : 0,
    );
  }
  if (course.byPull === true) {
    // A sample's time is Prometheus'; the reference time is by the node's clock, some seconds old.
    series["chrony_tracking_reference_timestamp_seconds"] = reported(
      (minute) => minute * 60 - 8 - (course.offset?.(minute) ?? 0),
    );
    series["chrony_reference_age_seconds"] = reported(() => 8);
  } else {
    series["chrony_collector_offset_seconds"] = reported(
      (minute) => course.offset?.(minute) ?? 0.01,
    );
  }
  if (course.down !== undefined) {
    const { down } = course;
    series['kube_node_spec_taint,key="node.kubernetes.io/unreachable"'] = each((minute) =>
      exists(minute) && down(minute) ? 1 : undefined,
    );
    series['kube_node_status_condition,condition="Ready",status="true"'] = each((minute) =>
      exists(minute) ? Number(!down(minute)) : undefined,
    );
  }
  if (course.pushesFail !== undefined) {
    const { pushesFail } = course;
    let [failed, succeeded] = [0, 0];
    const counts = Array.from({ length: minutes }, (_, minute) => {
      failed += pushesFail(minute) ? 2 : 0;
      succeeded += pushesFail(minute) ? 0 : 2;
      return [failed, succeeded] as const;
    });
    series['chrony_tracker_exports_total,result="failure"'] = counts.map(([failure]) => failure);
    series['chrony_tracker_exports_total,result="success"'] = counts.map(([, success]) => success);
  }
  return { name, series };
}

/** A cluster of which some nodes fare badly, and the others well. */
function some(
  minutes: number,
  howMany: (count: number) => number,
  course: Course,
): (count: number) => readonly NodeHistory[] {
  return (count) =>
    Array.from({ length: count }, (_, index) =>
      history(
        `aks-pool-${index}`,
        minutes,
        index < howMany(count)
          ? course
          : course.byPull === true
            ? { byPull: true }
            : course.pushesFail === undefined
              ? {}
              : { pushesFail: () => false },
      ),
    );
}

const all = (count: number) => count;
const one = () => 1;
const share = (of: number) => (count: number) => Math.max(1, Math.floor(of * count));
const gone = (minute: number) => !since(minute);

/** Whether so many nodes are told of by one alert of the cluster: thresholds.ts. */
const isMany = (bad: number, count: number) => bad > Math.min(19, Math.max(2, 0.3 * count));

function oneForMany(
  bad: (count: number) => number,
  cluster: string,
  node: string,
): Incident["expected"] {
  return (count) => (isMany(bad(count), count) ? { [cluster]: 1 } : { [node]: bad(count) });
}

/** Every incident, in the order of the table in docs/incidents.md. */
export const INCIDENTS: readonly Incident[] = [
  {
    name: "All is well",
    minutes: 120,
    nodes: some(120, one, {}),
    expected: () => ({}),
  },
  {
    name: "The time source of every node is lost",
    minutes: 120,
    nodes: some(120, all, { state: (minute) => (since(minute) ? "stale" : "synchronised") }),
    expected: () => ({ ClocksOffInCluster: 1 }),
  },
  {
    name: "Every clock of the cluster is stepped by 1 s",
    minutes: 120,
    nodes: some(120, all, { steps: (minute) => (since(minute) ? 1 : 0) }),
    expected: () => ({ ClocksSteppedInCluster: 1 }),
  },
  {
    name: "One clock is stepped",
    minutes: 120,
    nodes: some(120, one, { steps: (minute) => (since(minute) ? 1 : 0) }),
    expected: () => ({ ClockStepped: 1 }),
  },
  {
    name: "The collector is away for an hour",
    minutes: 150,
    nodes: some(150, all, { reports: (minute) => minute < 60 || minute >= 120 }),
    expected: () => ({ ChronyTrackerManyNotReporting: 1 }),
  },
  {
    name: "One agent is silent for an hour",
    minutes: 150,
    nodes: some(150, one, { reports: (minute) => minute < 60 || minute >= 120 }),
    expected: () => ({ ChronyTrackerNodeNotReporting: 1 }),
  },
  {
    name: "The cluster is stopped for the night",
    minutes: 180,
    nodes: some(180, all, { reports: gone, exists: gone }),
    expected: () => ({ ChronyTrackerClusterGone: 1 }),
  },
  {
    name: "Two thirds of the nodes are deallocated or evicted; their objects stay for 25 minutes",
    minutes: 150,
    nodes: some(150, share(0.67), {
      reports: gone,
      exists: (minute) => minute < BEGINS_AT + 25,
      down: (minute) => minute > BEGINS_AT,
    }),
    expected: () => ({}),
  },
  {
    name: "A pool of two fifths is scaled away",
    minutes: 150,
    nodes: some(150, share(0.4), { reports: gone, exists: gone }),
    expected: () => ({}),
  },
  {
    name: "An agent reports for 2 minutes of 20, again and again",
    minutes: 240,
    nodes: some(240, one, { reports: (minute) => minute < 60 || minute % 20 < 2 }),
    expected: () => ({ ChronyTrackerNodeComesAndGoes: 1 }),
  },
  {
    name: "A clock is stale, unreachable and well by turns, a third of the time each",
    minutes: 240,
    nodes: some(240, one, {
      state: (minute) =>
        minute < 60
          ? "synchronised"
          : ((["stale", "unreachable", "synchronised"] as const)[Math.floor(minute / 4) % 3] ??
            "stale"),
    }),
    expected: () => ({ ClockRarelySynchronised: 1 }),
  },
  {
    name: "One clock is 30 s off, and chronyd calls it well",
    minutes: 120,
    nodes: some(120, one, { offset: (minute) => (since(minute) ? 30 : 0) }),
    expected: () => ({ ClockFarFromCollectorCritical: 1 }),
  },
  {
    name: "The same, by pull alone",
    minutes: 120,
    nodes: some(120, one, { offset: (minute) => (since(minute) ? 30 : 0), byPull: true }),
    expected: () => ({ ClockFarFromCollectorCritical: 1 }),
  },
  {
    name: "A pool of two fifths is 37 s off, and chronyd calls it well",
    minutes: 120,
    nodes: some(120, share(0.4), { offset: (minute) => (since(minute) ? -37 : 0) }),
    expected: (count) =>
      share(0.4)(count) < 20
        ? { ClockFarFromCollectorCritical: share(0.4)(count) }
        : { ClocksFarInCluster: 1 },
  },
  {
    name: "The collector's clock is 37 s off",
    minutes: 120,
    nodes: some(120, all, { offset: (minute) => (since(minute) ? -37 : 0) }),
    expected: () => ({ ChronyTrackerCollectorClockOff: 1 }),
  },
  {
    name: "A quarter of the nodes can be wrong by 300 ms",
    minutes: 120,
    nodes: some(120, share(0.25), { errorMs: (minute) => (since(minute) ? 300 : 0.05) }),
    expected: oneForMany(share(0.25), "ClocksOffInCluster", "ClockErrorCritical"),
  },
  {
    name: "Every push fails for an hour, and the agents are scraped as well",
    minutes: 150,
    nodes: some(150, all, { pushesFail: (minute) => minute >= 60 && minute < 120 }),
    expected: () => ({ ChronyTrackerManyPushesFailing: 1 }),
  },
];

/** One alert of a history: how many at the most at once, and in which minute the first. */
export type Fired = {
  readonly alert: string;
  readonly severity: string;
  readonly most: number;
  readonly firstMinute: number;
};

/** The promtool test of a history, which "fails" with what fires in every other minute. */
export function promtoolTest(incident: Incident, count: number, ruleFile: string): object {
  const { minutes } = incident;
  return {
    rule_files: [ruleFile],
    evaluation_interval: "1m",
    tests: [
      {
        interval: "1m",
        input_series: incident.nodes(count).flatMap(({ name, series }) =>
          Object.entries(series).map(([key, values]) => {
            const [metric = "", ...labels] = key.split(",");
            const node = metric.startsWith("kube_") ? "node" : "k8s_node_name";
            const all = [`cluster="blue"`, `${node}="${name}"`, ...labels].join(",");
            return { series: `${metric}{${all}}`, values: notation(values) };
          }),
        ),
        promql_expr_test: Array.from({ length: Math.floor(minutes / 2) }, (_, index) => ({
          expr: 'count by (alertname, severity) (ALERTS{alertstate="firing"})',
          eval_time: `${index * 2}m`,
          // What never is, so that promtool says what is.
          exp_samples: [{ labels: "{}", value: -1 }],
        })),
      },
    ],
  };
}

/** What promtool says of such a test. */
export function firedIn(output: string): Fired[] {
  const fired = new Map<string, Fired>();
  for (const [, time = "", got = ""] of output.matchAll(/time: (\S+),\s+exp:.*\n\s+got:\s*(.*)/g)) {
    const minute = minutesOf(time);
    for (const [, alert = "", severity = "", value = ""] of got.matchAll(
      /\{alertname="(\w+)", severity="(\w+)"\} (\S+?)(?:,|$)/g,
    )) {
      const before = fired.get(alert);
      fired.set(alert, {
        alert,
        severity,
        most: Math.max(before?.most ?? 0, Number(value)),
        firstMinute: before?.firstMinute ?? minute,
      });
    }
  }
  return [...fired.values()];
}

/** `1h58m` is 118. */
function minutesOf(duration: string): number {
  const { h = 0, m = 0 } = /^(?:(?<h>\d+)h)?(?:(?<m>\d+)m)?/.exec(duration)?.groups ?? {};
  return 60 * Number(h) + Number(m);
}

/** As promtool writes values: equal ones in runs. */
function notation(values: Values): string {
  const runs: { value: number | undefined; length: number }[] = [];
  for (const value of values) {
    const last = runs.at(-1);
    if (last !== undefined && last.value === value) {
      last.length += 1;
    } else {
      runs.push({ value, length: 1 });
    }
  }
  return runs
    .map(({ value, length }) => (value === undefined ? `_x${length}` : `${value}+0x${length - 1}`))
    .join(" ");
}
