// docs/versions.md, compared with its record, and the record with what is tested now.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import {
  constructedOnly,
  NEXT_NODE,
  readVersionsRun,
  type TestedVersion,
  type VersionsRun,
  versionsPage,
} from "../../tools/tested-versions.ts";

const page = await readFile(new URL("../../docs/versions.md", import.meta.url), "utf8");
const recorded = await readVersionsRun();

test("docs/versions.md agrees with its record (npm run test:versions -- --write)", () => {
  assert.equal(page, versionsPage(recorded));
});

test("the record is of a run without a failure, with the current Node.js", () => {
  assert.deepEqual(
    recorded.versions.filter(({ outcome }) => outcome === "failed"),
    [],
  );
  const node = recorded.versions.filter(({ program }) => program === "Node.js");
  assert.deepEqual(
    node.map(({ version }) => version),
    [NEXT_NODE],
  );
});

function runWith(npmTestChrony: string, versions: readonly TestedVersion[]): VersionsRun {
  return {
    ...recorded,
    npmTest: { ...recorded.npmTest, chrony: npmTestChrony },
    versions,
  };
}

function chrony(version: string, outcome: TestedVersion["outcome"]): TestedVersion {
  return { program: "chrony", version, source: "a suite", outcome };
}

test("a version of AKS is covered only by constructed replies unless it ran and passed", () => {
  assert.deepEqual(constructedOnly(runWith("4.3", [])), ["4.2", "4.5", "4.8"]);
  assert.deepEqual(constructedOnly(runWith("4.2", [chrony("4.5.1", "passed")])), ["4.8"]);
  assert.deepEqual(
    constructedOnly(runWith("4.2", [chrony("4.5", "failed"), chrony("4.8", "not tested")])),
    ["4.5", "4.8"],
  );
  const other = { ...chrony("4.5", "passed"), program: "Prometheus" } as const;
  assert.deepEqual(constructedOnly(runWith("4.20", [other])), ["4.2", "4.5", "4.8"]);
});

test("the page says why a version was not tested, and which ones are covered by constructed replies", () => {
  const reason = "not in this suite";
  const text = versionsPage(
    runWith("4.2", [{ ...chrony("4.5", "not tested"), reason }, chrony("4.8", "passed")]),
  );
  assert.match(text, /\| chrony +\| 4\.5 +\| a suite \| not tested: not in this suite \| +\|/);
  assert.match(text, /Only constructed replies cover these versions.*: 4\.5\.\n/);
});
