import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { parse } from "yaml";
import { bringCollector } from "./bring-collector.ts";
import { freePort } from "./free-port.ts";
import { endWith, type Owner } from "./owner.ts";
import { progressToStandardError } from "./progress.ts";
import { runToEnd } from "./run-to-end.ts";
import { type RunningProcess, startProcess } from "./running-process.ts";
import { folderOf } from "./scratch-folder.ts";

/** The default label `cluster` of the tests' collectors. */
export const CLUSTER = "blue";

const START_MS = 60_000;
const COMMAND_MS = 30_000;
const REQUEST_MS = 30_000;
const HOUR_MS = 3_600_000;

// Without it a backend that throttles looks like one that rejects.
const FEATURE_GATES = "--feature-gates=exporter.prometheusremotewritexporter.RetryOn429";

/**
 * The shipped configuration for any backend that accepts Prometheus remote write: absolute paths, in order.
 */
export const PROMETHEUS_CONFIGURATION_FILES: readonly [string, string, string, string] = [
  shipped("common.yaml"),
  shipped("catalogue.yaml"),
  shipped("exporter-prometheus.yaml"),
  shipped("service.yaml"),
];

/** The same for a cluster that writes to Azure Monitor. */
export const AZURE_CONFIGURATION_FILES: readonly string[] = [
  shipped("common.yaml"),
  shipped("catalogue.yaml"),
  shipped("identity.yaml"),
  shipped("exporter-prometheus.yaml"),
  shipped("exporter-azure.yaml"),
  shipped("service-azure.yaml"),
];

/** The same for a cluster, where the collector requires an agent's token. */
export const KUBERNETES_CONFIGURATION_FILES: readonly string[] = [
  shipped("common.yaml"),
  shipped("catalogue.yaml"),
  shipped("identity.yaml"),
  shipped("exporter-prometheus.yaml"),
  shipped("service-kubernetes.yaml"),
];

/** The same over TLS. */
export const KUBERNETES_CONFIGURATION_FILES_WITH_TLS: readonly string[] = [
  ...KUBERNETES_CONFIGURATION_FILES.slice(0, 3),
  shipped("receiver-tls.yaml"),
  ...KUBERNETES_CONFIGURATION_FILES.slice(3),
];

/** What to start. */
export type CollectorDescription = {
  /** The address that it writes to. */
  readonly remoteWriteUrl: string;
  /** The label `cluster` of its series. Default: {@link CLUSTER}. */
  readonly clusterName?: string;
  /** Environment variables, which replace those that are set here. */
  readonly environment?: Readonly<Record<string, string>>;
  /** The files of its configuration, in order. Default: the shipped ones for Prometheus. */
  readonly configurationFiles?: readonly string[];
  /** A command that runs another one, such as `unshare`. */
  readonly wrapper?: readonly string[];
};

/** A real collector with the shipped configuration. */
export type Collector = {
  /** Its address for OTLP, without a path: `http://127.0.0.1:4318`. */
  readonly otlpUrl: string;
  /** The address that answers 200 while it is healthy. */
  readonly healthUrl: string;
  /** The process. It is another one after a restart. */
  readonly process: RunningProcess;
  stop(): Promise<void>;
  /**
   * Restarts it at the same addresses, and waits until it is healthy.
   *
   * @param environment in place of the variables of the description
   */
  restart(environment?: Readonly<Record<string, string>>): Promise<void>;
};

/** Starts a collector that listens at 127.0.0.1 only, and waits until it is healthy. */
export async function startCollector(
  owner: Owner,
  description: CollectorDescription,
): Promise<Collector> {
  const collector = await bringCollector(progressToStandardError);
  const folder = await folderOf(owner);
  const {
    clusterName = CLUSTER,
    configurationFiles = PROMETHEUS_CONFIGURATION_FILES,
    wrapper = [],
  } = description;
  const [otlpPort, healthPort, ownMetricsPort] = [
    await freePort(),
    await freePort(),
    await freePort(),
  ];
  const healthUrl = `http://127.0.0.1:${healthPort}/`;
  let { environment } = description;

  function run(): RunningProcess {
    const [command = collector, ...args] = [
      ...wrapper,
      collector,
      ...configurationArguments(configurationFiles),
    ];
    return startProcess({
      name: "the collector",
      command,
      args,
      cwd: folder,
      env: {
        CLUSTER_NAME: clusterName,
        REMOTE_WRITE_URL: description.remoteWriteUrl,
        OTLP_LISTEN_ADDRESS: `127.0.0.1:${otlpPort}`,
        HEALTH_LISTEN_ADDRESS: `127.0.0.1:${healthPort}`,
        OWN_METRICS_PORT: String(ownMetricsPort),
        // So that tests that count writes count only pushes.
        OWN_METRICS_INTERVAL: String(HOUR_MS),
        ...environment,
      },
    });
  }

  async function waitUntilHealthy(): Promise<void> {
    await running.waitUntil(
      "the collector to be healthy",
      async () => {
        const response = await fetch(healthUrl, {
          signal: AbortSignal.timeout(REQUEST_MS),
        });
        await response.arrayBuffer();
        return response.ok;
      },
      START_MS,
    );
  }

  let running = run();
  endWith(owner, () => running.stop());
  await waitUntilHealthy();
  return {
    otlpUrl: `http://127.0.0.1:${otlpPort}`,
    healthUrl,
    get process() {
      return running;
    },
    stop: () => running.stop(),
    async restart(newEnvironment = environment) {
      await running.stop();
      environment = newEnvironment;
      running = run();
      await waitUntilHealthy();
    },
  };
}

/**
 * Validates the collector's configuration.
 *
 * @param environment its whole environment
 * @throws when it rejects the configuration, with its error
 */
export async function validateCollectorConfiguration(
  collector: string,
  configurationFiles: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<void> {
  await runToEnd({
    name: "the collector's validate",
    command: collector,
    args: ["validate", ...configurationArguments(configurationFiles)],
    env: environment,
    timeoutMs: COMMAND_MS,
  });
}

/** The parts of a collector's configuration that tests use. */
export type EffectiveConfiguration = {
  readonly receivers: { readonly otlp: { readonly protocols: Readonly<Record<string, object>> } };
  readonly service: {
    readonly extensions: readonly string[];
    readonly pipelines: Readonly<Record<string, Pipeline>>;
  };
};

/** The processors, in order. */
export type Pipeline = {
  readonly receivers: readonly string[];
  readonly processors: readonly string[];
  readonly exporters: readonly string[];
};

/**
 * The collector's effective configuration: all files merged, with variables and defaults.
 *
 * @param environment its whole environment
 * @throws when it rejects the configuration, with its error
 */
export async function effectiveCollectorConfiguration(
  collector: string,
  configurationFiles: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<EffectiveConfiguration> {
  const { stdout } = await promisify(execFile)(
    collector,
    ["print-config", ...configurationArguments(configurationFiles)],
    { env: { ...environment }, timeout: COMMAND_MS },
  );
  const effective: EffectiveConfiguration = parse(stdout);
  return effective;
}

function configurationArguments(configurationFiles: readonly string[]): [string, ...string[]] {
  return [FEATURE_GATES, ...configurationFiles.flatMap((file) => ["--config", file])];
}

function shipped(name: string): string {
  return fileURLToPath(new URL(`../../otel-collector/${name}`, import.meta.url));
}
