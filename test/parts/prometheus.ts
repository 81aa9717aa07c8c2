import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { bringPrometheus } from "./bring-prometheus.ts";
import { freePort } from "./free-port.ts";
import { endWith, type Owner } from "./owner.ts";
import { progressToStandardError } from "./progress.ts";
import { runToEnd } from "./run-to-end.ts";
import { type RunningProcess, startProcess } from "./running-process.ts";
import { folderOf } from "./scratch-folder.ts";

const START_MS = 60_000;
const REQUEST_MS = 30_000;
const BLOCKS_MS = 120_000;

/** What to start. */
export type PrometheusDescription = {
  /** Entries of `scrape_configs`. Default: none. */
  readonly scrapeConfigs?: readonly object[];
  /**
   * How much older than a series' newest sample an accepted one may be, for example `30m`. Default: none, as in Prometheus:
   * a write with one out-of-order sample is rejected as a whole, even if the same sample exists already.
   */
  readonly outOfOrderTimeWindow?: string;
  /** Whether it accepts OTLP at `/api/v1/otlp/v1/metrics`: see {@link otlpOption}. */
  readonly takesOtlp?: boolean;
  /** The paths of files with rules. Default: none. */
  readonly ruleFiles?: readonly string[];
  /** The interval of the rules' evaluation, for example `1s`. Default: a minute. */
  readonly evaluationInterval?: string;
  /** The address that it listens on, in the notation of URLs. Default: 127.0.0.1. */
  readonly host?: string;
  /** The port that it listens on. Default: a free one. */
  readonly port?: number;
  /** The path of an OpenMetrics file with initial samples of any age. Default: none. */
  readonly samplesFile?: string;
};

/** One value and its time. */
export type Sample = {
  readonly value: number;
  readonly timestampSeconds: number;
};

/** The value of one series at one time. */
export type InstantSample = Sample & {
  /** All its labels, with `__name__` if the query keeps it. */
  readonly labels: Readonly<Record<string, string>>;
};

/** All samples of one series in a period. */
export type Series = {
  readonly labels: Readonly<Record<string, string>>;
  readonly samples: readonly Sample[];
};

/** A real Prometheus that scrapes and accepts remote write. */
export type Prometheus = {
  /** Its address, without a path: `http://127.0.0.1:9090`. */
  readonly url: string;
  /** The address for remote write. */
  readonly remoteWriteUrl: string;
  /** The process. It is another one after a restart. */
  readonly process: RunningProcess;
  /**
   * The result of an instant query, one sample per series. A series shows its last value for 5 minutes, unless it has ended.
   * `timestampSeconds` is the time of the query, not of the sample.
   *
   * @param timeSeconds the time of the query since 1970. Default: now
   */
  query(promql: string, timeSeconds?: number): Promise<InstantSample[]>;
  /**
   * The samples themselves, each with its own time.
   *
   * @param matcher for example `chrony_up{instance="node-1"}`
   * @param startSeconds the earliest time since 1970
   * @param endSeconds the latest time since 1970
   */
  series(matcher: string, startSeconds: number, endSeconds: number): Promise<Series[]>;
  stop(): Promise<void>;
  /** Restarts it at the same address, with its data. */
  restart(): Promise<void>;
};

/** The option with which this version of Prometheus accepts OTLP, which it can since 3.0. */
export async function otlpOption(): Promise<string | undefined> {
  const { prometheus } = await bringPrometheus(progressToStandardError);
  const { stdout, stderr } = await promisify(execFile)(prometheus, ["--help"]);
  // Prometheus 3 writes it as `--[no-]web.enable-otlp-receiver`.
  return /\bweb\.enable-otlp-receiver\b/.test(stdout + stderr)
    ? "--web.enable-otlp-receiver"
    : undefined;
}

/** Starts Prometheus, and waits until it is ready. */
export async function startPrometheus(
  owner: Owner,
  description: PrometheusDescription = {},
): Promise<Prometheus> {
  const { prometheus, promtool } = await bringPrometheus(progressToStandardError);
  const folder = await folderOf(owner);
  const {
    scrapeConfigs = [],
    outOfOrderTimeWindow = "0s",
    takesOtlp = false,
    ruleFiles = [],
    evaluationInterval = "1m",
    host = "127.0.0.1",
    port = await freePort(),
    samplesFile,
  } = description;
  const configurationFile = join(folder, "prometheus.yaml");
  const configuration = {
    global: { evaluation_interval: evaluationInterval },
    rule_files: ruleFiles,
    scrape_configs: scrapeConfigs,
    storage: { tsdb: { out_of_order_time_window: outOfOrderTimeWindow } },
  };
  // JSON is YAML.
  await writeFile(configurationFile, JSON.stringify(configuration, null, 2));
  if (samplesFile !== undefined) {
    await runToEnd({
      name: "promtool",
      command: promtool,
      // The file is read once per block, so blocks are large.
      args: ["tsdb", "create-blocks-from", "--max-block-duration=2000h", "openmetrics"].concat(
        samplesFile,
        join(folder, "data"),
      ),
      timeoutMs: BLOCKS_MS,
    });
  }
  const url = `http://${host}:${port}`;
  const otlp = takesOtlp ? await otlpOption() : undefined;

  function run(): RunningProcess {
    return startProcess({
      name: "prometheus",
      command: prometheus,
      args: [
        `--config.file=${configurationFile}`,
        `--storage.tsdb.path=${join(folder, "data")}`,
        ...(samplesFile === undefined ? [] : ["--storage.tsdb.retention.time=100y"]),
        `--web.listen-address=${host}:${port}`,
        "--web.enable-remote-write-receiver",
        ...(otlp === undefined ? [] : [otlp]),
      ],
      cwd: folder,
    });
  }

  async function waitUntilReady(): Promise<void> {
    await running.waitUntil("prometheus to be ready", () => isOk(`${url}/-/ready`), START_MS);
  }

  let running = run();
  endWith(owner, () => running.stop());
  await waitUntilReady();

  async function ask(promql: string, timeSeconds?: number): Promise<QueryResult[]> {
    const parameters = new URLSearchParams({ query: promql });
    if (timeSeconds !== undefined) {
      parameters.set("time", timeSeconds.toFixed(3));
    }
    const response = await fetch(`${url}/api/v1/query?${parameters.toString()}`, {
      signal: AbortSignal.timeout(REQUEST_MS),
    });
    const answer: QueryAnswer = JSON.parse(await response.text());
    if (answer.status !== "success") {
      throw new Error(`Prometheus refuses ${promql}: ${answer.error}`);
    }
    return answer.data.result;
  }

  return {
    url,
    remoteWriteUrl: `${url}/api/v1/write`,
    get process() {
      return running;
    },
    async query(promql, timeSeconds) {
      const results = await ask(promql, timeSeconds);
      return results.flatMap(({ metric, value }) =>
        value === undefined ? [] : [{ labels: metric, ...parseSample(value) }],
      );
    },
    async series(matcher, startSeconds, endSeconds) {
      const rangeMs = Math.round((endSeconds - startSeconds) * 1_000);
      const results = await ask(`${matcher}[${rangeMs}ms]`, endSeconds);
      return results.map(({ metric, values = [] }) => ({
        labels: metric,
        samples: values.map(parseSample),
      }));
    },
    stop: () => running.stop(),
    async restart() {
      await running.stop();
      running = run();
      await waitUntilReady();
    },
  };
}

/** A sample of Prometheus' API: seconds since 1970, and a number as text. */
type QueryValue = readonly [number, string];

type QueryResult = {
  readonly metric: Readonly<Record<string, string>>;
  readonly value?: QueryValue;
  readonly values?: readonly QueryValue[];
};

type QueryAnswer =
  | { readonly status: "success"; readonly data: { readonly result: QueryResult[] } }
  | { readonly status: "error"; readonly error: string };

function parseSample([timestampSeconds, text]: QueryValue): Sample {
  // Prometheus writes +Inf and -Inf, which `Number` does not accept.
  return { value: Number(text.replace("Inf", "Infinity")), timestampSeconds };
}

async function isOk(url: string): Promise<boolean> {
  const response = await fetch(url, { signal: AbortSignal.timeout(REQUEST_MS) });
  await response.arrayBuffer();
  return response.ok;
}
