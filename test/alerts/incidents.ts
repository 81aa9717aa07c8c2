/**
 * Incidents of clusters of any size as histories for promtool, and their alerts. All times are in minutes;
 * every incident begins after a healthy hour.
 */

/** When an incident begins. */
export const BEGINS_AT = 60;

/** The values of a series, one per minute; `undefined` where there is none. */
type Values = readonly (number | undefined)[];

/** The series of one node. */
export type NodeHistory = {
  readonly name: string;
  /** By metric and labels, such as `chrony_sync_state,state="stale"`. */
  readonly series: Readonly<Record<string, Values>>;
};

/** An incident in a cluster of any size. */
export type Incident = {
  readonly name: string;
  /** The length of the history. */
  readonly minutes: number;
  readonly nodes: (count: number) => readonly NodeHistory[];
  /** The alerts that fire at some time, and how many of each, by the number of nodes. */
  readonly expected: (count: number) => Readonly<Record<string, number>>;
  /** An alert that may end and fire again. All others fire once. */
  readonly comesAndGoes?: string;
};

type State = "synchronised" | "stale" | "stepped" | "unreachable" | "unsynchronised";

/** What happens to one node, as functions of the minute. */
type Course = {
  /** Whether its agent reports. Default: it does. */
  readonly reports?: (minute: number) => boolean;
  readonly state?: (minute: number) => State;
  readonly errorMs?: (minute: number) => number;
  readonly steps?: (minute: number) => number;
  /** The collector's clock minus the node's, in seconds. */
  readonly offset?: (minute: number) => number;
  /** Pulled only: without an offset from the collector. */
  readonly byPull?: boolean;
  /** Whether kube-state-metrics has the node. No node has it if kube-state-metrics is not collected. */
  readonly exists?: (minute: number) => boolean;
  readonly withoutKubeStateMetrics?: boolean;
  /** Whether the node has a taint and is not ready. */
  readonly down?: (minute: number) => boolean;
  readonly pushesFail?: (minute: number) => boolean;
  /** Further series of its agent, as in NodeHistory; those here go before the ones above. */
  readonly series?: Readonly<Record<string, (minute: number) => number | undefined>>;
};

const STATES: readonly State[] = [
  "synchronised",
  "stale",
  "stepped",
  "unreachable",
  "unsynchronised",
];
const KUBE_NODE_INFO = 'kube_node_info,provider_id="azure:///subscriptions/s/vm"';
const PHC0_FOLLOWED = 'chrony_tracking_info,tracking_refid="50484330"';
const UPGRADE_ENDS_AT = BEGINS_AT + 130;
const since = (minute: number) => minute >= BEGINS_AT;

function history(name: string, minutes: number, course: Course): NodeHistory {
  const reports = course.reports ?? (() => true);
  const exists =
    course.withoutKubeStateMetrics === true ? () => false : (course.exists ?? (() => true));
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
    chrony_clock_error_bound_ms: reported((minute) =>
      known(minute) ? (course.errorMs?.(minute) ?? 0.05) : undefined,
    ),
    chrony_clock_steps_total: reported((minute) => course.steps?.(minute) ?? 0),
    [KUBE_NODE_INFO]: each((minute) => (exists(minute) ? 1 : undefined)),
  };
  for (const one of STATES) {
    series[`chrony_sync_state,state="${one}"`] = reported((minute) =>
      state(minute) === one ? 1 : 0,
    );
  }
  if (course.byPull === true) {
    // The sample's time is that of Prometheus. The reference time is by the node's clock, and some seconds old.
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
  for (const [key, value] of Object.entries(course.series ?? {})) {
    series[key] = reported(value);
  }
  return { name, series };
}

/** A cluster in which something happens to some of the nodes. */
function some(
  minutes: number,
  howMany: (count: number) => number,
  course: Course,
): (count: number) => readonly NodeHistory[] {
  return (count) =>
    Array.from({ length: count }, (_, index) =>
      history(`aks-pool-${index}`, minutes, index < howMany(count) ? course : wellBeside(course)),
    );
}

/** The other nodes of a cluster, which are healthy and report the same way. */
function wellBeside({ byPull, pushesFail, withoutKubeStateMetrics }: Course): Course {
  return {
    ...(byPull !== undefined && { byPull }),
    ...(pushesFail !== undefined && { pushesFail: () => false }),
    ...(withoutKubeStateMetrics !== undefined && { withoutKubeStateMetrics }),
  };
}

/**
 * An upgrade with one surge node: each node is replaced by a new one, whose agent reports after three minutes;
 * the old one is removed after three more. It takes two hours for any number of nodes.
 */
function upgraded(course: Course): (count: number) => readonly NodeHistory[] {
  const minutes = UPGRADE_ENDS_AT + 20;
  return (count) =>
    Array.from({ length: count }, (_, index) => {
      const begins = BEGINS_AT + Math.floor((index * (UPGRADE_ENDS_AT - 10 - BEGINS_AT)) / count);
      const until = (minute: number) => minute < begins + 6;
      return [
        history(`aks-pool-${index}`, minutes, { ...course, exists: until, reports: until }),
        history(`aks-pool-${index}-new`, minutes, {
          ...course,
          exists: (minute) => minute >= begins,
          reports: (minute) => minute >= begins + 3,
        }),
      ];
    }).flat();
}

/** A cluster in which each node fares by its place, of so many. */
function eachNode(
  minutes: number,
  course: (index: number, count: number) => Course,
): (count: number) => readonly NodeHistory[] {
  return (count) =>
    Array.from({ length: count }, (_, index) =>
      history(`aks-pool-${index}`, minutes, course(index, count)),
    );
}

const all = (count: number) => count;
const one = () => 1;
const share = (of: number) => (count: number) => Math.max(1, Math.floor(of * count));
const gone = (minute: number) => !since(minute);
const allBut = (left: number) => (count: number) => Math.max(0, count - left);
const away = (from: number, to: number) => (minute: number) => minute < from || minute >= to;
const STOPPED_IN_ANY: Incident["expected"] = () => ({ ChronyTrackerManyNotReporting: 1 });
const NOTHING: Incident["expected"] = () => ({});

/** Whether this many nodes have one alert of the cluster in place of their own: thresholds.ts. */
const isMany = (bad: number, count: number) => bad > Math.min(19, Math.max(2, 0.3 * count));

function oneForMany(
  bad: (count: number) => number,
  cluster: string,
  node: string,
): Incident["expected"] {
  return (count) => (isMany(bad(count), count) ? { [cluster]: 1 } : { [node]: bad(count) });
}

/** All incidents, in the order of docs/incidents.md. */
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
    name: "An agent reports for 2 minutes of every 20",
    minutes: 240,
    nodes: some(240, one, { reports: (minute) => minute < 60 || minute % 20 < 2 }),
    expected: () => ({ ChronyTrackerNodeComesAndGoes: 1 }),
  },
  {
    name: "A clock is stale, unreachable and synchronised in turn, a third of the time each",
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
    name: "One clock is 30 s off, and chronyd reports synchronised",
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
    name: "A pool of two fifths is 37 s off, and chronyd reports synchronised",
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
    name: "Two clocks can be wrong by 220 ms each: together by more than a database bears",
    minutes: 120,
    nodes: some(120, () => 2, { errorMs: (minute) => (since(minute) ? 220 : 0.05) }),
    expected: () => ({ ClockSkewInCluster: 1 }),
  },
  {
    name: "Two clocks can be wrong by 180 ms each",
    minutes: 120,
    nodes: some(120, () => 2, { errorMs: (minute) => (since(minute) ? 180 : 0.05) }),
    expected: () => ({ ClockErrorHigh: 2 }),
  },
  {
    name: "One clock can be wrong by 300 ms, another by 220 ms",
    minutes: 120,
    nodes: (count) =>
      Array.from({ length: count }, (_, index) =>
        history(`aks-pool-${index}`, 120, {
          errorMs: (minute) => (since(minute) ? ([300, 220][index] ?? 0.05) : 0.05),
        }),
      ),
    expected: () => ({ ClockErrorCritical: 1, ClockErrorHigh: 1 }),
  },
  {
    name: "Every clock is stepped by 5 s, and stepped back after five minutes",
    minutes: 150,
    nodes: some(150, all, {
      steps: (minute) => (minute < 60 ? 0 : minute < 65 ? 1 : 2),
      state: (minute) => (minute >= 60 && minute < 65 ? "stepped" : "synchronised"),
      errorMs: (minute) => (minute >= 60 && minute < 66 ? 5000 : 0.05),
    }),
    expected: () => ({ ClocksSteppedInCluster: 1 }),
  },
  {
    name: "One clock is 30 s off, and the collector restarts for three minutes",
    minutes: 120,
    nodes: (count) =>
      Array.from({ length: count }, (_, index) =>
        history(`aks-pool-${index}`, 120, {
          reports: away(75, 78),
          offset: (minute) => (index === 0 && since(minute) ? 30 : 0.01),
        }),
      ),
    expected: () => ({ ClockFarFromCollectorCritical: 1 }),
  },
  {
    name: "A clock is synchronised for 4 minutes of 10, else stale",
    minutes: 240,
    nodes: some(240, one, {
      state: (minute) => (since(minute) && minute % 10 >= 4 ? "stale" : "synchronised"),
    }),
    expected: () => ({ ClockRarelySynchronised: 1 }),
  },
  {
    name: "A clock is synchronised for 8 minutes of 20, else stale",
    minutes: 240,
    nodes: some(240, one, {
      state: (minute) => (since(minute) && minute % 20 >= 8 ? "stale" : "synchronised"),
    }),
    expected: () => ({ ClockRarelySynchronised: 1 }),
  },
  {
    name: "A source is lost for three hours; chronyd is restarted, and finds another",
    minutes: 360,
    nodes: some(360, one, {
      state: (minute) =>
        minute < 60 || minute >= 244
          ? "synchronised"
          : minute < 240
            ? "stale"
            : minute < 242
              ? "unreachable"
              : "unsynchronised",
    }),
    expected: () => ({ TimeSourceStale: 1 }),
  },
  {
    name: "Three in ten nodes lose power at once",
    minutes: 150,
    nodes: some(150, share(0.3), { reports: gone, down: (minute) => minute > BEGINS_AT }),
    expected: NOTHING,
  },
  {
    name: "A cluster shrinks to 3 nodes, and grows again after an hour; new agents take 12 minutes",
    minutes: 180,
    nodes: some(180, allBut(3), { exists: away(60, 120), reports: away(60, 132) }),
    expected: NOTHING,
  },
  {
    name: "The cluster is stopped for two hours; new agents take 5 minutes",
    minutes: 240,
    nodes: some(240, all, { exists: away(60, 180), reports: away(60, 185) }),
    expected: () => ({ ChronyTrackerClusterGone: 1 }),
  },
  {
    name: "Every node is replaced one after the other, with one surge node",
    minutes: UPGRADE_ENDS_AT + 20,
    nodes: upgraded({}),
    expected: NOTHING,
  },
  {
    name: "kube-state-metrics is away for half an hour",
    minutes: 150,
    nodes: some(150, all, { exists: away(60, 90) }),
    expected: NOTHING,
  },
  {
    name: "Without kube-state-metrics: every node is replaced, with one surge node",
    minutes: UPGRADE_ENDS_AT + 20,
    nodes: upgraded({ withoutKubeStateMetrics: true }),
    expected: NOTHING,
  },
  {
    name: "Without kube-state-metrics: one agent is silent for an hour",
    minutes: 150,
    nodes: some(150, one, { reports: away(60, 120), withoutKubeStateMetrics: true }),
    expected: () => ({ ChronyTrackerNodeStoppedReporting: 1 }),
  },
  {
    name: "Without kube-state-metrics: the collector is away for an hour",
    minutes: 150,
    nodes: some(150, all, { reports: away(60, 120), withoutKubeStateMetrics: true }),
    expected: STOPPED_IN_ANY,
  },
  {
    name: "Without kube-state-metrics: the cluster is stopped for the night",
    minutes: 180,
    nodes: some(180, all, { reports: gone, withoutKubeStateMetrics: true }),
    expected: STOPPED_IN_ANY,
  },
  {
    name: "Without kube-state-metrics: a cluster shrinks to 3 nodes",
    minutes: 180,
    nodes: some(180, allBut(3), { reports: gone, withoutKubeStateMetrics: true }),
    expected: (count) => (count > 3 ? { ChronyTrackerManyNotReporting: 1 } : {}),
  },
  {
    name: "Every push fails for an hour, and the agents are scraped as well",
    minutes: 150,
    nodes: some(150, all, { pushesFail: (minute) => minute >= 60 && minute < 120 }),
    expected: () => ({ ChronyTrackerManyPushesFailing: 1 }),
  },
  {
    name: "Two halves of the cluster drift 1.5 s away, one ahead and one behind, and chronyd reports synchronised",
    minutes: 120,
    nodes: eachNode(120, (index) => ({
      offset: (minute) => (since(minute) ? (index % 2 === 0 ? 1.5 : -1.5) : 0),
    })),
    expected: () => ({ ClocksFarInCluster: 1 }),
  },
  {
    name: "A second time daemon steps one clock every 20 minutes",
    minutes: 240,
    nodes: some(240, one, {
      steps: (minute) => (since(minute) ? 1 + Math.floor((minute - BEGINS_AT) / 20) : 0),
    }),
    expected: () => ({ ClockStepped: 1 }),
    // Each of the first steps, until there are so many that they are one alert.
    comesAndGoes: "ClockStepped",
  },
  {
    name: "Half of the clocks are stepped by 30 s, and stay there",
    minutes: 120,
    nodes: some(120, share(0.5), {
      offset: (minute) => (since(minute) ? -30 : 0),
      steps: (minute) => (since(minute) ? 1 : 0),
    }),
    expected: (count) =>
      share(0.5)(count) < 20
        ? { ClockFarFromCollectorCritical: share(0.5)(count) }
        : { ClocksFarInCluster: 1 },
  },
  {
    name: "One clock jumps back by an hour, and chronyd reports synchronised",
    minutes: 120,
    nodes: some(120, one, {
      offset: (minute) => (since(minute) ? 3600 : 0),
      steps: (minute) => (since(minute) ? 1 : 0),
    }),
    expected: () => ({ ClockFarFromCollectorCritical: 1 }),
  },
  {
    name: "One clock jumps back by an hour, and chronyd knows it",
    minutes: 120,
    nodes: some(120, one, {
      errorMs: (minute) => (since(minute) ? 3_600_000 : 0.05),
      offset: (minute) => (since(minute) ? 3600 : 0),
      steps: (minute) => (since(minute) ? 1 : 0),
    }),
    expected: () => ({ ClockErrorCritical: 1 }),
  },
  {
    name: "One node never finds a source: 1500 ms",
    minutes: 120,
    nodes: some(120, one, {
      state: (minute) => (since(minute) ? "unsynchronised" : "synchronised"),
      errorMs: (minute) => (since(minute) ? 1500 : 0.05),
    }),
    expected: () => ({ ClockErrorCritical: 1 }),
  },
  {
    name: "One clock changes between two sources 400 ms apart: too wrong for 2 minutes of 10",
    minutes: 150,
    nodes: some(150, one, {
      errorMs: (minute) => (since(minute) && minute % 10 < 2 ? 400 : 0.05),
    }),
    expected: () => ({ ClockErrorCritical: 1 }),
  },
  {
    name: "Every clock is too wrong for 4 minutes of 8",
    minutes: 120,
    nodes: some(120, all, {
      errorMs: (minute) => (since(minute) && minute % 8 < 4 ? 400 : 0.05),
    }),
    expected: () => ({ ClocksOffInCluster: 1 }),
  },
  {
    name: "chronyd of every node crashes repeatedly: synchronised for 3 minutes of 7",
    minutes: 150,
    nodes: some(150, all, {
      state: (minute) => (since(minute) && minute % 7 >= 3 ? "unreachable" : "synchronised"),
    }),
    expected: () => ({ ClocksOffInCluster: 1 }),
  },
  {
    name: "The collector crashes repeatedly: away for 16 minutes of 20",
    minutes: 150,
    nodes: some(150, all, { reports: (minute) => !since(minute) || minute % 20 < 4 }),
    expected: () => ({ ChronyTrackerManyNotReporting: 1 }),
  },
  {
    name: "Agents are replaced, a tenth at a time, while every clock is stepped",
    minutes: 120,
    nodes: eachNode(120, (index, count) => {
      const begins = BEGINS_AT + Math.floor((10 * index) / count);
      return {
        reports: away(begins, begins + 2),
        // A new agent counts from 0, and does not see a step of before.
        steps: (minute) => Number(minute >= 63 && (minute < begins || begins + 2 <= 63)),
      };
    }),
    expected: (count) => (count === 3 ? { ClockStepped: 2 } : { ClocksSteppedInCluster: 1 }),
  },
  {
    name: "Two fifths of the nodes are removed while the collector is away",
    minutes: 180,
    nodes: eachNode(180, (index, count) =>
      index < 0.4 * count
        ? { reports: gone, exists: (minute) => minute < BEGINS_AT + 20 }
        : { reports: away(60, 150) },
    ),
    expected: () => ({ ChronyTrackerManyNotReporting: 1 }),
  },
  {
    name: "Azure ingests nothing for 20 minutes; the agents send what they kept",
    minutes: 120,
    nodes: eachNode(120, () => ({ exists: away(60, 80), reports: away(60, 61) })),
    expected: NOTHING,
  },
  {
    name: "kube-state-metrics dies; half an hour later an agent falls silent",
    minutes: 150,
    nodes: eachNode(150, (index) => ({
      exists: gone,
      reports: (minute) => index > 0 || minute < BEGINS_AT + 30,
    })),
    expected: () => ({ ChronyTrackerNodeStoppedReporting: 1 }),
  },
  {
    name: "kube-state-metrics dies; an hour later the collector is away for an hour",
    minutes: 180,
    nodes: eachNode(180, () => ({ exists: gone, reports: away(120, 180) })),
    expected: () => ({ ChronyTrackerClusterGone: 1 }),
  },
  {
    name: "The NTP server of every node loses its own source, and runs free",
    minutes: 120,
    nodes: some(120, all, { series: { chrony_upstream_local: (minute) => Number(since(minute)) } }),
    expected: () => ({ TimeSourceRunsFreeInCluster: 1 }),
  },
  {
    name: "The error of every clock grows by 4 ms an hour, although updates come",
    minutes: 150,
    nodes: some(150, all, {
      errorMs: (minute) => (since(minute) ? 5 + (minute - BEGINS_AT) / 15 : 0.05),
      series: { chrony_reference_age_seconds: () => 30 },
    }),
    expected: () => ({ ClockErrorGrowingInCluster: 1 }),
  },
  {
    name: "A relabelling drops the error of every clock",
    minutes: 120,
    nodes: some(120, all, {
      series: { chrony_clock_error_ms: (minute) => (since(minute) ? undefined : 0.05) },
    }),
    expected: () => ({ ClockErrorMissingInCluster: 1 }),
  },
  {
    name: "A new node image follows NTP, and has lost PHC0",
    minutes: 120,
    nodes: some(120, all, {
      series: { [PHC0_FOLLOWED]: (minute) => (since(minute) ? undefined : 1) },
    }),
    expected: () => ({ TimeSourceHostClockLostInCluster: 1 }),
  },
  {
    name: "A new node image follows the PHC of a network card",
    minutes: 120,
    nodes: some(120, all, {
      series: {
        [PHC0_FOLLOWED]: () => 1,
        'chrony_ptp_clock_info,device="/dev/ptp0",clock_name="mlx5"': (minute) =>
          since(minute) ? 1 : undefined,
      },
    }),
    expected: () => ({ TimeSourcePhcNotHostInCluster: 1 }),
  },
  {
    name: "A pool of two fifths is stepped by 37 s and stays there, and chronyd reports synchronised",
    minutes: 120,
    nodes: some(120, share(0.4), {
      offset: (minute) => (since(minute) ? -37 : 0),
      steps: (minute) => (since(minute) ? 1 : 0),
    }),
    expected: (count) =>
      share(0.4)(count) < 20
        ? { ClockFarFromCollectorCritical: share(0.4)(count) }
        : { ClocksFarInCluster: 1 },
  },
  {
    name: "One node loses its source, and its possible error grows to 300 ms in five hours",
    minutes: 360,
    nodes: some(360, one, {
      state: (minute) => (since(minute) ? "stale" : "synchronised"),
      errorMs: (minute) => (since(minute) ? minute - BEGINS_AT : 0.05),
    }),
    // One after the other, and no ClockErrorHigh.
    expected: () => ({ TimeSourceStale: 1, ClockErrorCritical: 1 }),
  },
  {
    name: "The possible error of one clock grows to 300 ms in five hours, although updates come",
    minutes: 360,
    nodes: some(360, one, {
      errorMs: (minute) => (since(minute) ? 5 + (minute - BEGINS_AT) : 0.05),
      series: { chrony_reference_age_seconds: () => 30 },
    }),
    expected: () => ({ ClockErrorHigh: 1, ClockErrorCritical: 1 }),
  },
  {
    name: "One clock is stepped by 100 ms by hand, and slewed back in 40 minutes",
    minutes: 120,
    nodes: some(120, one, {
      steps: (minute) => (since(minute) ? 1 : 0),
      errorMs: (minute) =>
        since(minute) ? Math.max(0.05, 100 - 2.5 * (minute - BEGINS_AT)) : 0.05,
    }),
    expected: () => ({ ClockErrorHigh: 1 }),
  },
  {
    name: "The autoscaler removes three fifths of the nodes and adds them, every 40 minutes, with equal names",
    minutes: 240,
    nodes: eachNode(240, (index, count) =>
      index < 0.4 * count
        ? {}
        : {
            exists: (minute) => minute % 40 < 25,
            reports: (minute) => minute % 40 >= 3 && minute % 40 < 25,
          },
    ),
    expected: NOTHING,
  },
  {
    name: "The time source of every node is away for 8 minutes of every 20",
    minutes: 240,
    nodes: some(240, all, {
      state: (minute) => (since(minute) && minute % 20 < 8 ? "stale" : "synchronised"),
    }),
    expected: () => ({ ClocksOffInCluster: 1 }),
  },
  {
    name: "A clock is stale for 10 minutes of every 20",
    minutes: 240,
    nodes: some(240, one, {
      state: (minute) => (since(minute) && minute % 20 < 10 ? "stale" : "synchronised"),
    }),
    expected: () => ({ ClockRarelySynchronised: 1 }),
  },
];

/** An incident in a cluster of this size. */
export type Play = { readonly incident: Incident; readonly count: number };

/** One alert of a history: the largest number at one time, when it fired, and how often it began to. */
export type Fired = {
  readonly alert: string;
  readonly severity: string;
  readonly most: number;
  readonly firstMinute: number;
  readonly lastMinute: number;
  readonly times: number;
};

/** The history is asked every so many minutes. */
const ASKED_EVERY = 2;

/**
 * The promtool test of histories of equal length, each of its own cluster in one workspace. It fails, and its error
 * lists what fires in every second minute.
 */
export function promtoolTest(plays: readonly Play[], ruleFile: string): object {
  const minutes = Math.max(...plays.map(({ incident }) => incident.minutes));
  return {
    rule_files: [ruleFile],
    evaluation_interval: "1m",
    tests: [
      {
        interval: "1m",
        input_series: plays.flatMap(({ incident, count }, index) =>
          incident.nodes(count).flatMap(({ name, series }) =>
            Object.entries(series).map(([key, values]) => {
              const [metric = "", ...labels] = key.split(",");
              const node = metric.startsWith("kube_") ? "node" : "k8s_node_name";
              const all = [`cluster="${index}"`, `${node}="${name}"`, ...labels].join(",");
              return { series: `${metric}{${all}}`, values: notation(values) };
            }),
          ),
        ),
        promql_expr_test: Array.from({ length: Math.floor(minutes / ASKED_EVERY) }, (_, index) => ({
          expr: 'count by (alertname, cluster, severity) (ALERTS{alertstate="firing"})',
          eval_time: `${index * ASKED_EVERY}m`,
          // Never true, so that promtool prints the result.
          exp_samples: [{ labels: "{}", value: -1 }],
        })),
      },
    ],
  };
}

/** Reads promtool's error of such a test: what fired in each history. */
export function firedIn(output: string, plays: readonly Play[]): Fired[][] {
  const fired = plays.map(() => new Map<string, Fired>());
  for (const [, time = "", got = ""] of output.matchAll(/time: (\S+),\s+exp:.*\n\s+got:\s*(.*)/g)) {
    const minute = minutesOf(time);
    for (const [, alert = "", cluster = "", severity = "", value = ""] of got.matchAll(
      /\{alertname="(\w+)", cluster="(\d+)", severity="(\w+)"\} (\S+?)(?:,|$)/g,
    )) {
      const ofCluster = fired[Number(cluster)];
      const before = ofCluster?.get(alert);
      ofCluster?.set(alert, {
        alert,
        severity,
        most: Math.max(before?.most ?? 0, Number(value)),
        firstMinute: before?.firstMinute ?? minute,
        lastMinute: minute,
        times:
          before === undefined
            ? 1
            : before.times + Number(minute > before.lastMinute + ASKED_EVERY),
      });
    }
  }
  return fired.map((ofCluster) => [...ofCluster.values()]);
}

/** `1h58m` is 118. */
function minutesOf(duration: string): number {
  const { h = 0, m = 0 } = /^(?:(?<h>\d+)h)?(?:(?<m>\d+)m)?/.exec(duration)?.groups ?? {};
  return 60 * Number(h) + Number(m);
}

/** Values in promtool's notation, with runs of equal values. */
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
