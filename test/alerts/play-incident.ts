import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { stringify } from "yaml";
import { scratchFolder } from "../parts/scratch-folder.ts";
import { type Fired, firedIn, type Incident, promtoolTest } from "./incidents.ts";

const RULES = fileURLToPath(new URL("../../alerts/chrony-tracker.rules.yaml", import.meta.url));

/**
 * What fires for an incident in a cluster of so many nodes, by promtool and the shipped rules.
 *
 * @throws when promtool cannot evaluate them, with what it says.
 */
export async function playIncident(
  promtool: string,
  incident: Incident,
  count: number,
): Promise<Fired[]> {
  const scratch = await scratchFolder("incident");
  try {
    const file = join(scratch.path, "incident.yaml");
    const test = promtoolTest(incident, count, RULES);
    await writeFile(file, stringify(test, { lineWidth: 0, aliasDuplicateObjects: false }));
    const output = await outputOf(promtool, ["test", "rules", file]);
    // It always fails: that is how it says what fires.
    if (!output.includes("FAILED:\n    expr:")) {
      throw new Error(`promtool did not play "${incident.name}": ${output.slice(0, 1000)}`);
    }
    return firedIn(output);
  } finally {
    scratch.remove();
  }
}

function outputOf(command: string, args: readonly string[]): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  execFile(command, args, { maxBuffer: 2 ** 28 }, (_, stdout, stderr) => resolve(stdout + stderr));
  return promise;
}
