/** What the demo shows at one moment: the agent's report, and the values in Prometheus. */
import { askAgent } from "../src/status/agent-client.ts";
import type { AgentReport } from "../src/summary/agent-report.ts";
import type { Prometheus } from "../test/parts/prometheus.ts";
import type { Parts } from "./parts.ts";
import { CLOCK_ERROR, JOBS, NODE_NAME, type Way } from "./series.ts";

export type Snapshot = {
  /** `undefined` when the agent does not answer. */
  readonly agent: AgentReport | undefined;
  /** `undefined` when Prometheus does not answer. */
  readonly prometheus: Readonly<Record<Way, StoredValue | undefined>> | undefined;
};

/** The result of an instant query. */
export type StoredValue = {
  readonly value: number;
  /** The age of its sample. */
  readonly ageSeconds: number;
};

/** Longer than Prometheus usually takes, and short enough for a live view. */
const LONGEST_ANSWER_MS = 2_000;

/** Asks the agent and Prometheus. The value is `undefined` if one does not answer in time. */
export async function takeSnapshot({ agent, prometheus }: Parts): Promise<Snapshot> {
  const [report, stored] = await Promise.all([
    askAgent(`${agent.pullUrl}/`),
    orUndefined(askPrometheus(prometheus)),
  ]);
  return { agent: report.ok ? report.value : undefined, prometheus: stored };
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
