/**
 * The numbers of the alerts, in one place. After a change `npm run alerts` writes every file again:
 * rules.ts says what the alerts are, docs/runbook.md why these are the defaults.
 */

import { DEFAULT_THRESHOLDS } from "../src/summary/thresholds.ts";

/** Durations are Prometheus': `90s`, `5m`, `1h`. */
export const THRESHOLDS = {
  /** A clock that can be wrong by more than this, in milliseconds (also in `status`), and for how long. */
  errorWarningMs: DEFAULT_THRESHOLDS.warningMs,
  errorWarningFor: "10m",
  errorCriticalMs: DEFAULT_THRESHOLDS.criticalMs,
  errorCriticalFor: "5m",
  /**
   * An error that comes and goes counts as lasting while it was above in more than the rest of this share
   * of the last hour (nine minutes in all), and at some time within these minutes.
   */
  errorOftenQuantile: 0.85,
  errorOftenWithin: "10m",
  /**
   * So far apart any two clocks of a cluster may be, in milliseconds, and for how long they may be more.
   * CockroachDB ends a node at 400, YugabyteDB at 500; what others tolerate: docs/clock-skew.md.
   */
  clockSkewMs: 400,
  clockSkewFor: "5m",
  /** A smaller error may grow unheeded, in milliseconds. */
  errorGrowthFloorMs: 5,
  /** What the error must have grown by from each half hour to the next, in milliseconds. */
  errorGrowthMs: 0.5,

  /** How long a clock is in a state that is not good before an alert. */
  notSynchronisedFor: "5m",
  localFor: "5m",
  staleFor: "10m",
  sourceRunsFreeFor: "5m",
  /** Longer than an interval of the check against NTP servers, so that two checks agree. */
  contradictedFor: "20m",
  unreachableFor: "5m",
  /** For how many polls of a silent source chronyd may take to follow another one that answers. */
  failoverPolls: 80,
  /**
   * From so many changes of state an hour on, a node comes and goes between states, and has one alert
   * for that: two more than a loss that ends with a restart of chronyd makes.
   */
  stateChangesAnHour: 4,
  /**
   * A node that comes and goes has that alert below this share of the last hour: half, and a margin, because the
   * alert of a node that is synchronised for exactly half of the time would come and go, too.
   */
  rarelySynchronisedShare: 0.55,
  /** How long a step of the clock is told. */
  stepToldFor: "15m",
  /** From so many steps an hour on, a clock is called stepped until they become fewer. */
  stepsAnHour: 3,

  /** The clock of a node against the collector's, network delay included, in seconds. */
  collectorOffsetSeconds: 1,
  collectorOffsetFor: "5m",
  /** So far is critical; also the least distance that counts by pull, where it is exact to a poll. */
  clockFarCriticalSeconds: 5,
  /** When more than this share of a cluster's nodes is far from the collector, it is the collector. */
  collectorClockShare: 0.8,

  /** From this share of a cluster's nodes on, and this many, it is not the nodes. */
  manyNodesShare: 0.3,
  manyNodesCount: 3,
  /** So many at once are one incident, whatever their share: Azure sends 100 e-mails an hour. */
  manyNodesAtAnyShare: 20,
  manyNodesFor: "5m",
  /** How long a critical alert of a cluster goes on after its fault. Azure allows 15 minutes at most. */
  keepFiringFor: "15m",

  /** How long a node is silent before an alert: longer than a new node takes to its first value. */
  silentFor: "15m",
  /** How long a node is new, and does not count among the many that are silent. */
  newNodeFor: "10m",
  /** How long a node that fell silent is remembered where nobody knows which nodes there are. */
  silentNodeRemembered: "1h",
  /** How long kube-state-metrics can be away until a silent node is looked for without it. */
  nodesKnownFor: "30m",
  /** A cluster upgrade with surge nodes should end within this. */
  usualNodeCountOver: "6h",
  /** So many returns of a silent node within this time are more than restarts of the node. */
  returns: 3,
  returnsCountedFor: "2h",
  /** Pushes of a node that fail, as a share of all. */
  failedPushesShare: 0.25,
  failedPushesFor: "10m",

  /** How long points that the collector dropped are reported. */
  droppedPointsToldFor: "15m",
  /** So many restarts of the collector in half an hour are no rollout: new pods are no restarts. */
  collectorRestarts: 3,

  /** How long the host's clock is lost, or another PHC is in its place, before an alert. */
  hostClockLostFor: "30m",
  /** How long it is remembered that a node followed the host's clock. */
  hostClockRemembered: "5h",
  phcNotHostFor: "10m",
} as const;

/**
 * What `runbook_url` begins with; each alert adds its own anchor. As it is, a path in this repository,
 * it leads nowhere from Azure or Grafana: put the address here at which your people read
 * docs/runbook.md. The alerts of a release lead to the release's own (tools/pack-release.sh).
 */
export const RUNBOOK_URL = "docs/runbook.md";

/** The data source of the rules for Grafana: the `uid` in its settings there. */
export const GRAFANA_DATA_SOURCE_UID = "prometheus";
