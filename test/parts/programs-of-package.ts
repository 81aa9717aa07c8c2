import { join } from "node:path";
import { debianPackage } from "./debian-package.ts";
import { MissingPart } from "./missing-part.ts";
import type { Progress } from "./progress.ts";
import { runToEnd } from "./run-to-end.ts";

const VERSION_MS = 60_000;

/**
 * The absolute paths of two programs of a Debian package. Checks that the first one runs.
 *
 * @param description.programs their paths in the package; the first one accepts `--version`
 * @param description.wayOut sentences with what to do when the package is not available
 * @throws {MissingPart} when it is not available or does not run here
 */
export async function programsOfPackage(description: {
  readonly packageName: string;
  readonly programs: readonly [string, string];
  readonly wayOut: string;
  readonly progress: Progress;
}): Promise<[string, string]> {
  const { packageName, programs, wayOut, progress } = description;
  try {
    const folder = await debianPackage(packageName, progress);
    const [first, second] = [join(folder, programs[0]), join(folder, programs[1])];
    await runToEnd({
      name: `${first} --version`,
      command: first,
      args: ["--version"],
      timeoutMs: VERSION_MS,
    });
    return [first, second];
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new MissingPart(
      `${packageName} is missing: this machine has none that can be used, and its Debian package ` +
        `does not help: ${reason}\n${wayOut}`,
      { cause: error },
    );
  }
}
