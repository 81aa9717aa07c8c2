import { createHash } from "node:crypto";
import { copyFile, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import { keepInCache } from "./cache.ts";
import { findExecutable } from "./executable.ts";
import { MissingPart } from "./missing-part.ts";
import type { Progress } from "./progress.ts";
import { runToEnd } from "./run-to-end.ts";
import { scratchFolder } from "./scratch-folder.ts";

const componentList = fileURLToPath(new URL("../../otel-collector/builder.yaml", import.meta.url));

// What the builder v0.161.0 asks for.
const leastGoVersion = { major: 1, minor: 25 };
const versionMilliseconds = 30_000;
const buildMilliseconds = 30 * 60 * 1_000;
const silenceMilliseconds = 30_000;

/** What `builder.yaml` says of the program that comes out. */
interface Distribution {
  readonly name: string;
  readonly version: string;
  readonly output_path: string;
}

/** The collector's version, for instance `0.161.0`: that of the component list. */
export async function collectorVersion(): Promise<string> {
  return distributionOf(await readFile(componentList, "utf8")).version;
}

/**
 * The path of a collector with exactly the components of `otel-collector/builder.yaml`. It is built
 * when the cache does not have it yet: 2 to 8 minutes, most of it compiling.
 *
 * @param progress is told what the builder says, and how long it has taken whenever it is silent.
 * @throws {MissingPart} when Go is missing or too old.
 */
export async function buildCollector(progress: Progress): Promise<string> {
  const list = await readFile(componentList, "utf8");
  const distribution = distributionOf(list);
  const hash = createHash("sha256").update(list).digest("hex").slice(0, 12);
  const folder = await keepInCache(`collector-${hash}-${process.arch}`, async (making) => {
    const go = await findGo();
    progress("building the OpenTelemetry Collector; this takes minutes, once");
    const configuration = join(making, "builder.yaml");
    await copyFile(componentList, configuration);
    await runBuilder(go, distribution.version, configuration, making, progress);
  });
  return join(folder, distribution.output_path, distribution.name);
}

function distributionOf(list: string): Distribution {
  const { dist }: { dist: Distribution } = parse(list);
  return dist;
}

async function findGo(): Promise<string> {
  const { major, minor } = leastGoVersion;
  const wayOut =
    `Install Go ${major}.${minor} or later and put it on the path, or set OTELCOL to the path of ` +
    "an otelcol-contrib of the version in otel-collector/builder.yaml.";
  const go = findExecutable("go");
  if (go === undefined) {
    throw new MissingPart(
      `The OpenTelemetry Collector is missing, and there is no Go to build it with. ${wayOut}`,
    );
  }
  const found = await runToEnd({
    name: "go env GOVERSION",
    command: go,
    args: ["env", "GOVERSION"],
    timeoutMilliseconds: versionMilliseconds,
  });
  const [, foundMajor, foundMinor] = /^go(\d+)\.(\d+)/m.exec(found) ?? [];
  const isOlder =
    Number(foundMajor) < major || (Number(foundMajor) === major && Number(foundMinor) < minor);
  if (isOlder) {
    throw new MissingPart(
      `The OpenTelemetry Collector is missing, and ${go} is too old to build it: ${found}. ${wayOut}`,
    );
  }
  return go;
}

async function runBuilder(
  go: string,
  version: string,
  configuration: string,
  folder: string,
  progress: Progress,
): Promise<void> {
  const temporaryFiles = await scratchFolder("build");
  const begin = performance.now();
  const reportSilence = () => {
    const seconds = Math.round((performance.now() - begin) / 1_000);
    progress(`still building the collector after ${seconds} s`);
  };
  let silence = setInterval(reportSilence, silenceMilliseconds);
  try {
    await runToEnd({
      name: "the collector builder",
      command: go,
      args: [
        "run",
        `go.opentelemetry.io/collector/cmd/builder@v${version}`,
        "--config",
        configuration,
        // One component comes from an older release than the others.
        "--skip-strict-versioning",
      ],
      // The sources and the program go to a path that the list gives relative to this folder.
      cwd: folder,
      // The builder leaves temporary files behind.
      env: { ...process.env, TMPDIR: temporaryFiles.path },
      timeoutMilliseconds: buildMilliseconds,
      onLine(line) {
        clearInterval(silence);
        silence = setInterval(reportSilence, silenceMilliseconds);
        progress(line);
      },
    });
  } finally {
    clearInterval(silence);
    temporaryFiles.remove();
  }
}
