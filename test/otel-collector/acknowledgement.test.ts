// The collector's answer when the backend does not accept points: pushes made by hand, a real collector (the version of
// builder.yaml) with the shipped configuration, and a fake backend.

import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import {
  type Collector,
  PROMETHEUS_CONFIGURATION_FILES,
  startCollector,
} from "../parts/collector.ts";
import { folderOf } from "../parts/scratch-folder.ts";
import { suiteScope } from "../parts/suite-scope.ts";
import { type FakeBackend, startFakeBackend } from "./fake-backend.ts";
import { gauge, nodeResource, type PushAnswer, push } from "./otlp.ts";

describe("the collector's answer to a push", () => {
  const scope = suiteScope();
  let backend: FakeBackend;
  let collector: Collector;

  before(async () => {
    backend = await startFakeBackend(scope);
    collector = await startCollector(scope, { remoteWriteUrl: backend.remoteWriteUrl });
  });

  function pushOnce(to = collector): Promise<PushAnswer> {
    return push(to.otlpUrl, {
      resource: nodeResource("node-1"),
      metrics: [gauge("chrony_up", { timeMs: Date.now(), value: 1 })],
    });
  }

  for (const [backendStatus, expected, why] of [
    [200, 200, "the backend has the points"],
    [204, 200, "the backend has the points"],
    [429, 503, "it is throttled: come again"],
    [500, 503, "it failed: come again"],
    [503, 503, "it is away: come again"],
    [400, 500, "it refuses: coming again would not help"],
    [401, 500, "it refuses the collector"],
    [403, 500, "it refuses the collector"],
    [413, 500, "it refuses the size"],
    [422, 500, "it refuses the points"],
  ] as const) {
    test(`is ${expected} when the backend answers ${backendStatus}: ${why}`, async () => {
      backend.answerWith(backendStatus);
      const writesBefore = backend.writes.length;
      const { status, body } = await pushOnce();
      assert.equal(status, expected, body);
      assert.equal(backend.writes.length - writesBefore, 1, "the collector tries once only");
    });
  }

  test("is 503 when the collector is at its memory limit, and nothing is written", async (t) => {
    backend.answerWith(200);
    const cramped = await startCollector(t, {
      remoteWriteUrl: backend.remoteWriteUrl,
      environment: { MEMORY_LIMIT_MIB: "1" },
    });
    // It measures its memory once a second.
    const { writesBefore } = await cramped.process.waitUntil("a push to be refused", async () => {
      const writesSoFar = backend.writes.length;
      const { status } = await pushOnce(cramped);
      return status === 503 && { writesBefore: writesSoFar };
    });
    assert.equal(backend.writes.length, writesBefore);
  });

  test("is 503 when the backend does not answer for 15 s, while the agent still waits", async () => {
    backend.answerWith("silence");
    const begin = performance.now();
    const { status, body } = await pushOnce();
    const seconds = (performance.now() - begin) / 1_000;
    assert.equal(status, 503, body);
    assert.ok(seconds > 14 && seconds < 20, `after ${seconds} s`);
  });

  test("is never 200 when the timeout is over before the write begins", async (t) => {
    backend.answerWith("silence");
    const [common, catalogue, exporter, service] = PROMETHEUS_CONFIGURATION_FILES;
    const hurried = join(await folderOf(t), "exporter.yaml");
    // A busy CPU causes delays of seconds; here the timeout is shorter instead.
    await writeFile(hurried, (await readFile(exporter, "utf8")).replaceAll("15s", "1ms"));
    const collectorInAHurry = await startCollector(t, {
      remoteWriteUrl: backend.remoteWriteUrl,
      configurationFiles: [common, catalogue, hurried, service],
    });
    const points = Array.from({ length: 3_000 }, (_, index) => ({
      timeMs: Date.now(),
      value: 1,
      attributes: { source_name: `source-${index}` },
    }));
    for (let pushes = 0; pushes < 30; pushes += 1) {
      const { status, body } = await push(collectorInAHurry.otlpUrl, {
        resource: nodeResource("node-1"),
        metrics: [gauge("chrony_sources_stratum", ...points)],
      });
      assert.equal(status, 503, body);
    }
  });

  test("is 503 when nothing listens at the backend's address", async () => {
    await backend.stop();
    const { status, body } = await pushOnce();
    assert.equal(status, 503, body);
  });
});
