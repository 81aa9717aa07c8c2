// Signals at the start and later, and broken standard streams. The agent is the first process of a PID
// namespace, in which the kernel ignores a signal without a handler.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { startAgent } from "../parts/agent.ts";
import { freePort } from "../parts/free-port.ts";
import { endWith } from "../parts/owner.ts";
import { runToEnd } from "../parts/run-to-end.ts";
import { startProcess } from "../parts/running-process.ts";
import { folderOf } from "../parts/scratch-folder.ts";
import { suiteScope } from "../parts/suite-scope.ts";
import { waitFor } from "../parts/wait-for.ts";
import { get } from "./scrape.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const SIGNALS = ["SIGTERM", "SIGINT", "SIGHUP"] as const;
const NAMESPACE = ["unshare", "--pid", "--fork", "--kill-child"];
const hasNamespaces = spawnSync(NAMESPACE[0] ?? "", [...NAMESPACE.slice(1), "true"]).status === 0;

/** Sends a signal when the bundle loads its first module. */
const HOOK = `
  const Module = require("node:module");
  const load = Module._load;
  let isSent = false;
  Module._load = function (name, parent, ...others) {
    if (!isSent && parent?.filename.endsWith("chrony-tracker.cjs")) {
      isSent = true;
      process.kill(process.pid, process.env.SIGNAL);
    }
    return load.call(this, name, parent, ...others);
  };
`;

describe("the bundle as a container's first process", {
  skip: !hasNamespaces && "this machine lets nobody make a PID namespace",
}, () => {
  const scope = suiteScope();
  let folder: string;

  before(async () => {
    folder = await folderOf(scope);
    await writeFile(join(folder, "hook.cjs"), HOOK);
    await runToEnd({
      name: "tools/bundle.ts",
      command: process.execPath,
      args: [join(ROOT, "tools/bundle.ts"), join(folder, "dist")],
      timeoutMs: 120_000,
    });
  });

  for (const signal of SIGNALS) {
    test(`ends with exit code 0 by a ${signal} that comes before anything is loaded`, async (t) => {
      const running = startProcess({
        name: "the agent",
        command: NAMESPACE[0] ?? "",
        args: [
          ...NAMESPACE.slice(1),
          process.execPath,
          "--require",
          join(folder, "hook.cjs"),
          join(folder, "dist/chrony-tracker.cjs"),
        ],
        env: {
          PATH: process.env["PATH"],
          SIGNAL: signal,
          CHRONY_ADDRESS: "udp://127.0.0.1:1",
          OTEL_METRICS_EXPORTER: "prometheus",
          OTEL_EXPORTER_PROMETHEUS_HOST: "127.0.0.1",
          OTEL_EXPORTER_PROMETHEUS_PORT: String(await freePort()),
        },
      });
      endWith(t, () => running.stop());
      assert.deepEqual(await running.exited, { code: 0, signal: null }, running.output());
      assert.match(running.output(), new RegExp(`"Chrony Tracker stops."(.*)"${signal}"`));
    });
  }
});

for (const signal of SIGNALS) {
  test(`a running agent ends with exit code 0 by ${signal}`, async (t) => {
    const agent = await startAgent(t, {
      environment: { CHRONY_ADDRESS: "udp://127.0.0.1:1", OTEL_METRICS_EXPORTER: "prometheus" },
    });
    await agent.process.waitUntil(
      "it to live",
      async () => (await get(agent, "/livez")).status === 200,
    );
    agent.process.signal(signal);
    assert.deepEqual(await agent.process.exited, { code: 0, signal: null });
  });
}

test("broken standard streams end nothing", async (t) => {
  const port = await freePort();
  const child = spawn(process.execPath, [join(ROOT, "src/main.ts")], {
    env: {
      CHRONY_ADDRESS: "udp://127.0.0.1:1",
      SLEEP_INTERVAL: "0.1",
      OTEL_METRICS_EXPORTER: "prometheus",
      OTEL_LOG_LEVEL: "debug",
      OTEL_EXPORTER_PROMETHEUS_HOST: "127.0.0.1",
      OTEL_EXPORTER_PROMETHEUS_PORT: String(port),
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  endWith(t, () => {
    child.kill("SIGKILL");
  });
  // Its whole log goes to a pipe without a reader.
  child.stdout.destroy();
  child.stderr.destroy();
  await waitFor("it to live", async () => {
    assert.equal(child.exitCode, null);
    return (await fetch(`http://127.0.0.1:${port}/readyz`)).ok;
  });
  child.kill("SIGTERM");
  assert.deepEqual(await once(child, "exit"), [0, null]);
});
