// The report as one file: it needs no other file, and contains nothing of the agent.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { METRICS } from "../../src/metrics/catalogue.ts";
import { USED_METRICS } from "../../src/report/raw-series.ts";
import { VERSION } from "../../src/version.ts";
import { runToEnd } from "../parts/run-to-end.ts";
import { folderOf } from "../parts/scratch-folder.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

test("the bundle of the report runs alone, without the agent", async (t) => {
  const folder = await folderOf(t);
  await runToEnd({
    name: "tools/bundle-report.ts",
    command: process.execPath,
    args: [join(ROOT, "tools/bundle-report.ts"), folder],
    timeoutMs: 60_000,
  });
  assert.deepEqual(await readdir(folder), ["chrony-tracker-report.cjs"]);
  const bundle = join(folder, "chrony-tracker-report.cjs");
  const { stdout } = spawnSync(process.execPath, [bundle, "--version"], { encoding: "utf8" });
  assert.equal(stdout, `${VERSION}\n`);
  const code = await readFile(bundle, "utf8");
  assert.ok(!/koffi\.linux|MeterProvider|chronyd\.sock/.test(code));
});

test("the report queries metrics that the agent has", () => {
  for (const metric of USED_METRICS) {
    assert.ok(
      METRICS.some(({ name }) => name === metric),
      metric,
    );
  }
});
