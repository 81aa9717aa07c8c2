// Faults of the agent's own process, and of its resources.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { describe, test } from "node:test";
import { runToEnd } from "../parts/run-to-end.ts";
import { FaultPath, INTERVAL_MS } from "./fault-path.ts";

/** The longest time that a collection is under way: one interval, and the time of a push. */
const ON_ITS_WAY_MS = 2 * INTERVAL_MS;

async function limitFileDescriptors(pid: number, count: number): Promise<void> {
  const prlimit = ["prlimit", `--pid=${pid}`, `--nofile=${count}:`];
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  const [uid, gid] = ["Uid", "Gid"].map(
    (name) => new RegExp(`^${name}:\\t(\\d+)`, "m").exec(status)?.[1],
  );
  // A root without CAP_SYS_RESOURCE may limit only its own processes, and the agent has another user.
  const asAgent = [`--reuid=${uid}`, `--regid=${gid}`, "--clear-groups", ...prlimit];
  await runToEnd({
    name: "prlimit",
    ...(process.getuid?.() === 0
      ? { command: "setpriv", args: asAgent }
      : { command: "prlimit", args: prlimit.slice(1) }),
    timeoutMs: 10_000,
  });
}

describe("the agent", { concurrency: 3 }, () => {
  test("frozen (SIGSTOP) for a minute, as in a paused machine: no false value, and it continues", async (t) => {
    const path = await FaultPath.start(t);
    await path.untilCollections(3);
    path.agent.process.signal("SIGSTOP");
    await path.intervals(5);
    path.agent.process.signal("SIGCONT");
    await path.check(
      "agent frozen for 5 intervals",
      "nothing false; what was not read is not there",
    );
  });

  test("killed (SIGKILL) while the backend is away: only its backlog is lost", async (t) => {
    const path = await FaultPath.start(t);
    await path.untilCollections(3);
    await path.network.become("refused");
    const awayMs = Date.now();
    await path.intervals(5);
    await path.agent.process.kill();
    const killedMs = Date.now();
    await path.network.become("open");
    await path.startAgent();
    const { holes } = await path.check(
      "agent killed after 5 intervals without a collector",
      "exactly what it held is lost",
      { allowedLosses: [{ fromMs: awayMs - ON_ITS_WAY_MS, toMs: killedMs }] },
    );
    assert.equal(holes.length, 1, "what it held is lost, and the suite sees it");
  });

  test("killed (SIGKILL) without another fault: at most the collection under way is lost", async (t) => {
    const path = await FaultPath.start(t);
    await path.untilCollections(3);
    await path.agent.process.kill();
    const killedMs = Date.now();
    await path.startAgent();
    const { holes } = await path.check(
      "agent killed while all is well",
      "at most the collection under way is lost",
      { allowedLosses: [{ fromMs: killedMs - ON_ITS_WAY_MS, toMs: killedMs }] },
    );
    assert.ok(holes.every(({ collections }) => collections <= 1));
  });

  test("ended (SIGTERM) and replaced, as in a rollout: nothing is lost", async (t) => {
    const path = await FaultPath.start(t);
    await path.untilCollections(3);
    await path.agent.stop();
    await path.startAgent();
    await path.check("agent ended and replaced (a rollout)", "nothing lost, nothing twice");
  });

  test("out of file descriptors for 5 intervals: unreachable is reported, and it recovers by itself", async (t) => {
    const path = await FaultPath.start(t);
    await path.untilCollections(3);
    // Standard input, output and error, the record, the channel and the descriptors of epoll stay open.
    const fromMs = Date.now();
    await limitFileDescriptors(path.agent.process.pid, 3);
    await path.intervals(5);
    await limitFileDescriptors(path.agent.process.pid, 1024);
    const toMs = Date.now() + INTERVAL_MS;
    const { collections } = await path.check(
      "file descriptors exhausted for 5 intervals",
      "nothing false; unreachable is told, nothing lost",
      { withoutSockets: { fromMs, toMs } },
    );
    assert.ok(
      collections.some(({ values }) => values.get('chrony_sync_state{state="unreachable"}') === 1),
      "chronyd could not be asked, and that is told",
    );
  });

  test("without a backend for longer than points are kept: only points that are too old are lost", async (t) => {
    const maxAgeSeconds = 8;
    const path = await FaultPath.start(t, { agent: { BACKLOG_MAX_AGE: String(maxAgeSeconds) } });
    await path.untilCollections(3);
    await path.network.refuseFurther();
    const awayMs = Date.now();
    await path.intervals(20);
    const tooOldMs = Date.now() - maxAgeSeconds * 1000;
    await path.network.become("open");
    const { holes } = await path.check(
      `an outage of 20 intervals, where points may wait for ${maxAgeSeconds}`,
      "exactly what is too old is lost, and counted",
      { allowedLosses: [{ fromMs: awayMs, toMs: tooOldMs + ON_ITS_WAY_MS }] },
    );
    const [hole, ...others] = holes;
    assert.deepEqual(others, []);
    assert.ok(hole !== undefined && hole.toMs < tooOldMs + 2 * ON_ITS_WAY_MS, "the rest arrived");
  });
});
