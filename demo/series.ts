/** The names of the demo's series in Prometheus. */

/** The two ways from the agent to Prometheus. */
export type Way = "push" | "pull";

export const WAYS: readonly Way[] = ["push", "pull"];

/** The label `job` of each way. Queries of users must not select by it; here it distinguishes both ways. */
export const JOBS: Readonly<Record<Way, string>> = {
  push: "chrony-tracker",
  pull: "chrony-tracker-pull",
};

export const NODE_NAME = "demo-node";

/** The metric that the demo compares. */
export const CLOCK_ERROR = "chrony_clock_error_ms";
