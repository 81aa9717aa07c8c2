import { randomInt } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { scrape } from "../agent/scrape.ts";
import { startTokenIssuer } from "../otel-collector/token-issuer.ts";
import { type Agent, startAgent } from "../parts/agent.ts";
import { bringPrograms, progressToStandardError } from "../parts/bring.ts";
import { type Chronyd, startChronyd } from "../parts/chronyd.ts";
import { followerConfiguration, timeServerConfiguration } from "../parts/chronyd-configuration.ts";
import { azureConfigurationFiles, type Collector, startCollector } from "../parts/collector.ts";
import { freeUdpPort } from "../parts/free-port.ts";
import { type Prometheus, type Sample, startPrometheus } from "../parts/prometheus.ts";
import { scratchFolder } from "../parts/scratch-folder.ts";
import { withPrivateHosts } from "./private-hosts.ts";
import { type AzureStandIn, type clouds, startAzureStandIn } from "./stand-in.ts";
import { tokenExchangeAudience } from "./token-endpoint.ts";

/** The service account that has the managed identity. */
export const collectorSubject =
  "system:serviceaccount:chrony-tracker-collector:chrony-tracker-collector";
export const nodeName = "aks-pool-1";
export const clusterName = "blue";

/** Longer than any of these tests, and wide enough to find samples that landed at a wrong time. */
const historySeconds = 6 * 3_600;

/** What is not as usual. */
export interface AzurePathDescription {
  readonly cloud?: keyof typeof clouds;
  /** Settings of the agent, beside the usual ones. */
  readonly agent?: Readonly<Record<string, string>>;
  /** Settings of the collector, beside the usual ones. */
  readonly collector?: Readonly<Record<string, string>>;
  /** Changes the stand-in before anything asks it. */
  readonly prepare?: (azure: AzureStandIn) => void;
}

/** The real agent and the real collector with the shipped configuration, on their way to Azure. */
export interface AzurePath {
  readonly follower: Chronyd;
  readonly agent: Agent;
  /** The collector; another one after `restartCollector`. */
  readonly collector: Collector;
  readonly azure: AzureStandIn;
  /** What is in the workspace. */
  readonly workspace: Prometheus;
  /** Ends the collector and starts another in its place, with these settings beside the usual ones. */
  restartCollector(environment: Readonly<Record<string, string>>): Promise<void>;
  /** The errors that the collector logged, of those lines that are kept. */
  collectorErrors(): CollectorError[];
  /** How often the agent says that a push ended so. */
  exports(result: "success" | "failure"): Promise<number>;
  /** Every sample of a metric of this node, at its own time. */
  history(name: string): Promise<readonly Sample[]>;
  /** Settles when the workspace has a sample of the clock error that is taken after this call. */
  waitForFreshValue(): Promise<void>;
  stop(): Promise<void>;
}

/** An error of the collector's log. */
export interface CollectorError {
  readonly message: string;
  /** The status that the endpoint answered a write with, if it did. */
  readonly status?: number;
  /** What the endpoint said, or why there was no answer. */
  readonly detail: string;
}

/** Why these tests cannot run here; `false` where they can. For `skip`. */
export const cannotRun: string | false =
  process.getuid?.() === 0
    ? false
    : "needs root: port 443, and a mount namespace in which Azure's names lead to the stand-in";

/**
 * Starts every part: two chronyds, the agent, the collector, the stand-in for Azure and the
 * Prometheus that is its workspace. The agent reads ten times a second and pushes twice.
 */
export async function startAzurePath(description: AzurePathDescription = {}): Promise<AzurePath> {
  const programs = await bringPrograms(progressToStandardError);
  const folder = await scratchFolder("ct");
  const ntpPort = await freeUdpPort();

  const server = await startChronyd({
    ...programs,
    folder: join(folder.path, "server"),
    configuration: timeServerConfiguration(ntpPort),
  });
  const follower = await startChronyd({
    ...programs,
    folder: join(folder.path, "node"),
    configuration: followerConfiguration(ntpPort, { offsetSeconds: 0.025 }),
  });
  const workspace = await startPrometheus({
    prometheus: programs.prometheus,
    folder: join(folder.path, "prometheus"),
  });
  const issuer = await startTokenIssuer();
  const azure = await startAzureStandIn({
    // Of 65,000, so that several stand-ins have port 443 at the same time.
    address: `127.77.${randomInt(256)}.${randomInt(1, 255)}`,
    issuer,
    subject: collectorSubject,
    workspaceWriteUrl: workspace.remoteWriteUrl,
    cloud: description.cloud ?? "public",
  });
  description.prepare?.(azure);

  const authorityFile = join(folder.path, "authority.pem");
  const federatedTokenFile = join(folder.path, "azure-identity-token");
  const agentTokenFile = join(folder.path, "agent-token");
  await writeFile(authorityFile, azure.authority);
  await writeFile(
    federatedTokenFile,
    await issuer.token({ subject: collectorSubject, audience: tokenExchangeAudience }),
  );
  await writeFile(agentTokenFile, await issuer.token({ node: nodeName }));
  const wrapper = await withPrivateHosts(folder.path, azure.hostNames, azure.address);
  const startCollectorWith = (environment: Readonly<Record<string, string>> = {}) =>
    startCollector({
      collector: programs.collector,
      folder: join(folder.path, "collector"),
      configurationFiles: azureConfigurationFiles,
      wrapper,
      remoteWriteUrl: azure.writeUrl,
      clusterName,
      environment: {
        PATH: process.env["PATH"] ?? "",
        SSL_CERT_FILE: authorityFile,
        TOKEN_ISSUER_URL: issuer.url,
        // As the webhook gives them to the pod.
        AZURE_CLIENT_ID: azure.tenant.clientId,
        AZURE_TENANT_ID: azure.tenant.tenantId,
        AZURE_FEDERATED_TOKEN_FILE: federatedTokenFile,
        AZURE_AUTHORITY_HOST: `https://${azure.tenant.host}/`,
        ...environment,
      },
    });
  let collector = await startCollectorWith(description.collector);
  await follower.waitUntilSynchronised();
  const agent = await startAgent({
    shiftableClock: true,
    environment: {
      CHRONY_ADDRESS: follower.address,
      SLEEP_INTERVAL: "0.1",
      OTEL_METRIC_EXPORT_INTERVAL: "500",
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.otlpUrl,
      COLLECTOR_TOKEN_FILE: agentTokenFile,
      ...description.agent,
    },
  });

  const history: AzurePath["history"] = async (name) => {
    const nowSeconds = Date.now() / 1_000;
    const [series] = await workspace.series(
      `${name}{instance="${nodeName}"}`,
      nowSeconds - historySeconds,
      nowSeconds + historySeconds,
    );
    return series?.samples ?? [];
  };
  return {
    follower,
    agent,
    get collector() {
      return collector;
    },
    async restartCollector(environment) {
      await collector.stop();
      const { host } = new URL(collector.otlpUrl);
      collector = await startCollectorWith({ OTLP_LISTEN_ADDRESS: host, ...environment });
    },
    collectorErrors: () => collector.process.output().split("\n").flatMap(parseError),
    async exports(result) {
      const seen = await scrape(agent);
      return seen.value("chrony_tracker_exports_total", { result }) ?? 0;
    },
    azure,
    workspace,
    history,
    async waitForFreshValue() {
      const sinceSeconds = Date.now() / 1_000;
      await agent.process.waitUntil(
        "a fresh value in the workspace",
        async () => {
          const newest = (await history("chrony_clock_error_ms")).at(-1);
          return newest !== undefined && newest.timestampSeconds > sinceSeconds;
        },
        20_000,
      );
    },
    async stop() {
      await agent.stop();
      await Promise.all(
        [follower, server, collector, workspace, azure, issuer].map((part) => part.stop()),
      );
      folder.remove();
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
