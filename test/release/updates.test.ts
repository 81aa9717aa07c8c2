// The configuration for dependency updates: its patterns match their files.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

const ROOT = new URL("../..", import.meta.url);
const BUILDER = "otel-collector/builder.yaml";

type Renovate = {
  readonly customManagers: readonly {
    readonly managerFilePatterns: readonly string[];
    readonly matchStrings: readonly string[];
  }[];
  readonly kubernetes: { readonly managerFilePatterns: readonly string[] };
};

const { customManagers, kubernetes }: Renovate = JSON.parse(
  await readFile(new URL(".github/renovate.json", ROOT), "utf8"),
);

test("every version in the collector's component list is found, once", async () => {
  const text = await readFile(new URL(BUILDER, ROOT), "utf8");
  const found = customManagers.flatMap(({ managerFilePatterns, matchStrings }) => {
    assert.ok(managerFilePatterns.some((pattern) => fits(pattern, BUILDER)));
    return matchStrings.flatMap((pattern) =>
      [...text.matchAll(new RegExp(pattern, "g"))].map(
        ({ groups }) => groups?.["currentValue"] ?? "",
      ),
    );
  });
  const versions = [...text.matchAll(/ (v?\d+\.\d+\.\d+)$/gm)].map(([, version = ""]) => version);
  assert.ok(versions.length > 10);
  assert.deepEqual(found.toSorted(byText), versions.toSorted(byText));
});

test("the manifest with the collector's image is included", () => {
  const manifest = "k8s/base/collector/deployment.yaml";
  assert.ok(kubernetes.managerFilePatterns.some((pattern) => fits(pattern, manifest)));
});

function fits(pattern: string, path: string): boolean {
  return new RegExp(pattern.slice(1, -1)).test(path);
}

function byText(one: string, other: string): number {
  return one.localeCompare(other);
}
