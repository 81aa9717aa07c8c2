// The agent's secrets do not appear in its log, on its page or at /status while a collector rejects its pushes and
// quotes the requests.

import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import { test } from "node:test";
import { startAgent } from "../parts/agent.ts";
import { listen } from "../parts/listen.ts";
import { folderOf } from "../parts/scratch-folder.ts";
import { get } from "./scrape.ts";

const SECRETS = ["signature-of-a-query", "key-of-a-header", "token-of-a-file"];

test("no secret is in the log, on the page or in /status, and a header's value 1 hides no 1", async (t) => {
  const folder = await folderOf(t);
  const tokenFile = join(folder, "token");
  await writeFile(tokenFile, SECRETS[2] ?? "");
  const fakeCollector = createServer((request, response) => {
    const quoted = `${request.url} ${request.rawHeaders.join(" ")} has 11 points too many`;
    response.writeHead(403, { "content-type": "application/json" });
    response.end(JSON.stringify({ message: quoted.slice(-250) }));
  });
  const { port } = await listen(t, fakeCollector);

  const agent = await startAgent(t, {
    environment: {
      CHRONY_ADDRESS: `unix://${folder}/nowhere.sock`,
      OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: `http://127.0.0.1:${port}/v1/metrics?sig=${SECRETS[0]}`,
      OTEL_EXPORTER_OTLP_HEADERS: `x-api-key=${SECRETS[1]},x-scope-orgid=1`,
      COLLECTOR_TOKEN_FILE: tokenFile,
      OTEL_METRIC_EXPORT_INTERVAL: "1000",
      OTEL_LOG_LEVEL: "debug",
    },
  });
  const rejected = await agent.process.waitForLine(/answered 403/);
  assert.match(rejected, new RegExp(`http://127\\.0\\.0\\.1:${port}/v1/metrics\\?… answered`));
  assert.match(rejected, /has 11 points too many/);
  const page = await agent.process.waitUntil("the page to show the failed push", async () => {
    const { body } = await get(agent, "/");
    return body.includes("answered 403") && body;
  });
  const { body: report } = await get(agent, "/status");
  assert.match(report, /answered 403/);
  await agent.stop();
  for (const secret of SECRETS) {
    assert.ok(!agent.process.output().includes(secret), agent.process.output());
    assert.ok(!page.includes(secret), page);
    assert.ok(!report.includes(secret), report);
  }
});
