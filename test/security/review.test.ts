// The tests that SECURITY.md names.

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { ROOT } from "../../tools/sbom.ts";

test("every file that SECURITY.md names exists", async () => {
  const review = await readFile(`${ROOT}SECURITY.md`, "utf8");
  const named = [...review.matchAll(/`((?:test|src|tools|docs|k8s|\.github)\/[\w./-]+)`/g)].map(
    ([, path = ""]) => path,
  );
  assert.ok(named.length > 0);
  assert.deepEqual(
    named.filter((path) => !existsSync(ROOT + path)),
    [],
  );
});
