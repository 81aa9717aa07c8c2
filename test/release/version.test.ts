// The version of package.json in all other places, and the collector's version in all places.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { describe, test } from "node:test";
import { VERSION } from "../../src/version.ts";

const ROOT = new URL("../..", import.meta.url);

/** The places of this project's version. */
const OWN = [
  ["package-lock.json", /^ {2}"version": "(.+)"/gm, 1],
  ["Dockerfile", /^ARG VERSION=(.+)$/gm, 1],
  ["k8s/base/agent/daemon-set.yaml", /image: chrony-tracker:(.+)$/gm, 1],
  ["k8s/overlays/azure/kustomization.yaml", /newTag: (.+)$/gm, 1],
  ["k8s/overlays/prometheus/kustomization.yaml", /newTag: (.+)$/gm, 1],
  ["k8s/overlays/pull-only/kustomization.yaml", /newTag: (.+)$/gm, 1],
  ["docs/releases.md", /REGISTRY\/chrony-tracker:(\S+)/g, 2],
] as const;

describe("the version of package.json", () => {
  for (const [file, pattern, times] of OWN) {
    test(`is in ${file}`, async () => {
      assert.deepEqual(await versionsIn(file, pattern), Array(times).fill(VERSION));
    });
  }

  test("is not one that the changelog has as released", async () => {
    const released = await versionsIn("CHANGELOG.md", /^## \[?(\d[^\s\]]*)/gm);
    assert.ok(released.length === 0 || released[0] === VERSION, released.join());
  });
});

test("the collector of the tests has the version of the manifests", async () => {
  const [built = ""] = await versionsIn("otel-collector/builder.yaml", /^ {2}version: (.+)$/gm);
  const image = /opentelemetry-collector-contrib:([\d.]+)/g;
  assert.deepEqual(await versionsIn("k8s/base/collector/deployment.yaml", image), [built]);
  assert.deepEqual(await versionsIn("otel-collector/README.md", image), [built]);
  const [minor] = await versionsIn("README.md", /OpenTelemetry Collector ([\d.]+\d)/g);
  assert.ok(built.startsWith(`${minor}.`), `README.md says ${minor}`);
});

test("Node.js is the same in the tests and in the image", async () => {
  const [tested] = await versionsIn("package.json", /"node": "(\d.+)"/g);
  assert.deepEqual(await versionsIn("Dockerfile", /^ARG NODE=\S+node:([\d.]+)-/gm), [tested]);
});

async function versionsIn(file: string, pattern: RegExp): Promise<string[]> {
  const text = await readFile(new URL(file, ROOT), "utf8");
  return [...text.matchAll(pattern)].map(([, version = ""]) => version);
}
