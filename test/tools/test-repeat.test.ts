// `npm run test:repeat` itself, with its own test files.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { folderOf } from "../parts/scratch-folder.ts";

const PROGRAM = fileURLToPath(new URL("../../tools/test-repeat.ts", import.meta.url));

/** The first test fails only in the first run, the second one in every run. */
const SOMETIMES = `
  import { existsSync, writeFileSync } from "node:fs";
  import { describe, test } from "node:test";
  const mark = new URL("mark", import.meta.url);
  describe("a suite", () => {
    test("is good", () => {});
    test("fails once", () => {
      if (!existsSync(mark)) { writeFileSync(mark, ""); throw new Error("the first time"); }
    });
    test("always fails", () => { throw new Error("always"); });
    test.skip("is skipped", () => {});
  });
`;

function repeat(...args: readonly string[]) {
  // With it, the test runner would report to the outer one.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  return spawnSync(process.execPath, [PROGRAM, ...args], { encoding: "utf8", env });
}

describe("npm run test:repeat", () => {
  test("counts how often each test failed, and fails with them", async (t) => {
    const folder = await folderOf(t);
    const file = join(folder, "sometimes.test.mjs");
    writeFileSync(file, SOMETIMES);
    const { status, stdout } = repeat("3", file);
    assert.match(stdout, /^\| 1 \| no \| \d+ \| 1 \| 1 \| 2 \|$/m);
    assert.match(stdout, /^\| 3 \| no \| \d+ \| 2 \| 1 \| 1 \|$/m);
    assert.match(stdout, /^failed 1 of 3 times: .*sometimes\.test\.mjs > a suite > fails once$/m);
    assert.match(stdout, /^failed 3 of 3 times: .*sometimes\.test\.mjs > a suite > always fails$/m);
    assert.match(stdout, /^0 of 3 runs passed\.$/m);
    assert.equal(status, 1);
  });

  test("succeeds when every run does, also with every core busy", async (t) => {
    const folder = await folderOf(t);
    const file = join(folder, "good.test.mjs");
    writeFileSync(file, 'import { test } from "node:test"; test("is good", () => {});');
    const { status, stdout } = repeat("2", "--load", file);
    assert.match(stdout, /^\| 2 \| yes \| \d+ \| 1 \| 0 \| 0 \|\n2 of 2 runs passed\.$/m);
    assert.equal(status, 0);
  });

  for (const times of [[], ["0"], ["1.5"], ["test/clock"]]) {
    test(`rejects ${JSON.stringify(times)} as the number of runs`, () => {
      const { status, stderr } = repeat(...times);
      assert.match(stderr, /^The number of runs is ".*": expected a whole number above 0\./);
      assert.equal(status, 2);
    });
  }
});
