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
export const COLLECTOR_SUBJECT =
  "system:serviceaccount:chrony-tracker-collector:chrony-tracker-collector";

/** What is not as usual. */
export type AzurePathDescription = {
  readonly cloud?: keyof typeof CLOUDS;
  /** Settings of the agent, beside the usual ones. */
  readonly agent?: Readonly<Record<string, string>>;
  /** Settings of the collector, beside the usual ones. */
  readonly collector?: Readonly<Record<string, string>>;
  /** Changes the fake before anything asks it. */
  readonly prepare?: (azure: FakeAzure) => void;
};

/** A path whose collector writes to Azure; `prometheus` is the workspace. */
export type AzurePath = Path & {
  readonly azure: FakeAzure;
  /** Ends the collector and starts it again, with these settings beside the usual ones. */
  restartCollector(environment: Readonly<Record<string, string>>): Promise<void>;
  /** The errors that the collector logged, of those lines that are kept. */
  collectorErrors(): CollectorError[];
  /** How often the agent reports that a push ended so. */
  exports(result: "success" | "failure"): Promise<number>;
  /** Settles when the workspace has a sample of the clock error that is taken after this call. */
  waitForFreshValue(): Promise<void>;
};

/** An error of the collector's log. */
export type CollectorError = {
  readonly message: string;
  /** The status that the endpoint answered a write with, if it did. */
  readonly status?: number;
  /** What the endpoint said, or why there was no answer. */
  readonly detail: string;
};

/** Why these tests cannot run here; `false` where they can. For `skip`. */
export const cannotRun: string | false =
  process.getuid?.() === 0
    ? false
    : "needs root: port 443, and a mount namespace in which Azure's names lead to the fake";

/**
 * Starts every part: two chronyds, the agent, the collector, the fake Azure and the
 * Prometheus that is its workspace. The agent reads ten times a second and pushes twice.
 */
export async function startAzurePath(
  owner: Owner,
  description: AzurePathDescription = {},
): Promise<AzurePath> {
  const folder = await folderOf(owner);
  const prometheus = await startPrometheus(owner);
  const issuer = await startFakeTokenIssuer(owner);
  const azure = await startFakeAzure(owner, {
    // Of 65,000, so that several fakes have port 443 at the same time.
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
    // As the webhook gives them to the pod.
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

/** A line of the collector's log: time, level, place, message and a JSON object, with tabs between. */
function parseError(line: string): CollectorError[] {
  const [, level, , message = "", json = "{}"] = line.split("\t");
  if (level !== "error") {
    return [];
  }
  const fields: { readonly status_code?: number; readonly error?: string } = JSON.parse(json);
  const { status_code: status, error: detail = "" } = fields;
  return [{ message, detail, ...(status === undefined ? {} : { status }) }];
}
