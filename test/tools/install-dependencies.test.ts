// The program that runs before `npm run demo` and `npm test`, in a temporary folder, with a fake npm.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, copyFileSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { folderOf } from "../parts/scratch-folder.ts";

const PROGRAM = fileURLToPath(new URL("../../tools/install-dependencies.mjs", import.meta.url));

type Packages = Readonly<Record<string, { version: string; optional?: boolean }>>;

const WANTED: Packages = {
  "": { version: "0.1.0" },
  "node_modules/needed": { version: "1.0.0" },
  "node_modules/of-this-platform": { version: "1.0.0", optional: true },
  "node_modules/of-another-platform": { version: "1.0.0", optional: true },
};

/** Runs the program in a folder with these installed packages. Default: none. */
async function installed(t: TestContext, packages: Packages | undefined, npmExitCode = 0) {
  const folder = await folderOf(t);
  const inFolder = (...path: string[]) => join(folder, ...path);
  for (const name of ["tools", "bin", "node_modules"]) {
    mkdirSync(inFolder(name));
  }
  copyFileSync(PROGRAM, inFolder("tools", "install-dependencies.mjs"));
  writeFileSync(inFolder("package-lock.json"), JSON.stringify({ packages: WANTED }));
  if (packages !== undefined) {
    writeFileSync(inFolder("node_modules", ".package-lock.json"), JSON.stringify({ packages }));
  }
  writeFileSync(inFolder("bin", "npm"), `#!/bin/sh\necho "$@" > ran; exit ${npmExitCode}\n`);
  chmodSync(inFolder("bin", "npm"), 0o755);
  const { status, stderr } = spawnSync(
    process.execPath,
    [inFolder("tools", "install-dependencies.mjs")],
    { encoding: "utf8", env: { PATH: `${inFolder("bin")}:/usr/bin:/bin` } },
  );
  return { status, stderr, ranNpm: existsSync(inFolder("ran")) };
}

describe("the installation of packages", () => {
  test("runs npm in a fresh clone", async (t) => {
    const { status, ranNpm } = await installed(t, undefined);
    assert.deepEqual([status, ranNpm], [0, true]);
  });

  test("runs npm when a package has another version, or is missing", async (t) => {
    for (const packages of [{ "node_modules/needed": { version: "0.9.0" } }, {}]) {
      const { status, ranNpm } = await installed(t, packages);
      assert.deepEqual([status, ranNpm], [0, true]);
    }
  });

  test("does not install again after npm ci, which skips other platforms' packages", async (t) => {
    const { status, ranNpm } = await installed(t, {
      "node_modules/needed": { version: "1.0.0" },
      "node_modules/of-this-platform": { version: "1.0.0", optional: true },
    });
    assert.deepEqual([status, ranNpm], [0, false]);
  });

  test("fails with a sentence when npm does", async (t) => {
    const { status, stderr } = await installed(t, undefined, 3);
    assert.match(
      stderr,
      /npm ci failed, as it says above\. It needs npm and a way to the npm registry/,
    );
    assert.equal(status, 1);
  });
});
