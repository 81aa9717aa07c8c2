import { execFile } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { parse } from "yaml";
import { freePort } from "./free-port.ts";
import { runToEnd } from "./run-to-end.ts";
import { type RunningProcess, startProcess } from "./running-process.ts";

const startMilliseconds = 30_000;
const commandMilliseconds = 30_000;
const requestMilliseconds = 5_000;

// Without it a backend that throttles looks like one that refuses.
const featureGates = "--feature-gates=exporter.prometheusremotewritexporter.RetryOn429";

/**
 * The shipped configuration for any backend that takes Prometheus remote write: absolute paths, in
 * the order in which they are given.
 */
export const prometheusConfigurationFiles: readonly [string, string, string] = [
  shipped("common.yaml"),
  shipped("exporter-prometheus.yaml"),
  shipped("service.yaml"),
];

/** The same for a cluster, where the collector takes only what comes with an agent's token. */
export const kubernetesConfigurationFiles: readonly string[] = [
  shipped("common.yaml"),
  shipped("identity.yaml"),
  shipped("exporter-prometheus.yaml"),
  shipped("service-kubernetes.yaml"),
];

/** The same over TLS. */
export const kubernetesConfigurationFilesWithTls: readonly string[] = [
  ...kubernetesConfigurationFiles.slice(0, 2),
  shipped("receiver-tls.yaml"),
  ...kubernetesConfigurationFiles.slice(2),
];

/** What to start. */
export interface CollectorDescription {
  /** The path of the collector. */
  readonly collector: string;
  /** Its working folder. */
  readonly folder: string;
  /** Where it writes to. */
  readonly remoteWriteUrl: string;
  /** The label `cluster` of all that it writes. */
  readonly clusterName: string;
  /** Further environment variables; they win over those that are set here. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Its configuration, in order; the shipped one for Prometheus when left out. */
  readonly configurationFiles?: readonly string[];
}

/** A real collector with the shipped configuration. */
export interface Collector {
  /** Where it takes OTLP, without a path: `http://127.0.0.1:4318`. */
  readonly otlpUrl: string;
  /** Answers 200 while it is healthy. */
  readonly healthUrl: string;
  /** Its own metrics. */
  readonly metricsUrl: string;
  readonly process: RunningProcess;
  stop(): Promise<void>;
}

/** Starts a collector that listens at 127.0.0.1 only, and waits until it is healthy. */
export async function startCollector(description: CollectorDescription): Promise<Collector> {
  const { collector, folder, configurationFiles = prometheusConfigurationFiles } = description;
  const [otlpPort, healthPort, metricsPort] = [
    await freePort(),
    await freePort(),
    await freePort(),
  ];
  await mkdir(folder, { recursive: true });
  const running = startProcess({
    name: "the collector",
    command: collector,
    args: configurationArguments(configurationFiles),
    cwd: folder,
    env: {
      CLUSTER_NAME: description.clusterName,
      REMOTE_WRITE_URL: description.remoteWriteUrl,
      OTLP_LISTEN_ADDRESS: `127.0.0.1:${otlpPort}`,
      HEALTH_LISTEN_ADDRESS: `127.0.0.1:${healthPort}`,
      METRICS_LISTEN_HOST: "127.0.0.1",
      METRICS_LISTEN_PORT: String(metricsPort),
      ...description.environment,
    },
  });
  const healthUrl = `http://127.0.0.1:${healthPort}/`;
  await running.waitUntil(
    "the collector to be healthy",
    async () => {
      const response = await fetch(healthUrl, { signal: AbortSignal.timeout(requestMilliseconds) });
      await response.arrayBuffer();
      return response.ok;
    },
    startMilliseconds,
  );
  return {
    otlpUrl: `http://127.0.0.1:${otlpPort}`,
    healthUrl,
    metricsUrl: `http://127.0.0.1:${metricsPort}/metrics`,
    process: running,
    stop: () => running.stop(),
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
    timeoutMilliseconds: commandMilliseconds,
  });
}

/** The parts of a collector's configuration that say what runs; the rest is there as well. */
export interface EffectiveConfiguration {
  readonly receivers: { readonly otlp: { readonly protocols: Readonly<Record<string, object>> } };
  readonly service: {
    readonly extensions: readonly string[];
    readonly pipelines: Readonly<Record<string, Pipeline>>;
  };
}

/** What points go through, in this order. */
export interface Pipeline {
  readonly receivers: readonly string[];
  readonly processors: readonly string[];
  readonly exporters: readonly string[];
}

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
    { env: { ...environment }, timeout: commandMilliseconds },
  );
  const effective: EffectiveConfiguration = parse(stdout);
  return effective;
}

function configurationArguments(configurationFiles: readonly string[]): string[] {
  return [...configurationFiles.flatMap((file) => ["--config", file]), featureGates];
}

function shipped(name: string): string {
  return fileURLToPath(new URL(`../../otel-collector/${name}`, import.meta.url));
}
