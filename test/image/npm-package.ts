import { rm } from "node:fs/promises";
import { join } from "node:path";
import { keepInCache } from "../parts/cache.ts";
import type { Progress } from "../parts/progress.ts";
import { runToEnd } from "../parts/run-to-end.ts";

const DOWNLOAD_MS = 5 * 60 * 1_000;

/** The folder of an unpacked package of the npm registry. It is not installed. */
export async function npmPackage(
  name: string,
  version: string,
  progress: Progress,
): Promise<string> {
  const folder = await keepInCache(`npm-${name}-${version}`, async (making) => {
    progress(`downloading the npm package ${name} ${version}`);
    const answer = await runToEnd({
      name: `npm pack ${name}@${version}`,
      command: "npm",
      args: ["pack", "--silent", `${name}@${version}`],
      cwd: making,
      timeoutMs: DOWNLOAD_MS,
    });
    const archive = answer.split("\n").at(-1) ?? "";
    await runToEnd({
      name: `unpacking ${name}`,
      command: "tar",
      args: ["--extract", "--file", archive],
      cwd: making,
      timeoutMs: DOWNLOAD_MS,
    });
    await rm(join(making, archive));
  });
  return join(folder, "package");
}
