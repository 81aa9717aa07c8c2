/**
 * Who may push in a real cluster: tokens of the real API server, the shipped overlay, a real collector and Prometheus.
 * Only the expired token is made here, with the API server's key, because the API server issues none for less than
 * ten minutes.
 */
import assert from "node:assert/strict";
import { createPrivateKey } from "node:crypto";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { decodeJwt, decodeProtectedHeader, SignJWT } from "jose";
import { gauge, nodeResource, push } from "../otel-collector/otlp.ts";
import { type Pod, readyAgentOn } from "./parts/agent-pods.ts";
import { type ClusterWithChrony, startClusterWithAgents } from "./parts/cluster-with-agents.ts";

let cluster: ClusterWithChrony;
let agent: Pod;
let otlpUrl: string;

before(async () => {
  cluster = await startClusterWithAgents();
  agent = await readyAgentOn(cluster.kubectl, "node-a");
  const { items } = await cluster.kubectl.get<{ items: Pod[] }>(
    "pods",
    "--namespace=chrony-tracker-collector",
  );
  otlpUrl = `http://${items[0]?.status.podIP}:4318`;
});

after(async () => {
  await cluster?.stop();
});

/** A token of the agent on node-a, as in its pod. */
async function agentToken(audience = "chrony-tracker"): Promise<string> {
  const token = await cluster.kubectl(
    "create",
    "token",
    "chrony-tracker-agent",
    "--namespace=chrony-tracker",
    `--audience=${audience}`,
    "--bound-object-kind=Pod",
    `--bound-object-name=${agent.metadata.name}`,
  );
  return token.trim();
}

/** The collector's answer to a push that claims to be node-b's. */
async function statusOf(token: string | undefined, metric: string): Promise<number> {
  const answer = await push(otlpUrl, {
    resource: { ...nodeResource("node-b"), cluster: "other" },
    metrics: [
      gauge(metric, {
        timeMs: Date.now(),
        value: 1,
        attributes: { cluster: "other", instance: "node-b", k8s_node_name: "node-b", job: "other" },
      }),
    ],
    ...(token === undefined ? {} : { token }),
  });
  return answer.status;
}

async function labelsOf(metric: string): Promise<Readonly<Record<string, string>>[]> {
  const samples = await cluster.backend.query(metric);
  return samples.map(({ labels }) => labels);
}

test("a push that claims to be another node's counts for the node in its token", async () => {
  assert.equal(await statusOf(await agentToken(), "chrony_sourcestats_samples"), 200);
  assert.deepEqual(await labelsOf("chrony_sourcestats_samples"), [
    {
      __name__: "chrony_sourcestats_samples",
      cluster: "blue",
      instance: "node-a",
      job: "chrony-tracker",
      k8s_namespace_name: "chrony-tracker",
      k8s_node_name: "node-a",
    },
  ]);
});

test("the token in the pod has the same claims as this test's tokens", async () => {
  const claims = decodeJwt<{
    "kubernetes.io"?: { node?: { name: string }; pod?: { name: string } };
  }>(await agentToken());
  assert.equal(claims["kubernetes.io"]?.node?.name, "node-a");
  assert.equal(claims["kubernetes.io"]?.pod?.name, agent.metadata.name);
});

test("no token, a foreign audience, a foreign service account: nothing is written", async () => {
  const foreign = await cluster.kubectl(
    "create",
    "token",
    "default",
    "--namespace=chrony-tracker",
    "--audience=chrony-tracker",
  );
  assert.equal(await statusOf(undefined, "chrony_sourcestats_runs"), 401);
  assert.equal(await statusOf(await agentToken("another"), "chrony_sourcestats_span_seconds"), 401);
  assert.ok((await statusOf(foreign.trim(), "chrony_sourcestats_stddev")) >= 400);
  for (const metric of [
    "chrony_sourcestats_runs",
    "chrony_sourcestats_span_seconds",
    "chrony_sourcestats_stddev",
  ]) {
    assert.deepEqual(await labelsOf(metric), []);
  }
});

test("an expired token is rejected, even if everything else is correct", async () => {
  const good = await agentToken();
  const keyFile = cluster.setup.cluster.tokenSigningKeyFile;
  const key = createPrivateKey(await readFile(keyFile, "utf8"));
  const sign = (expires: number) =>
    new SignJWT({ ...decodeJwt(good), exp: expires })
      .setProtectedHeader({ alg: "RS256", ...decodeProtectedHeader(good) })
      .sign(key);
  const now = Math.floor(Date.now() / 1000);
  assert.equal(await statusOf(await sign(now + 600), "chrony_signed_here"), 200);
  assert.equal(await statusOf(await sign(now - 600), "chrony_expired"), 401);
  assert.deepEqual(await labelsOf("chrony_expired"), []);
});

test("a token that is not bound to a pod has no node, and is rejected", async () => {
  const unbound = await cluster.kubectl(
    "create",
    "token",
    "chrony-tracker-agent",
    "--namespace=chrony-tracker",
    "--audience=chrony-tracker",
  );
  assert.ok((await statusOf(unbound.trim(), "chrony_unbound")) >= 400);
  assert.deepEqual(await labelsOf("chrony_unbound"), []);
});

test("a metric of another name is dropped", async () => {
  await statusOf(await agentToken(), "node_load1");
  await statusOf(await agentToken(), "chrony_tracker.sent");
  assert.deepEqual(await labelsOf("node_load1"), []);
  assert.deepEqual(await labelsOf('{__name__=~"up|chrony_tracker.*up"}'), []);
});
