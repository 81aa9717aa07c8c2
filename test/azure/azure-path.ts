import { randomInt } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { scrape } from "../agent/scrape.ts";
import { startFakeTokenIssuer } from "../otel-collector/fake-token-issuer.ts";
import { AZURE_CONFIGURATION_FILES, startCollector } from "../parts/collector.ts";
import type { Owner } from "../parts/owner.ts";
import { NODE, type Path, startPath } from "../parts/path.ts";
import { startPrometheus } from "../parts/prometheus.ts";
import { folderOf } from "../parts/scratch-folder.ts";
import { type CLOUDS, type FakeAzure, startFakeAzure } from "./fake-azure.ts";
import { TOKEN_EXCHANGE_AUDIENCE } from "./fake-token-endpoint.ts";
import { withPrivateHosts } from "./private-hosts.ts";

/** The service account that has the managed identity. */
const COLLECTOR_SUBJECT = "system:serviceaccount:chrony-tracker-collector:chrony-tracker-collector";

/** The differences from the usual path. */
export type AzurePathDescription = {
  readonly cloud?: keyof typeof CLOUDS;
  /** Settings of the agent, in addition to the usual ones. */
  readonly agent?: Readonly<Record<string, string>>;
  /** Settings of the collector, in addition to the usual ones. */
  readonly collector?: Readonly<Record<string, string>>;
  /** Changes the fake before the first request. */
  readonly prepare?: (azure: FakeAzure) => void;
};

/** A path whose collector writes to Azure; `prometheus` is the workspace. */
export type AzurePath = Path & {
  readonly azure: FakeAzure;
  /** Restarts the collector, with these settings in addition to the usual ones. */
  restartCollector(environment: Readonly<Record<string, string>>): Promise<void>;
  /** The errors in the kept lines of the collector's log. */
  collectorErrors(): CollectorError[];
  /** How many pushes with this result the agent reports. */
  exports(result: "success" | "failure"): Promise<number>;
  /** Waits for a sample of the clock error that is made after this call. */
  waitForFreshValue(): Promise<void>;
};

/** An error of the collector's log. */
export type CollectorError = {
  readonly message: string;
  /** The status of the endpoint's answer, if there was one. */
  readonly status?: number;
  /** The body of the answer, or why there was none. */
  readonly detail: string;
};

/** Why these tests cannot run on this machine, or `false`, for `skip`. */
export const cannotRun: string | false =
  process.getuid?.() === 0
    ? false
    : "needs root: port 443, and a mount namespace in which Azure's names lead to the fake";

/**
 * Starts all parts: two chronyds, the agent, the collector, the fake Azure and the Prometheus that is its workspace.
 * The agent polls ten times a second and pushes twice.
 */
export async function startAzurePath(
  owner: Owner,
  description: AzurePathDescription = {},
): Promise<AzurePath> {
  const folder = await folderOf(owner);
  const prometheus = await startPrometheus(owner);
  const issuer = await startFakeTokenIssuer(owner);
  const azure = await startFakeAzure(owner, {
    // One of 65,000 addresses, so that several fakes can listen on port 443.
    address: `127.77.${randomInt(256)}.${randomInt(1, 255)}`,
    issuer,
    subject: COLLECTOR_SUBJECT,
    workspaceWriteUrl: prometheus.remoteWriteUrl,
    cloud: description.cloud ?? "public",
  });
  description.prepare?.(azure);

  const authorityFile = join(folder, "authority.pem");
  const federatedTokenFile = join(folder, "azure-identity-token");
  const agentTokenFile = join(folder, "agent-token");
  await writeFile(authorityFile, azure.authority);
  await writeFile(
    federatedTokenFile,
    await issuer.token({ subject: COLLECTOR_SUBJECT, audience: TOKEN_EXCHANGE_AUDIENCE }),
  );
  await writeFile(agentTokenFile, await issuer.token({ node: NODE }));
  const wrapper = await withPrivateHosts(folder, azure.hostNames, azure.address);
  const usual = {
    PATH: process.env["PATH"] ?? "",
    SSL_CERT_FILE: authorityFile,
    TOKEN_ISSUER_URL: issuer.url,
    // As the webhook sets them in the pod.
    AZURE_CLIENT_ID: azure.tenant.clientId,
    AZURE_TENANT_ID: azure.tenant.tenantId,
    AZURE_FEDERATED_TOKEN_FILE: federatedTokenFile,
    AZURE_AUTHORITY_HOST: `https://${azure.tenant.host}/`,
  };
  const collector = await startCollector(owner, {
    configurationFiles: AZURE_CONFIGURATION_FILES,
    wrapper,
    remoteWriteUrl: azure.writeUrl,
    environment: { ...usual, ...description.collector },
  });
  const path = await startPath(owner, {
    prometheus,
    collector,
    settings: {
      SLEEP_INTERVAL: "0.1",
      OTEL_METRIC_EXPORT_INTERVAL: "500",
      COLLECTOR_TOKEN_FILE: agentTokenFile,
      ...description.agent,
    },
  });
  const { agent } = path;

  return {
    ...path,
    azure,
    restartCollector: (environment) => collector.restart({ ...usual, ...environment }),
    collectorErrors: () => collector.process.output().split("\n").flatMap(parseError),
    async exports(result) {
      const seen = await scrape(agent);
      return seen.value("chrony_tracker_exports_total", { result }) ?? 0;
    },
    async waitForFreshValue() {
      const sinceSeconds = Date.now() / 1_000;
      await agent.process.waitUntil(
        "a fresh value in the workspace",
        async () => {
          const newest = (await path.history("chrony_clock_error_ms", "push")).at(-1);
          return newest !== undefined && newest.timestampSeconds > sinceSeconds;
        },
        20_000,
      );
    },
  };
}

/** A line of the collector's log: time, level, place, message and a JSON object, separated by tabs. */
function parseError(line: string): CollectorError[] {
  const [, level, , message = "", json = "{}"] = line.split("\t");
  if (level !== "error") {
    return [];
  }
  const fields: { readonly status_code?: number; readonly error?: string } = JSON.parse(json);
  const { status_code: status, error: detail = "" } = fields;
  return [{ message, detail, ...(status === undefined ? {} : { status }) }];
}
