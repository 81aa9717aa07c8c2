// The demo as a process, with every real part. What it says is for people; what it leaves behind, and
// its exit code, is for whoever runs it.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { chmod, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { folderOf } from "../parts/scratch-folder.ts";
import { waitFor } from "../parts/wait-for.ts";
import { type EndedDemo, startDemo } from "./run-demo.ts";

async function run(
  t: TestContext,
  words: readonly string[],
  environment?: Readonly<Record<string, string>>,
): Promise<EndedDemo> {
  return (await startDemo(t, words, environment)).ended();
}

/** Where a Prometheus listens. */
function listenAddressOf(pid: number): string {
  const address = /--web\.listen-address=([^\0]+)/.exec(
    readFileSync(`/proc/${pid}/cmdline`, "utf8"),
  )?.[1];
  assert.ok(address !== undefined);
  return address;
}

describe("the demo", { concurrency: 3 }, () => {
  test("ends by itself, with one line, when Prometheus agrees with chronyd", async (t) => {
    const { code, standardOutput, standardError, leftBehind } = await run(t, ["--seconds", "3"]);
    assert.equal(code, 0, standardError);
    assert.match(
      standardOutput,
      /^chrony_clock_error_ms is \d+\.\d{3} ms \(\d\.\d s old\) by push and \d+\.\d{3} ms \(\d\.\d s old\) by pull; \d+ pushed and \d+ pulled values agree with chronyd's own reports\.\n$/,
    );
    assert.deepEqual(leftBehind, []);
  });

  test("fails when the values in Prometheus are old, because the agent hangs", async (t) => {
    const demo = await startDemo(t, ["--seconds", "10"]);
    await demo.waitForLine(/everything runs/);
    const beganSeconds = Date.now() / 1_000;
    const prometheus = listenAddressOf(demo.pidOf(/--web\.listen-address/));
    await waitFor("a pushed value that can grow old", async () => {
      const query = `timestamp(chrony_clock_error_ms{job="chrony-tracker"}) > ${beganSeconds}`;
      const response = await fetch(
        `http://${prometheus}/api/v1/query?query=${encodeURIComponent(query)}`,
      );
      const { data }: { data: { result: readonly unknown[] } } = JSON.parse(await response.text());
      return data.result.length > 0;
    });
    process.kill(demo.pidOf(/src\/main\.ts/), "SIGSTOP");
    const { code, standardOutput, standardError, leftBehind } = await demo.ended();
    assert.equal(code, 1);
    assert.equal(standardOutput, "");
    assert.match(
      standardError,
      /\nThe newest chrony_clock_error_ms by push is \d+\.\d s old: expected at most 3\.0 s\.\n$/,
    );
    assert.deepEqual(leftBehind, []);
  });

  test("reports which part was ended, ends the others and fails", async (t) => {
    const demo = await startDemo(t, []);
    await demo.waitForLine(/PromQL/);
    process.kill(demo.pidOf(/\/node-\w+\/chrony\.conf/), "SIGKILL");
    const { code, standardError, leftBehind } = await demo.ended();
    assert.equal(code, 1);
    assert.match(standardError, /\nThe node's chronyd was ended by SIGKILL\.\n$/);
    assert.deepEqual(leftBehind, []);
  });

  test("reports why a part does not start, and fails", async (t) => {
    const fakeCollector = join(await folderOf(t), "collector");
    await writeFile(fakeCollector, "#!/bin/sh\necho no configuration is good enough\nexit 3\n");
    await chmod(fakeCollector, 0o755);
    const { code, standardError, leftBehind } = await run(t, [], { OTELCOL: fakeCollector });
    assert.equal(code, 1);
    assert.match(standardError, /exit code 3.*\nno configuration is good enough\n$/);
    assert.deepEqual(leftBehind, []);
  });

  test("reports what is missing in a sentence, and fails", async (t) => {
    const { code, standardError } = await run(t, [], { OTELCOL: "/no/such/program" });
    assert.equal(code, 1);
    assert.match(standardError, /^OTELCOL is set to \/no\/such\/program, but .*\n$/);
  });

  test("reports what it does not understand, and what is allowed", async (t) => {
    const { code, standardOutput, standardError } = await run(t, ["--second", "3"]);
    assert.equal(code, 2);
    assert.equal(standardOutput, "");
    assert.match(standardError, /^Unknown argument: --second 3\. .*\n$/);
  });

  for (const [name, code, during] of [
    ["SIGINT", 130, /starting Prometheus/],
    ["SIGTERM", 143, /waiting for Prometheus to scrape the agent/],
    ["SIGHUP", 129, /PromQL/],
  ] as const) {
    test(`leaves nothing behind after ${name}, when it has printed ${during}`, async (t) => {
      const demo = await startDemo(t, []);
      await demo.waitForLine(during);
      demo.signal(name);
      const ended = await demo.ended();
      assert.equal(ended.code, code);
      assert.match(ended.standardError, new RegExp(`\nStopped by ${name}\\.\n$`));
      assert.doesNotMatch(ended.standardOutput, /\p{Cc}(?<!\n)/u, "an escape code");
      assert.deepEqual(ended.leftBehind, []);
    });
  }
});
