/** What the demo's series are called in Prometheus. */

/** The two ways from the agent to Prometheus. */
export type Way = "push" | "pull";

export const WAYS: readonly Way[] = ["push", "pull"];

/**
 * The job of each way, the only label in which they differ. Queries and rules of users never look at
 * it; here the two are compared.
 */
export const JOBS: Readonly<Record<Way, string>> = {
  push: "chrony-tracker",
  pull: "chrony-tracker-pull",
};

export const NODE_NAME = "demo-node";

/** The metric that all of this is about. */
export const CLOCK_ERROR = "chrony_clock_error_ms";
