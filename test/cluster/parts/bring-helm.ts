import { join } from "node:path";
import { keepInCache } from "../../parts/cache.ts";
import { executableFromVariable } from "../../parts/executable.ts";
import { findGo } from "../../parts/find-go.ts";
import type { Progress } from "../../parts/progress.ts";
import { runBuild } from "../../parts/run-build.ts";

const VERSION = "4.3.1";

/**
 * Helm: the one of the variable `HELM`, else one that is built with Go and kept in the cache. Building takes some
 * minutes.
 *
 * @throws {MissingPart} when no suitable Go is installed
 */
export async function bringHelm(progress: Progress): Promise<string> {
  const named = executableFromVariable("HELM");
  if (named !== undefined) {
    return named;
  }
  const folder = await keepInCache(`helm-${VERSION}-${process.arch}`, async (making) => {
    const go = await findGo({
      what: "Helm",
      leastVersion: { major: 1, minor: 25 },
      wayOut: `Install Go 1.25 or later, or set HELM to the path of a helm ${VERSION}.`,
    });
    progress("building Helm; this takes some minutes, once");
    await runBuild({
      name: "Helm",
      command: go,
      args: ["install", "-ldflags=-s -w", `helm.sh/helm/v4/cmd/helm@v${VERSION}`],
      cwd: making,
      env: { ...process.env, GOBIN: making, CGO_ENABLED: "0" },
      progress,
    });
  });
  return join(folder, "helm");
}
