/** `npm run docs`: writes the tables of README.md and docs/ that are made from the code. */
import { readFile, writeFile } from "node:fs/promises";
import { PAGES, withTables } from "./docs/tables.ts";

const ROOT = new URL("..", import.meta.url);

for (const page of PAGES) {
  const file = new URL(page, ROOT);
  await writeFile(file, withTables(await readFile(file, "utf8")));
  process.stdout.write(`${page}\n`);
}
