/** The pieces of PromQL that alerts and recordings have in common. */

/** The labels that tell one node from another. */
export const NODE = "cluster, k8s_node_name";

/** The largest value of each node, so that push and pull give one series. */
export const ofNode = (expression: string) => `max by (${NODE}) (${expression})`;

/** A gauge as it was last seen, across the gap that a restarted agent leaves. */
export const lastSeen = (selector: string) => ofNode(`last_over_time(${selector}[5m])`);

/** The nodes that report. */
export const REPORTING = lastSeen("chrony_up");

/** How many nodes of each cluster report. */
export const REPORTING_COUNT = `count by (cluster) (${REPORTING})`;

/**
 * The two largest values of each cluster's nodes added: two clocks can be apart by what both can be
 * wrong by. A cluster with fewer than two known values has none.
 */
export const sumOfTwoLargest = (nodes: string) => {
  const largest = `topk by (cluster) (2, ${nodes})`;
  return `(sum by (cluster) (${largest}) and count by (cluster) (${largest}) == 2)`;
};
