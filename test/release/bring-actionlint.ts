import { join } from "node:path";
import { keepInCache } from "../parts/cache.ts";
import { executableFromVariable } from "../parts/executable.ts";
import { findGo } from "../parts/find-go.ts";
import type { Progress } from "../parts/progress.ts";
import { runToEnd } from "../parts/run-to-end.ts";

const VERSION = "1.7.12";
const BUILD_MS = 5 * 60 * 1_000;

/**
 * actionlint, the linter of GitHub's workflow files: the one of the variable `ACTIONLINT`, else one that is built with Go
 * and kept in the cache, which takes half a minute the first time.
 *
 * @throws {MissingPart} when there is no Go that can build it.
 */
export async function bringActionlint(progress: Progress): Promise<string> {
  const named = executableFromVariable("ACTIONLINT");
  if (named !== undefined) {
    return named;
  }
  const folder = await keepInCache(`actionlint-${VERSION}-${process.arch}`, async (making) => {
    const go = await findGo({
      what: "actionlint",
      leastVersion: { major: 1, minor: 25 },
      wayOut: `Install Go 1.25 or later, or set ACTIONLINT to the path of an actionlint ${VERSION}.`,
    });
    progress("building actionlint");
    await runToEnd({
      name: "the build of actionlint",
      command: go,
      args: ["install", `github.com/rhysd/actionlint/cmd/actionlint@v${VERSION}`],
      cwd: making,
      env: { ...process.env, GOBIN: making },
      timeoutMs: BUILD_MS,
    });
  });
  return join(folder, "actionlint");
}
