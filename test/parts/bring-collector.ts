import { buildCollector, collectorVersion } from "./build-collector.ts";
import { executableFromVariable, findExecutable } from "./executable.ts";
import type { Progress } from "./progress.ts";
import { runToEnd } from "./run-to-end.ts";

const VERSION_MS = 60_000;

/**
 * The OpenTelemetry Collector: the one of the variable `OTELCOL`, else `otelcol-contrib` on the path if it has the version
 * of the configuration, else one that is built and kept in the cache, which takes minutes the first time.
 *
 * @throws {MissingPart} when there is none and none can be built
 */
export async function bringCollector(progress: Progress): Promise<string> {
  const named = executableFromVariable("OTELCOL");
  if (named !== undefined) {
    return named;
  }
  const installed = findExecutable("otelcol-contrib");
  if (installed !== undefined) {
    const wanted = await collectorVersion();
    const found = await versionOf(installed);
    if (found === wanted) {
      return installed;
    }
    progress(`passing over ${installed}: its version is ${found}, and ${wanted} is needed`);
  }
  return buildCollector(progress);
}

/** `otelcol-contrib --version` says "otelcol-contrib version 0.161.0". */
async function versionOf(collector: string): Promise<string | undefined> {
  const answer = await runToEnd({
    name: `${collector} --version`,
    command: collector,
    args: ["--version"],
    timeoutMs: VERSION_MS,
  });
  return answer.trim().split(" ").at(-1);
}
