import assert from "node:assert/strict";
import { copyFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { bringChronyd, bringCollector, bringPrometheus } from "./bring.ts";
import { MissingPart } from "./missing-part.ts";
import { folderOf } from "./scratch-folder.ts";
import { setVariable } from "./set-variable.ts";

const ignoreProgress = () => {};

for (const [variable, bring] of [
  ["CHRONYD", bringChronyd],
  ["PROMETHEUS", bringPrometheus],
  ["OTELCOL", bringCollector],
] as const) {
  for (const [what, path] of [
    ["nothing", "/no/such/program"],
    ["a folder", "/usr"],
    ["a file that is no program", "/etc/passwd"],
  ] as const) {
    test(`${variable} that names ${what} is an error, and nothing else is used instead`, async (t) => {
      setVariable(t, variable, path);
      await assert.rejects(
        async () => bring(ignoreProgress),
        new MissingPart(
          `${variable} is set to ${path}, but ${path} is not a file that can be executed. ` +
            "Set it to one, or unset it to have the part looked for.",
        ),
      );
    });
  }
}

test("CHRONYD without a chronyc is an error that names its expected place", async (t) => {
  const folder = await folderOf(t);
  const chronyd = join(folder, "chronyd");
  await copyFile(process.execPath, chronyd);
  setVariable(t, "CHRONYD", chronyd);
  await assert.rejects(bringChronyd(ignoreProgress), /no chronyc beside it nor in \.\.\/bin/);
});
