// The agent as a process: how it starts, what it rejects, how it ends. Also as a bundle.

import assert from "node:assert/strict";
import { copyFile, readdir } from "node:fs/promises";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { VERSION } from "../../src/version.ts";
import { startAgent } from "../parts/agent.ts";
import type { Chronyd } from "../parts/chronyd.ts";
import { startFollower } from "../parts/follower.ts";
import { freePort } from "../parts/free-port.ts";
import { runToEnd } from "../parts/run-to-end.ts";
import { startProcess } from "../parts/running-process.ts";
import { folderOf } from "../parts/scratch-folder.ts";
import { suiteScope } from "../parts/suite-scope.ts";
import { scrapeInState } from "./scrape.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** Runs the agent until it ends by itself. */
async function run(
  words: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<{ code: number | null; output: string }> {
  const running = startProcess({
    name: "the agent",
    command: process.execPath,
    args: [join(ROOT, "src/main.ts"), ...words],
    env: environment,
  });
  const timer = setTimeout(() => running.signal("SIGKILL"), 60_000);
  const { code } = await running.exited;
  clearTimeout(timer);
  return { code, output: running.output() };
}

describe("the agent's process", () => {
  const scope = suiteScope();
  let chronyd: Chronyd;
  /** The owner of its socket. */
  let runFolder: string;

  before(async () => {
    chronyd = await startFollower(scope);
    runFolder = dirname(chronyd.socketPath);
  });

  test("answers --version and --help", async () => {
    assert.deepEqual(await run(["--version"]), { code: 0, output: VERSION });
    const help = await run(["--help"]);
    assert.equal(help.code, 0);
    assert.match(help.output, /^SLEEP_INTERVAL$/m);
  });

  test("rejects unknown arguments, and reports all invalid settings at once, with exit code 2", async () => {
    const usageError = await run(["--verbose"]);
    assert.equal(usageError.code, 2);
    assert.match(usageError.output, /Unknown argument: --verbose/);

    const { code, output } = await run([], {
      CHRONY_ADDRESS: "tcp://127.0.0.1:323",
      SLEEP_INTERVAL: "-1",
      OTEL_EXPORTER_PROMETHEUS_PORT: "http",
    });
    assert.equal(code, 2);
    assert.deepEqual(
      output.split("\n").map((line) => line.split(" ")[0]),
      ["CHRONY_ADDRESS", "SLEEP_INTERVAL", "OTEL_EXPORTER_PROMETHEUS_PORT"],
      output,
    );
  });

  test("ends with exit code 1 and logs it when its port is in use", async (t) => {
    const port = await freePort();
    const other = createServer();
    t.after(() => other.close());
    await new Promise<void>((resolve) => {
      other.listen(port, "127.0.0.1", resolve);
    });
    const { code, output } = await run([], {
      CHRONY_ADDRESS: chronyd.address,
      OTEL_EXPORTER_PROMETHEUS_HOST: "127.0.0.1",
      OTEL_EXPORTER_PROMETHEUS_PORT: String(port),
    });
    assert.equal(code, 1);
    assert.match(output, new RegExp(`port ${port} of 127\\.0\\.0\\.1: another process`));
  });

  test("ends on SIGTERM with exit code 0 and leaves no socket file, chronyd frozen or not", async (t) => {
    for (const frozen of [false, true]) {
      const agent = await startAgent(t, {
        environment: { CHRONY_ADDRESS: chronyd.address, OTEL_METRICS_EXPORTER: "prometheus" },
      });
      await scrapeInState(agent, "synchronised");
      if (frozen) {
        await chronyd.freeze();
        await scrapeInState(agent, "unreachable");
      }
      agent.process.signal("SIGTERM");
      const end = await agent.process.exited;
      await chronyd.thaw();
      assert.deepEqual(end, { code: 0, signal: null });
      assert.deepEqual(await readdir(runFolder), ["chronyd.sock"]);
    }
  });

  test("writes nothing but its log when polls take longer than their interval", async (t) => {
    await chronyd.freeze();
    const agent = await startAgent(t, {
      environment: {
        CHRONY_ADDRESS: chronyd.address,
        OTEL_METRICS_EXPORTER: "prometheus",
        SLEEP_INTERVAL: "0.1",
      },
    });
    await scrapeInState(agent, "unreachable");
    await agent.stop();
    await chronyd.thaw();
    const others = agent.process
      .output()
      .split("\n")
      .filter((line) => !line.startsWith("{"));
    assert.ok(agent.logs().length > 0);
    assert.deepEqual(others, [], "Node.js warns of a timer that is set into the past");
  });

  test("removes the socket of a killed agent when it starts", async (t) => {
    await chronyd.freeze();
    const environment = { CHRONY_ADDRESS: chronyd.address, OTEL_METRICS_EXPORTER: "prometheus" };
    const killed = await startAgent(t, { environment });
    await killed.process.waitUntil("a reading under way", async () => {
      return (await readdir(runFolder)).length > 1;
    });
    await killed.process.kill();
    assert.equal(
      (await readdir(runFolder)).length,
      2,
      "a socket file was left, as it must be here",
    );
    await chronyd.thaw();

    const next = await startAgent(t, { environment });
    await scrapeInState(next, "synchronised");
    await next.stop();
    assert.deepEqual(await readdir(runFolder), ["chronyd.sock"]);
  });

  test("runs from the bundle and koffi's binary only", async (t) => {
    await runToEnd({
      name: "npm run build",
      command: process.execPath,
      args: [join(ROOT, "tools/bundle.ts")],
      timeoutMs: 60_000,
    });
    const alone = await folderOf(t);
    for (const file of await readdir(join(ROOT, "dist"))) {
      await copyFile(join(ROOT, "dist", file), join(alone, file));
    }
    const agent = await startAgent(t, {
      entry: join(alone, "chrony-tracker.cjs"),
      environment: { CHRONY_ADDRESS: chronyd.address, OTEL_METRICS_EXPORTER: "prometheus" },
    });
    const seen = await scrapeInState(agent, "synchronised");
    assert.equal(seen.value("chrony_tracker_build_info", { version: VERSION }), 1);
    await agent.stop();
  });
});
