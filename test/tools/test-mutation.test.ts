// `npm run test:mutation` itself, with a small project.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { ROOT } from "../../tools/run-tests.ts";
import { folderOf } from "../parts/scratch-folder.ts";
import { waitFor } from "../parts/wait-for.ts";

const TOOL = [
  "tools/mutants.ts",
  "tools/run-tests.ts",
  "tools/test-mutation.ts",
  ...["at-exit", "owner", "running-process", "scratch-folder", "wait-for"].map(
    (name) => `test/parts/${name}.ts`,
  ),
];

/** With `>=` it returns the same. With `||` it loops for ever. */
const SOURCE = `
  export function larger(a: number, b: number): number {
    const isFirst = a > b;
    while (isFirst && Number.isNaN(a));
    return isFirst ? a : b;
  }
`;

/** Starts a process that runs until the test ends. */
const TEST = `
  import assert from "node:assert/strict";
  import { appendFileSync } from "node:fs";
  import { test } from "node:test";
  import { larger } from "../../src/numbers/larger.ts";
  import { startProcess } from "../parts/running-process.ts";
  test("the larger one", async () => {
    const { pid } = startProcess({ name: "sleep", command: "sleep", args: ["infinity"] });
    appendFileSync(process.env.CHILDREN, pid + "\\n");
    assert.deepEqual([larger(1, 2), larger(2, 1)], [2, 2]);
  });
`;

async function projectOf(t: TestContext): Promise<string> {
  const folder = await folderOf(t);
  for (const path of TOOL) {
    cpSync(join(ROOT, path), join(folder, path));
  }
  for (const path of ["src/numbers", "test/numbers"]) {
    mkdirSync(join(folder, path), { recursive: true });
  }
  symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
  writeFileSync(join(folder, ".gitignore"), "node_modules\nchildren\n");
  cpSync(join(ROOT, "tsconfig.json"), join(folder, "tsconfig.json"));
  writeFileSync(join(folder, "src/numbers/larger.ts"), SOURCE);
  writeFileSync(join(folder, "test/numbers/larger.test.ts"), TEST);
  spawnSync("git", ["init", "--quiet"], { cwd: folder });
  return folder;
}

function mutate(folder: string, ...args: readonly string[]) {
  return spawnSync(process.execPath, [join(folder, "tools/test-mutation.ts"), ...args], {
    encoding: "utf8",
    env: { ...process.env, CHILDREN: join(folder, "children") },
  });
}

describe("npm run test:mutation", () => {
  test("prints the faults that no test detects, and leaves neither a change nor a process", async (t) => {
    const folder = await projectOf(t);
    const { status, stdout } = mutate(folder, "src/numbers/larger.ts");
    assert.equal(
      stdout,
      [
        "src/numbers/larger.ts:3: > -> >=",
        "src/numbers/larger.ts:4: isFirst && Number.isNaN(a) -> false",
        "src/numbers/larger.ts: 2 of 6 mutants survive (33.3 %)",
        "",
      ].join("\n"),
    );
    assert.equal(status, 1);
    assert.equal(readFileSync(join(folder, "src/numbers/larger.ts"), "utf8"), SOURCE);
    const children = readFileSync(join(folder, "children"), "utf8").trim().split("\n").map(Number);
    await waitFor("the end of all that the tests started", () => !children.some(isRunning));
  });

  test("fails when a test does without a mutant", async (t) => {
    const folder = await projectOf(t);
    writeFileSync(join(folder, "test/numbers/bad.test.ts"), 'throw new Error("bad");');
    const { status, stderr } = mutate(folder, "src/numbers/larger.ts");
    assert.match(stderr, /^test\/numbers\/bad\.test\.ts fails without a mutant\.$/m);
    assert.equal(status, 1);
  });

  for (const [args, problem] of [
    [[], "No file is named."],
    [["src/none.ts"], "src/none.ts is not a file of src/."],
    [["--most", "0", "src/main.ts"], "--most is 0: expected a whole number above 0."],
    [["--least"], "Unknown option '--least'"],
  ] as const) {
    test(`rejects ${JSON.stringify(args)}`, () => {
      const { status, stderr } = mutate(ROOT, ...args);
      assert.ok(stderr.startsWith(problem), stderr);
      assert.match(stderr, /^Usage: npm run test:mutation/m);
      assert.equal(status, 2);
    });
  }
});

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
