import { dirname, join } from "node:path";
import { executableFromVariable, findExecutable, isExecutable } from "./executable.ts";
import { MissingPart } from "./missing-part.ts";
import { programsOfPackage } from "./programs-of-package.ts";
import type { Progress } from "./progress.ts";

/**
 * Prometheus and promtool: those of the variable `PROMETHEUS`, else those on the path, else those of the Debian package,
 * unpacked in the cache.
 *
 * @throws {MissingPart} when there is none
 */
export async function bringPrometheus(
  progress: Progress,
): Promise<{ prometheus: string; promtool: string }> {
  const named = executableFromVariable("PROMETHEUS");
  if (named !== undefined) {
    return { prometheus: named, promtool: promtoolOf(named) };
  }
  const installed = findExecutable("prometheus");
  const installedTool = findExecutable("promtool");
  if (installed !== undefined && installedTool !== undefined) {
    return { prometheus: installed, promtool: installedTool };
  }
  const [prometheus, promtool] = await programsOfPackage({
    packageName: "prometheus",
    programs: ["usr/bin/prometheus", "usr/bin/promtool"],
    wayOut:
      "Put prometheus and promtool on the path, or set PROMETHEUS to the path of a prometheus " +
      "that has promtool beside it.",
    progress,
  });
  return { prometheus, promtool };
}

function promtoolOf(prometheus: string): string {
  const promtool = join(dirname(prometheus), "promtool");
  if (!isExecutable(promtool)) {
    throw new MissingPart(
      `PROMETHEUS is set to ${prometheus}, but there is no promtool beside it. ` +
        "Put it there, or unset PROMETHEUS to have both looked for.",
    );
  }
  return promtool;
}
