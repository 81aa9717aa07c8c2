// The shipped configuration for Azure, read by the real collector: the version of builder.yaml.

import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { bringCollector, progressToStandardError } from "../parts/bring.ts";
import {
  AZURE_CONFIGURATION_FILES,
  effectiveCollectorConfiguration,
  KUBERNETES_CONFIGURATION_FILES,
  PROMETHEUS_CONFIGURATION_FILES,
  validateCollectorConfiguration,
} from "../parts/collector.ts";
import { runToEnd } from "../parts/run-to-end.ts";

const SETTINGS = {
  CLUSTER_NAME: "blue",
  TOKEN_ISSUER_URL: "https://westeurope.oic.prod-aks.azure.com/tenant/cluster/",
  REMOTE_WRITE_URL: "https://name.westeurope-1.metrics.ingest.monitor.azure.com/write",
  AZURE_CLIENT_ID: "0d9f6c1e-8a47-4c39-b1d0-2e5f7a9b3c02",
  AZURE_TENANT_ID: "7b1c0a52-4f5e-4b7e-9a55-6f1d2c3e4a01",
  AZURE_FEDERATED_TOKEN_FILE: "/var/run/secrets/azure/tokens/azure-identity-token",
};

describe("the collector's configuration for Azure", () => {
  let collector: string;

  before(async () => {
    collector = await bringCollector(progressToStandardError);
  });

  /** Starts the collector, which must end by itself, and returns its output. */
  async function refusal(environment: Readonly<Record<string, string>>): Promise<string> {
    const start = runToEnd({
      name: "the collector",
      command: collector,
      args: AZURE_CONFIGURATION_FILES.flatMap((file) => ["--config", file]),
      env: environment,
      timeoutMs: 10_000,
    });
    return start.then(
      () => assert.fail("it did not refuse"),
      (error: Error) => error.message,
    );
  }

  test("is accepted with the values of the overlay and the webhook's variables", async () => {
    await validateCollectorConfiguration(collector, AZURE_CONFIGURATION_FILES, SETTINGS);
  });

  for (const [variable, complaint] of [
    ["CLUSTER_NAME", /external labels.*empty/],
    ["TOKEN_ISSUER_URL", /extensions::oidc.*no IssuerURL/],
    ["REMOTE_WRITE_URL", /"prometheus_remote_write".*invalid endpoint/],
    ["AZURE_CLIENT_ID", /azureauth.*empty "client_id"/],
    ["AZURE_TENANT_ID", /azureauth.*empty "tenant_id"/],
    ["AZURE_FEDERATED_TOKEN_FILE", /azureauth.*empty "federated_token_file"/],
  ] as const) {
    const { [variable]: _, ...without } = SETTINGS;

    test(`with an empty ${variable} ends the collector, and without it names the variable`, async () => {
      assert.match(await refusal({ ...without, [variable]: "" }), complaint);
      const said = await refusal(without);
      assert.match(said, complaint);
      assert.match(said, new RegExp(`unset environment variable.*"${variable}"`));
    });
  }

  for (const [variable, value, complaint] of [
    ["REMOTE_WRITE_URL", "name.westeurope-1.metrics.ingest.monitor.azure.com", /invalid endpoint/],
    ["AZURE_TENANT_ID", "<tenant>", /azureauth.*invalid tenantID/],
  ] as const) {
    test(`with the ${variable} "${value}" ends the collector`, async () => {
      assert.match(await refusal({ ...SETTINGS, [variable]: value }), complaint);
    });
  }

  test("has the same processors as in a cluster with another backend, in the same order, and azureauth", async () => {
    const { service } = await effectiveCollectorConfiguration(
      collector,
      AZURE_CONFIGURATION_FILES,
      SETTINGS,
    );
    const { service: other } = await effectiveCollectorConfiguration(
      collector,
      KUBERNETES_CONFIGURATION_FILES,
      SETTINGS,
    );
    assert.deepEqual(service, { ...other, extensions: [...other.extensions, "azureauth"] });
  });

  test("writes as to any other backend, except for the token", async () => {
    const { http, ...azure } = await exporterOf(collector, AZURE_CONFIGURATION_FILES);
    const { http: otherHttp, ...other } = await exporterOf(
      collector,
      PROMETHEUS_CONFIGURATION_FILES,
    );

    assert.deepEqual(azure, other);
    assert.deepEqual(http, { ...otherHttp, auth: { authenticator: "azureauth" } });
  });

  for (const [name, scope, expected] of [
    ["of the public cloud, unless told otherwise", {}, "https://monitor.azure.com/.default"],
    [
      "that it is told",
      { AZURE_SCOPE: "https://monitor.azure.us/.default" },
      "https://monitor.azure.us/.default",
    ],
  ] as const) {
    test(`requests the scope ${name}`, async () => {
      const environment = { ...SETTINGS, ...scope };
      assert.partialDeepStrictEqual(
        await effectiveCollectorConfiguration(collector, AZURE_CONFIGURATION_FILES, environment),
        { extensions: { azureauth: { scopes: [expected] } } },
      );
    });
  }
});

/** The exporter's effective settings, without those for HTTP. */
async function exporterOf(collector: string, files: readonly string[]) {
  const effective: { readonly service: object; readonly exporters?: Record<string, object> } =
    await effectiveCollectorConfiguration(collector, files, SETTINGS);
  return { http: {}, ...effective.exporters?.["prometheus_remote_write"] };
}
