// The tables of README.md and docs/ that are made from the code by `npm run docs`.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { COLLECTOR_OFFSET, METRICS } from "../../src/metrics/catalogue.ts";
import { PAGES, TABLE_NAMES, tablesOf, withTables } from "../../tools/docs/tables.ts";

const ROOT = new URL("../..", import.meta.url);
const pages = new Map(
  await Promise.all(
    PAGES.map(async (page) => [page, await readFile(new URL(page, ROOT), "utf8")] as const),
  ),
);

for (const [page, text] of pages) {
  test(`the tables of ${page} agree with the code (npm run docs)`, () => {
    assert.equal(text, withTables(text));
  });
}

test("every table is in one page, once", () => {
  assert.deepEqual([...pages.values()].flatMap(tablesOf).toSorted(), TABLE_NAMES.toSorted());
});

test("docs/metrics.md has every metric once", () => {
  const page = pages.get("docs/metrics.md") ?? "";
  const found = [...page.matchAll(/^\| `(?<name>chrony_[a-z_]+)`/gm)].map(
    ({ groups }) => groups?.["name"] ?? "",
  );
  const names = [...METRICS.map(({ name }) => name), COLLECTOR_OFFSET.name];
  assert.deepEqual(found.toSorted(), names.toSorted());
});

test("the README has at most 200 lines and 12 KB", () => {
  const readme = pages.get("README.md") ?? "";
  assert.ok(Buffer.byteLength(readme) <= 12 * 1024, `${Buffer.byteLength(readme)} bytes`);
  assert.ok(readme.split("\n").length - 1 <= 200, `${readme.split("\n").length - 1} lines`);
});
