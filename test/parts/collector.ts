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

/** The label `cluster` of all that the collectors of the tests write, unless a test says otherwise. */
export const CLUSTER = "blue";

const START_MS = 60_000;
const COMMAND_MS = 30_000;
const REQUEST_MS = 30_000;
const HOUR_MS = 3_600_000;

// Without it a backend that throttles looks like one that refuses.
const FEATURE_GATES = "--feature-gates=exporter.prometheusremotewritexporter.RetryOn429";

/**
 * The shipped configuration for any backend that takes Prometheus remote write: absolute paths, in
 * the order in which they are given.
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

/** The same for a cluster, where the collector takes only what comes with an agent's token. */
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
  /** Where it writes to. */
  readonly remoteWriteUrl: string;
  /** The label `cluster` of all that it writes; {@link CLUSTER} when left out. */
  readonly clusterName?: string;
  /** Further environment variables; they win over those that are set here. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Its configuration, in order; the shipped one for Prometheus when left out. */
  readonly configurationFiles?: readonly string[];
  /** A command that runs the one behind it in other circumstances, such as `unshare`. */
  readonly wrapper?: readonly string[];
};

/** A real collector with the shipped configuration. */
export type Collector = {
  /** Where it takes OTLP, without a path: `http://127.0.0.1:4318`. */
  readonly otlpUrl: string;
  /** Answers 200 while it is healthy. */
  readonly healthUrl: string;
  /** The process; another one after a restart. */
  readonly process: RunningProcess;
  stop(): Promise<void>;
  /**
   * Ends it if it runs, starts it again at the same addresses, and waits until it is healthy.
   *
   * @param environment takes the place of the variables that the description adds.
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
        // Who counts what the backend gets counts pushes only.
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
 * Has the collector check its configuration without running it.
 *
 * @param environment its whole environment.
 * @throws when it does not accept the configuration, with what it says.
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

/** The parts of a collector's configuration that say what runs; the rest is there as well. */
export type EffectiveConfiguration = {
  readonly receivers: { readonly otlp: { readonly protocols: Readonly<Record<string, object>> } };
  readonly service: {
    readonly extensions: readonly string[];
    readonly pipelines: Readonly<Record<string, Pipeline>>;
  };
};

/** What points go through, in this order. */
export type Pipeline = {
  readonly receivers: readonly string[];
  readonly processors: readonly string[];
  readonly exporters: readonly string[];
};

/**
 * What the collector makes of its configuration: all files merged, variables filled in, every
 * default in its place.
 *
 * @param environment its whole environment.
 * @throws when it does not accept the configuration, with what it says.
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
