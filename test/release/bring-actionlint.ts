import { join } from "node:path";
import { keepInCache } from "../parts/cache.ts";
import { executableFromVariable, findExecutable } from "../parts/executable.ts";
import { MissingPart } from "../parts/missing-part.ts";
import type { Progress } from "../parts/progress.ts";
import { runToEnd } from "../parts/run-to-end.ts";

const version = "1.7.12";
const buildMilliseconds = 5 * 60 * 1_000;

/**
 * actionlint, the linter of GitHub's workflow files: the one that `ACTIONLINT` names, else one that is
 * built with Go and kept in the cache, which takes half a minute the first time.
 *
 * @throws {MissingPart} when there is no Go to build it with.
 */
export async function bringActionlint(progress: Progress): Promise<string> {
  const named = executableFromVariable("ACTIONLINT");
  if (named !== undefined) {
    return named;
  }
  const folder = await keepInCache(`actionlint-${version}-${process.arch}`, async (making) => {
    const go = findExecutable("go");
    if (go === undefined) {
      throw new MissingPart(
        "actionlint is missing, and there is no Go to build it with. Install Go and put it on the " +
          `path, or set ACTIONLINT to the path of an actionlint ${version}.`,
      );
    }
    progress("building actionlint");
    await runToEnd({
      name: "the build of actionlint",
      command: go,
      args: ["install", `github.com/rhysd/actionlint/cmd/actionlint@v${version}`],
      cwd: making,
      env: { ...process.env, GOBIN: making },
      timeoutMilliseconds: buildMilliseconds,
    });
  });
  return join(folder, "actionlint");
}
