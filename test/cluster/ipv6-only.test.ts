/**
 * A cluster whose nodes, pods and services have only IPv6 addresses: the shipped overlay, as in life.test.ts.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { readyAgentOn } from "./parts/agent-pods.ts";
import { type ClusterWithChrony, startClusterWithAgents } from "./parts/cluster-with-agents.ts";

let cluster: ClusterWithChrony;

before(async () => {
  cluster = await startClusterWithAgents();
});

after(async () => {
  await cluster?.stop();
});

test("every node's error arrives, with the node in its token", async () => {
  for (const node of ["node-a", "node-b"]) {
    const [sample] = await cluster.backend.waitForQuery(
      `chrony_clock_error_ms{job="chrony-tracker",instance="${node}"}`,
    );
    assert.equal(sample?.labels["k8s_node_name"], node);
  }
});

test("an agent serves /metrics and its probes at its only address", async () => {
  const { status } = await readyAgentOn(cluster.kubectl, "node-a");
  assert.deepEqual(
    status.podIPs?.map(({ ip }) => ip.includes(":")),
    [true],
  );
  const answer = await fetch(`http://[${status.podIP}]:9464/metrics`);
  assert.match(await answer.text(), /^chrony_clock_error_ms\{/m);
});
