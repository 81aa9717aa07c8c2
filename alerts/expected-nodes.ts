/** Which nodes should report, by kube-state-metrics, and which of them do not. */
import { NODE, ofNode, REPORTING } from "./promql.ts";

/** kube-state-metrics calls a node `node`; here it is called as in the agents' series. */
export const withNodeName = (selector: string) =>
  `label_join(${selector}, "k8s_node_name", "", "node")`;

/**
 * Nodes that no agent runs on: Windows; virtual nodes, which have no clock of their own; and the system
 * nodes that AKS Automatic manages, which take no workload of ours.
 */
const HAS_AGENT =
  'os_image!~"Windows.*",kubelet_version!~".*-vk-.*",node!~"virtual-?(node|kubelet).*|aks-(hostedpool|system-surge)-.*"';

/**
 * Nodes of which Kubernetes says itself that they are down: deallocated, evicted, or without a kubelet
 * that reports. Their agents cannot report, and their object can be there for half an hour more.
 */
const DOWN = `(
  ${withNodeName('kube_node_spec_taint{key=~"node.cloudprovider.kubernetes.io/shutdown|node.kubernetes.io/(unreachable|not-ready)"}')}
  or ${withNodeName('(kube_node_status_condition{condition="Ready",status="true"} == 0)')}
)`;

/** Nodes that should report, as far as kube-state-metrics is collected. */
export const EXPECTED = `(
  ${ofNode(withNodeName(`kube_node_info{${HAS_AGENT}}`))}
  unless on (${NODE}) ${ofNode(DOWN)}
)`;

/** Those that do not. A Prometheus of one's own often has no label `cluster` on what it scrapes itself. */
export const SILENT = `(
  ${EXPECTED}
  unless on (${NODE}) ${REPORTING}
  unless on (k8s_node_name) (
    ${REPORTING} and on (k8s_node_name) ${ofNode(withNodeName('kube_node_info{cluster=""}'))}
  )
)`;

/**
 * Nodes that were added or started in the last minutes, and were not there five minutes ago: an autoscaler does
 * that repeatedly, and agents of nodes with the same names report anew each time.
 */
export const ADDED = `(
  ${ofNode(withNodeName("kube_node_info"))}
  unless on (${NODE}) ${ofNode(withNodeName("last_over_time(kube_node_info[2m] offset 5m)"))}
  or ${ofNode(withNodeName('last_over_time(kube_node_spec_taint{key="node.cloudprovider.kubernetes.io/shutdown"}[5m])'))}
)`;
