// docs/dependencies.md, compared with package-lock.json by npm's own SBOM.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { dependencyDocument, ROOT, readSbom } from "../../tools/sbom.ts";

const components = await readSbom();

test("docs/dependencies.md agrees with package-lock.json", async () => {
  assert.equal(
    await readFile(`${ROOT}docs/dependencies.md`, "utf8"),
    dependencyDocument(components),
    "Run: node tools/dependencies.ts",
  );
});

test("the licences of all packages require only a notice", () => {
  const asking = components.filter(
    ({ scope, license }) =>
      // The lock has the licence of a platform's binary only if it is installed.
      !(scope === "optional" && license === undefined) &&
      !["Apache-2.0", "MIT"].includes(license ?? "none"),
  );
  assert.deepEqual(asking, []);
});

test("every package has a hash and comes from the registry, and direct ones have one exact version", async () => {
  const lock: {
    packages: Record<string, { resolved?: string; integrity?: string }>;
  } = JSON.parse(await readFile(`${ROOT}package-lock.json`, "utf8"));
  const loose = Object.entries(lock.packages).filter(
    ([path, { resolved, integrity }]) =>
      path !== "" && (resolved !== undefined || !integrity?.startsWith("sha512-")),
  );
  assert.deepEqual(
    loose.map(([path]) => path),
    [],
  );
  const manifest: Record<"dependencies" | "devDependencies", Record<string, string>> = JSON.parse(
    await readFile(`${ROOT}package.json`, "utf8"),
  );
  const ranges = Object.entries({ ...manifest.dependencies, ...manifest.devDependencies }).filter(
    ([, version]) => !/^\d+\.\d+\.\d+$/.test(version),
  );
  assert.deepEqual(ranges, []);
});
