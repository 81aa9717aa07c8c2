// When the agent asks to be restarted: a container whose mount of chronyd's directory became stale. The
// agent runs in its own mount namespace, with a real chronyd.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chown, mkdir, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { describe, test } from "node:test";
import { type Agent, startAgent, startAgentBeside } from "../parts/agent.ts";
import { startFollower } from "../parts/follower.ts";
import { folderOf } from "../parts/scratch-folder.ts";
import { get, scrape, scrapeInState } from "./scrape.ts";

const GRACE_MS = 30_000;
const STEP_MS = 5_000;

/** The command for a mount namespace; `undefined` when this machine does not allow one. */
const unshare = [["--mount"], ["--user", "--map-root-user", "--mount"]].find(
  (words) => spawnSync("unshare", [...words, "true"]).status === 0,
);
const isRoot = process.getuid?.() === 0;

/**
 * Waits until the agent is not live. Returns its reason, and the time until then in milliseconds. The clock
 * is moved forward a few seconds at a time, with two polls in between, because a loop that has stopped would
 * be another reason.
 */
async function untilNotLive(agent: Agent): Promise<{ reason: string; afterMs: number }> {
  const beganMs = performance.now();
  let passedMs = 0;
  const reason = await agent.process.waitUntil("liveness to fail", async () => {
    const { status, body } = await get(agent, "/livez");
    if (status === 503) {
      return body;
    }
    if (passedMs < GRACE_MS - STEP_MS) {
      await untilRead(agent, 2);
      await agent.letPass(STEP_MS);
      passedMs += STEP_MS;
    }
    return false;
  });
  return { reason, afterMs: performance.now() - beganMs + passedMs };
}

/** Waits for this many further polls, successful or not. */
async function untilRead(agent: Agent, readings: number): Promise<void> {
  const count = async () => {
    const { value } = await scrape(agent);
    const [success = 0, failure = 0] = ["success", "failure"].map((result) =>
      value("chrony_tracker_readings_total", { result }),
    );
    return success + failure;
  };
  const before = await count();
  await agent.process.waitUntil("readings", async () => (await count()) >= before + readings);
}

describe("the agent's liveness", { concurrency: true }, () => {
  test("fails when the directory was deleted under its mount, even if there is a new one", {
    skip: unshare === undefined && "this machine lets nobody make a mount namespace",
  }, async (t) => {
    const chronyd = await startFollower(t);
    const onNode = dirname(chronyd.socketPath);
    const parent = dirname(onNode);
    const held = await folderOf(t);
    const agent = await startAgent(t, {
      shiftableClock: true,
      environment: {
        CHRONY_ADDRESS: chronyd.address,
        OTEL_METRICS_EXPORTER: "prometheus",
        SLEEP_INTERVAL: "0.5",
      },
      // As in a container: its own file system, with the node's directory mounted at the same path.
      wrapper: [
        "unshare",
        ...(unshare ?? []),
        "--propagation",
        "private",
        "sh",
        "-c",
        `mount --bind ${onNode} ${held} && mount -t tmpfs none ${parent} &&
         mkdir ${onNode} && mount --bind ${held} ${onNode} && exec "$@"`,
        "sh",
      ],
    });
    await scrapeInState(agent, "synchronised");

    await chronyd.stop();
    await rm(onNode, { recursive: true });
    await mkdir(onNode, { mode: 0o750 });
    const { reason, afterMs } = await untilNotLive(agent);
    assert.match(reason, /run was deleted under the agent/);
    assert.ok(afterMs > GRACE_MS - 1000, `after ${afterMs} ms already`);
    // Logged once, however often it is seen.
    const told = agent.logs().filter(({ message }) => /was deleted/.test(String(message)));
    assert.equal(told.length, 1);
  });

  test("fails when the owner of the directory changed, but not when it changes back in time", {
    skip: !isRoot && "only root can give a directory away",
  }, async (t) => {
    const chronyd = await startFollower(t);
    const directory = dirname(chronyd.socketPath);
    const { uid, gid } = await stat(directory);
    const agent = await startAgentBeside(t, chronyd);
    await scrapeInState(agent, "synchronised");

    await chown(directory, 123, 123);
    await agent.process.waitForLine(/changed its owner/);
    assert.equal((await get(agent, "/livez")).status, 200);
    await chown(directory, uid, gid);

    await chown(directory, 998, 998);
    const { reason, afterMs } = await untilNotLive(agent);
    assert.match(
      reason,
      /changed its owner to (998:998|123:123) \(uid:gid\), and the agent started for 65534:/,
    );
    assert.ok(afterMs > GRACE_MS - 5000, `after ${afterMs} ms already`);

    await chown(directory, uid, gid);
    await agent.process.waitUntil(
      "life again",
      async () => (await get(agent, "/livez")).status === 200,
    );
  });
});
