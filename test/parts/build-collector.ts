import { createHash } from "node:crypto";
import { copyFile, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import { keepInCache } from "./cache.ts";
import { findGo } from "./find-go.ts";
import type { Progress } from "./progress.ts";
import { runBuild } from "./run-build.ts";

const COMPONENT_LIST = fileURLToPath(new URL("../../otel-collector/builder.yaml", import.meta.url));

// The Go version that the builder v0.161.0 requires.
const LEAST_GO_VERSION = { major: 1, minor: 25 };

/** The fields of `builder.yaml` that are needed. */
type Distribution = {
  readonly name: string;
  readonly version: string;
  readonly output_path: string;
};

/** The collector's version in the component list, for example `0.161.0`. */
export async function collectorVersion(): Promise<string> {
  return distributionOf(await readFile(COMPONENT_LIST, "utf8")).version;
}

/**
 * The path of a collector with exactly the components of `otel-collector/builder.yaml`. It is built if the cache does not
 * have it, which takes 2 to 8 minutes.
 *
 * @param progress gets the output of the builder, and the elapsed time while it is silent
 * @throws {MissingPart} when Go is missing or too old
 */
export async function buildCollector(progress: Progress): Promise<string> {
  const list = await readFile(COMPONENT_LIST, "utf8");
  const distribution = distributionOf(list);
  const hash = createHash("sha256").update(list).digest("hex").slice(0, 12);
  const folder = await keepInCache(`collector-${hash}-${process.arch}`, async (making) => {
    const { major, minor } = LEAST_GO_VERSION;
    const go = await findGo({
      what: "The OpenTelemetry Collector",
      leastVersion: LEAST_GO_VERSION,
      wayOut:
        `Install Go ${major}.${minor} or later and put it on the path, or set OTELCOL to the path of ` +
        "an otelcol-contrib of the version in otel-collector/builder.yaml.",
    });
    progress("building the OpenTelemetry Collector; this takes minutes, once");
    const configuration = join(making, "builder.yaml");
    await copyFile(COMPONENT_LIST, configuration);
    await runBuild({
      name: "the collector",
      command: go,
      args: [
        "run",
        `go.opentelemetry.io/collector/cmd/builder@v${distribution.version}`,
        "--config",
        configuration,
        // Because one component is of an older release than the others.
        "--skip-strict-versioning",
      ],
      // The output path in the list is relative to this folder.
      cwd: making,
      env: process.env,
      progress,
    });
  });
  return join(folder, distribution.output_path, distribution.name);
}

function distributionOf(list: string): Distribution {
  const { dist }: { dist: Distribution } = parse(list);
  return dist;
}
