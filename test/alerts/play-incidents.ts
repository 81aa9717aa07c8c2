import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { stringify } from "yaml";
import { scratchFolder } from "../parts/scratch-folder.ts";
import { type Fired, firedIn, type Play, promtoolTest } from "./incidents.ts";

/** promtool spends a quarter of its processor time on that by default. */
export const LESS_GARBAGE_COLLECTION = { GOGC: "800" };

const RULES = fileURLToPath(new URL("../../alerts/chrony-tracker.rules.yaml", import.meta.url));

/**
 * The alerts of each incident, by promtool and the shipped rules. Incidents of equal length are played together, as
 * clusters in one workspace, because each evaluation of a rule takes most of the time.
 *
 * @throws when promtool cannot evaluate them, with its error
 */
export async function playIncidents(
  promtool: string,
  plays: readonly Play[],
): Promise<ReadonlyMap<Play, readonly Fired[]>> {
  const fired = new Map<Play, readonly Fired[]>();
  for (const group of Map.groupBy(plays, ({ incident }) => incident.minutes).values()) {
    for (const [index, one] of (await playTogether(promtool, group)).entries()) {
      const play = group[index];
      if (play !== undefined) {
        fired.set(play, one);
      }
    }
  }
  return fired;
}

async function playTogether(promtool: string, plays: readonly Play[]): Promise<Fired[][]> {
  const scratch = await scratchFolder("incident");
  try {
    const file = join(scratch.path, "incident.yaml");
    const test = promtoolTest(plays, RULES);
    await writeFile(file, stringify(test, { lineWidth: 0, aliasDuplicateObjects: false }));
    const output = await outputOf(promtool, ["test", "rules", file]);
    // It always fails, because only an error lists what fires.
    if (!output.includes("FAILED:\n    expr:")) {
      throw new Error(`promtool did not play the incidents: ${output.slice(0, 1000)}`);
    }
    return firedIn(output, plays);
  } finally {
    scratch.remove();
  }
}

function outputOf(command: string, args: readonly string[]): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const env = { ...process.env, ...LESS_GARBAGE_COLLECTION };
  execFile(command, args, { env, maxBuffer: 2 ** 28 }, (_, stdout, stderr) =>
    resolve(stdout + stderr),
  );
  return promise;
}
