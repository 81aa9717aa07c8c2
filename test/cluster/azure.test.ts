/**
 * The overlay for Azure end to end: the shipped files in a real cluster, a real collector with the real azureauth
 * extension, and the fake Azure (test/azure/) with Azure's names. A patch replaces what AKS and the internet
 * provide: the addresses of the names, the authorities of fake and issuer, and the workload-identity webhook.
 */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { type FakeAzure, startFakeAzure } from "../azure/fake-azure.ts";
import { suiteScope } from "../parts/suite-scope.ts";
import { waitFor } from "../parts/wait-for.ts";
import { CONTROL_PLANE } from "./parts/addresses.ts";
import {
  AGENTS,
  CLUSTER_NAME,
  type ClusterWithChrony,
  COLLECTOR,
  rolledOut,
  startClusterWithChrony,
} from "./parts/cluster-with-agents.ts";
import { type Installation, prepareInstallation } from "./parts/installation.ts";

const SUBJECT = "system:serviceaccount:chrony-tracker-collector:chrony-tracker-collector";

const scope = suiteScope();
let cluster: ClusterWithChrony;
let azure: FakeAzure;
let installation: Installation;

before(async () => {
  cluster = await startClusterWithChrony();
  azure = await startFakeAzure(scope, {
    address: CONTROL_PLANE.v4,
    subject: SUBJECT,
    workspaceWriteUrl: cluster.backend.remoteWriteUrl,
    issuer: {
      url: cluster.setup.cluster.issuerUrl,
      publicKeys: await cluster.kubectl("get", "--raw", "/openid/v1/jwks"),
    },
  });
  installation = await prepareInstallation({
    setup: cluster.setup,
    overlay: "azure",
    values: {
      "values.env": {
        CLUSTER_NAME,
        TOKEN_ISSUER_URL: cluster.setup.cluster.issuerUrl,
        REMOTE_WRITE_URL: azure.writeUrl,
        AZURE_CLIENT_ID: azure.tenant.clientId,
        AZURE_TENANT_ID: azure.tenant.tenantId,
      },
      "agent.env": { SLEEP_INTERVAL: "0.5", OTEL_METRIC_EXPORT_INTERVAL: "2000" },
    },
    testPatches: [await playedEnvironment()],
  });
  await cluster.kubectl("create", "namespace", "chrony-tracker-collector");
  await cluster.kubectl.apply(
    JSON.stringify({
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: "test-authorities", namespace: "chrony-tracker-collector" },
      data: {
        "authorities.pem": `${azure.authority}\n${await readFile(cluster.setup.cluster.authorityFile, "utf8")}`,
      },
    }),
  );
  await installation.apply();
  await rolledOut(cluster.kubectl, COLLECTOR, AGENTS);
});

after(async () => {
  await installation?.remove();
  await cluster?.stop();
});

async function playedEnvironment(): Promise<string> {
  return JSON.stringify({
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "chrony-tracker-collector", namespace: "chrony-tracker-collector" },
    spec: {
      template: {
        spec: {
          hostAliases: [{ ip: CONTROL_PLANE.v4, hostnames: azure.hostNames }],
          containers: [
            {
              name: "collector",
              env: [
                { name: "SSL_CERT_FILE", value: "/etc/test-authorities/authorities.pem" },
                {
                  name: "AZURE_FEDERATED_TOKEN_FILE",
                  value: "/var/run/secrets/azure/tokens/azure-identity-token",
                },
                { name: "AZURE_AUTHORITY_HOST", value: `https://${azure.hostNames[0]}/` },
              ],
              volumeMounts: [
                { name: "test-authorities", mountPath: "/etc/test-authorities" },
                { name: "azure-identity-token", mountPath: "/var/run/secrets/azure/tokens" },
              ],
            },
          ],
          volumes: [
            { name: "test-authorities", configMap: { name: "test-authorities" } },
            {
              name: "azure-identity-token",
              projected: {
                sources: [
                  {
                    serviceAccountToken: {
                      path: "azure-identity-token",
                      audience: "api://AzureADTokenExchange",
                    },
                  },
                ],
              },
            },
          ],
        },
      },
    },
  });
}

test("every node's error is in the workspace, with its cluster's name", async () => {
  for (const node of ["node-a", "node-b"]) {
    const [sample] = await cluster.backend.waitForQuery(
      `chrony_clock_error_ms{cluster="${CLUSTER_NAME}",instance="${node}"}`,
    );
    assert.equal(sample?.labels["k8s_node_name"], node);
  }
  assert.deepEqual(azure.dropped, []);
});

test("the collector requests its token only as the identity of its service account", async () => {
  const account = await cluster.kubectl.get<{ metadata: { annotations: Record<string, string> } }>(
    "serviceaccount",
    "chrony-tracker-collector",
    "--namespace=chrony-tracker-collector",
  );
  const annotation = account.metadata.annotations["azure.workload.identity/client-id"];
  assert.equal(annotation, azure.tenant.clientId);
  assert.ok(azure.requests.some(({ path, status }) => path.endsWith("/token") && status === 200));
});

test("a workspace that was unreachable for a while gets every sample afterwards", async () => {
  await cluster.backend.waitForQuery('chrony_up{instance="node-a"}');
  azure.failWrites(503);
  const refused = azure.requests.length;
  await waitFor(
    "pushes that were refused",
    () => azure.requests.slice(refused).filter(({ status }) => status === 503).length >= 4,
    60_000,
  );
  azure.failWrites();
  const from = Date.now() / 1000;
  await waitFor(
    "a value after the outage",
    async () => {
      const [sample] = await cluster.backend.query('timestamp(chrony_up{instance="node-a"})');
      return sample !== undefined && sample.value > from;
    },
    90_000,
  );
});
