// The order of the folders of src as the linter enforces it: Biome with files that import each
// other in both directions.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { folderOf } from "./parts/scratch-folder.ts";

const root = fileURLToPath(new URL("../", import.meta.url));

/** Each imports only from those before it. Imports within a row are not tested. */
const ORDER: readonly (readonly string[])[] = [
  "command-options exit-codes json-shape condition log printable privileges ptp-clocks redact result setting-parsers standard-error standard-output step-log stop-signal version"
    .split(" ")
    .map((name) => `${name}.ts`),
  ["chrony"],
  ["clock"],
  ["health.ts", "settings.ts", "system-clocks.ts"],
  ["poll.ts"],
  ["sampler.ts"],
  ["utc-check"],
  ["summary"],
  ["clock-log.ts"],
  ["metrics"],
  ["push"],
  ["page", "status"],
  ["wait"],
  ["serve"],
  ["agent.ts"],
  ["command-line.ts", "command.ts", "main.ts"],
  ["report"],
];

const ENTRIES = ORDER.flatMap((row, place) => row.map((entry) => ({ entry, place })));

describe("the order of src", () => {
  test("names every folder and file", async () => {
    const names = ENTRIES.map(({ entry }) => entry).toSorted();
    assert.deepEqual(names, (await readdir(join(root, "src"))).toSorted());
  });

  test("makes each import from a later row an error, and none from an earlier row", async (t) => {
    const folder = await folderOf(t);
    const configuration = {
      root: true,
      plugins: [join(root, "folders.grit")],
      linter: { rules: { recommended: false } },
    };
    await writeFile(join(folder, "biome.json"), JSON.stringify(configuration));
    const expected: string[] = [];
    for (const { entry, place } of ENTRIES) {
      const [file, up] = entry.endsWith(".ts") ? [entry, "./"] : [`${entry}/any.ts`, "../"];
      const others = ENTRIES.filter((other) => other.place !== place);
      const lines = others.map(({ entry: other }) => {
        return `import "${up}${other.endsWith(".ts") ? other : `${other}/any.ts`}";\n`;
      });
      await mkdir(dirname(join(folder, "src", file)), { recursive: true });
      await writeFile(join(folder, "src", file), lines.join(""));
      expected.push(
        ...others.flatMap((other, index) =>
          other.place > place ? [`src/${file}:${index + 1}`] : [],
        ),
      );
    }
    assert.deepEqual(await lint(folder), expected.toSorted());
  });
});

/** The places that Biome's plugin reports in a folder, as FILE:LINE, in order. */
async function lint(folder: string): Promise<string[]> {
  const biome = join(root, "node_modules/.bin/biome");
  const args = ["lint", "--reporter=github", "--max-diagnostics=none", "src"];
  const { promise, resolve } = Promise.withResolvers<string>();
  execFile(biome, args, { cwd: folder }, (_, stdout, stderr) => resolve(stdout + stderr));
  const found = (await promise).matchAll(/file=.*\/(?<file>src\/[^,]+),line=(?<line>\d+)/g);
  return [...found].map(({ groups }) => `${groups?.["file"]}:${groups?.["line"]}`).toSorted();
}
