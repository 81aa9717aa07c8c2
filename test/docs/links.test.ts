// Every relative link of the project's Markdown files leads to a file, and every anchor to a heading.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

const files = execFileSync(
  "git",
  ["ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
  { cwd: ROOT, encoding: "utf8" },
)
  .trim()
  .split("\n");

/** A link's target: `[text](target)`, `![text](target)`. */
const LINK = /\]\((?<target>[^)\s]+)\)/g;

for (const file of files) {
  test(`${file}: its links`, async () => {
    const text = withoutCode(await readFile(join(ROOT, file), "utf8"));
    const problems: string[] = [];
    for (const { groups } of text.matchAll(LINK)) {
      const target = groups?.["target"] ?? "";
      if (!/^(?:https?|mailto):/.test(target)) {
        problems.push(...(await problemsOf(file, target)));
      }
    }
    assert.deepEqual(problems, []);
  });
}

/** The problem of a link, if there is one. */
async function problemsOf(file: string, target: string): Promise<string[]> {
  const [path = "", anchor] = target.split("#");
  const page = path === "" ? file : relative(ROOT, join(ROOT, dirname(file), path));
  if (page.startsWith("..") || !existsSync(join(ROOT, page))) {
    return [`${target}: ${page} does not exist`];
  }
  if (anchor === undefined || !page.endsWith(".md")) {
    return [];
  }
  const anchors = anchorsOf(withoutCode(await readFile(join(ROOT, page), "utf8")));
  return anchors.has(anchor) ? [] : [`${target}: ${page} has no heading #${anchor}`];
}

/** The anchors of a page's headings, as GitHub makes them. */
function anchorsOf(text: string): Set<string> {
  const anchors = new Set<string>();
  for (const [, heading = ""] of text.matchAll(/^#{1,6} (.+)$/gm)) {
    const base = heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\p{M} _-]/gu, "")
      .replaceAll(" ", "-");
    let anchor = base;
    for (let number = 1; anchors.has(anchor); number += 1) {
      anchor = `${base}-${number}`;
    }
    anchors.add(anchor);
  }
  return anchors;
}

/** A page without its blocks of code, because brackets are not links there, and # not headings. */
function withoutCode(text: string): string {
  return text.replaceAll(/^( *)```.*\n(?:.*\n)*?\1```$/gm, "");
}
