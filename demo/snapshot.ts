/** What the demo shows at one moment: what the agent says, and what Prometheus has of it. */
import { SYNC_STATES, type SyncState } from "../src/clock/sync-state.ts";
import { parseExposition, type Samples } from "../test/parts/exposition.ts";
import type { Prometheus } from "../test/parts/prometheus.ts";
import type { Parts } from "./parts.ts";
import { CLOCK_ERROR, JOBS, NODE_NAME, type Way } from "./series.ts";

export type Snapshot = {
  /** `undefined` when the agent does not answer. */
  readonly agent: AgentReport | undefined;
  /** `undefined` when Prometheus does not answer. */
  readonly prometheus: Readonly<Record<Way, StoredValue | undefined>> | undefined;
};

/** What the agent's `/metrics` says. What is `undefined` is withheld, or not known yet. */
export type AgentReport = {
  readonly state: SyncState | undefined;
  readonly clockErrorMs: number | undefined;
  readonly clockErrorBoundMs: number | undefined;
  readonly clockErrorPeakMs: number | undefined;
  /** The address of the chronyd that the node's clock follows. */
  readonly source: string | undefined;
  readonly stratum: number | undefined;
  readonly referenceAgeSeconds: number | undefined;
  readonly push: PushReport;
};

export type PushReport = {
  /** How many were accepted, and how many were not. */
  readonly accepted: number;
  readonly failed: number;
  /** What became of the newest one. */
  readonly newest: "none" | "accepted" | "failed";
  /** How long ago the last one was accepted. */
  readonly acceptedSecondsAgo: number | undefined;
};

/** What an instant query gives. */
export type StoredValue = {
  readonly value: number;
  /** How old the sample is that it comes from. */
  readonly ageSeconds: number;
};

/** Longer than a healthy part takes, short enough for a view that is alive. */
const LONGEST_ANSWER_MS = 2_000;

/**
 * Asks the agent and Prometheus. Who does not answer in time leaves a gap.
 * @param before what the agent said of its pushes the last time
 */
export async function takeSnapshot(
  { agent, prometheus }: Parts,
  before: PushReport | undefined,
): Promise<Snapshot> {
  const [report, stored] = await Promise.all([
    orUndefined(askAgent(agent.pullUrl, before)),
    orUndefined(askPrometheus(prometheus)),
  ]);
  return { agent: report, prometheus: stored };
}

async function askAgent(
  url: string,
  before: PushReport | undefined,
): Promise<AgentReport | undefined> {
  const response = await fetch(`${url}/metrics`);
  const text = await response.text();
  return response.ok ? agentReport(parseExposition(text), Date.now(), before) : undefined;
}

async function askPrometheus(
  prometheus: Prometheus,
): Promise<Readonly<Record<Way, StoredValue | undefined>>> {
  const nowSeconds = Date.now() / 1_000;
  const matcher = `${CLOCK_ERROR}{instance="${NODE_NAME}"}`;
  const [values, times] = await Promise.all([
    prometheus.query(matcher, nowSeconds),
    prometheus.query(`timestamp(${matcher})`, nowSeconds),
  ]);
  const stored = (way: Way): StoredValue | undefined => {
    const [value, time] = [values, times].map(
      (samples) => samples.find(({ labels }) => labels["job"] === JOBS[way])?.value,
    );
    return value === undefined || time === undefined
      ? undefined
      : { value, ageSeconds: Math.max(nowSeconds - time, 0) };
  };
  return { push: stored("push"), pull: stored("pull") };
}

async function orUndefined<T>(promise: Promise<T>): Promise<T | undefined> {
  const late = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => late.resolve(undefined), LONGEST_ANSWER_MS);
  try {
    return await Promise.race([promise, late.promise]);
  } catch {
    return undefined;
  } finally {
    clearTimeout(timer);
  }
}

/**
 * What a page of the agent's metrics says.
 * @param wallMs when it was read, in milliseconds since 1970
 * @param before what it said of the pushes the last time
 */
export function agentReport(
  series: Samples,
  wallMs: number,
  before: PushReport | undefined,
): AgentReport {
  const find = (name: string, labels: Readonly<Record<string, string>> = {}) =>
    series.find(
      (one) =>
        one.name === name &&
        Object.entries(labels).every(([label, text]) => one.labels[label] === text),
    );
  const value = (name: string) => find(name)?.value;
  const pushes = (result: string) => find("chrony_tracker_exports_total", { result })?.value ?? 0;

  const [accepted, failed] = [pushes("success"), pushes("failure")];
  const acceptedAtSeconds = value("chrony_tracker_last_export_success_timestamp_seconds");
  return {
    state: SYNC_STATES.find((state) => find("chrony_sync_state", { state })?.value === 1),
    clockErrorMs: value(CLOCK_ERROR),
    clockErrorBoundMs: value("chrony_clock_error_bound_ms"),
    clockErrorPeakMs: value("chrony_clock_error_peak_ms"),
    // Without a source the label is empty.
    source: find("chrony_tracking_info")?.labels["tracking_address"] || undefined,
    stratum: value("chrony_tracking_stratum"),
    referenceAgeSeconds: value("chrony_reference_age_seconds"),
    push: {
      accepted,
      failed,
      newest: newestPush(accepted, failed, before),
      acceptedSecondsAgo:
        acceptedAtSeconds === undefined
          ? undefined
          : Math.max(wallMs / 1_000 - acceptedAtSeconds, 0),
    },
  };
}

/** Pages are read more often than pushes are made: of the two counts, at most one has grown. */
function newestPush(
  accepted: number,
  failed: number,
  before: PushReport | undefined,
): PushReport["newest"] {
  if (accepted > (before?.accepted ?? 0)) {
    return "accepted";
  }
  if (failed > (before?.failed ?? 0)) {
    return "failed";
  }
  return before?.newest ?? "none";
}
