// When the agent asks to be restarted: what happens to a container whose mount of chronyd's directory
// goes stale, played in a mount namespace of the agent's own, with a real chronyd.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chown, mkdir, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { describe, test } from "node:test";
import { type Agent, startAgent, startAgentBeside } from "../parts/agent.ts";
import { startFollower } from "../parts/follower.ts";
import { folderOf } from "../parts/scratch-folder.ts";
import { get, scrapeInState } from "./scrape.ts";

const GRACE_MS = 30_000;
const LONGEST_WAIT_MS = GRACE_MS + 15_000;

/** How this machine lets us have a mount namespace, or `undefined` when it does not. */
const unshare = [["--mount"], ["--user", "--map-root-user", "--mount"]].find(
  (words) => spawnSync("unshare", [...words, "true"]).status === 0,
);
const isRoot = process.getuid?.() === 0;

/** Waits until the agent is not live, and gives its reason and how long that took, in milliseconds. */
async function untilNotLive(agent: Agent): Promise<{ reason: string; afterMs: number }> {
  const beganMs = performance.now();
  const reason = await agent.process.waitUntil(
    "liveness to fail",
    async () => {
      const { status, body } = await get(agent, "/livez");
      return status === 503 && body;
    },
    LONGEST_WAIT_MS,
  );
  return { reason, afterMs: performance.now() - beganMs };
}

describe("the agent's liveness", { concurrency: true }, () => {
  test("fails when the directory was deleted under its mount, though a new one stands at its place", {
    skip: unshare === undefined && "this machine lets nobody make a mount namespace",
  }, async (t) => {
    const chronyd = await startFollower(t);
    const onNode = dirname(chronyd.socketPath);
    const parent = dirname(onNode);
    const held = await folderOf(t);
    const agent = await startAgent(t, {
      environment: {
        CHRONY_ADDRESS: chronyd.address,
        OTEL_METRICS_EXPORTER: "prometheus",
        SLEEP_INTERVAL: "0.5",
      },
      // As in a container: a file system of its own, with the node's directory mounted at the path
      // that it has on the node.
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
    // Told once, however often it is seen.
    const told = agent.logs().filter(({ message }) => /was deleted/.test(String(message)));
    assert.equal(told.length, 1);
  });

  test("fails when the directory changed its owner, and not when it changes back in time", {
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
