// Faults of chronyd and of the directory of its socket.

import assert from "node:assert/strict";
import { readdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describe, test } from "node:test";
import { scrapeInState } from "../agent/scrape.ts";
import {
  followerConfiguration,
  localReferenceConfiguration,
} from "../parts/chronyd-configuration.ts";
import { freeUdpPort } from "../parts/free-port.ts";
import { endWith } from "../parts/owner.ts";
import { runToEnd } from "../parts/run-to-end.ts";
import { folderOf } from "../parts/scratch-folder.ts";
import { waitFor } from "../parts/wait-for.ts";
import type { Collection } from "./collections.ts";
import { startFakeChronyd } from "./fake-chronyd.ts";
import { FaultPath } from "./fault-path.ts";

const PROMISE = "nothing lost; unreachable is told, and no error with it";

function toldStates(collections: readonly Collection[]): string[] {
  const states = collections.map(
    ({ values }) =>
      [...values].find(([key, value]) => key.startsWith("chrony_sync_state{") && value === 1)?.[0],
  );
  return [...new Set(states.map((key) => /state="(\w+)"/.exec(key ?? "")?.[1] ?? "none"))];
}

describe("chronyd", { concurrency: 3 }, () => {
  test("killed (SIGKILL): its socket stays without a process; it is polled again after a restart", async (t) => {
    const path = await FaultPath.start(t);
    await path.untilCollections(2);
    await path.follower.process.kill();
    await scrapeInState(path.agent, "unreachable");
    await path.untilCollections(5);
    await path.follower.restart();
    await scrapeInState(path.agent, "synchronised");
    const { collections } = await path.check("chronyd killed for 5 intervals", PROMISE);
    assert.ok(toldStates(collections).includes("unreachable"));
  });

  test("frozen (SIGSTOP): no old value is repeated; afterwards no late answer counts as a new one", async (t) => {
    const path = await FaultPath.start(t);
    await path.untilCollections(2);
    await path.follower.freeze();
    await scrapeInState(path.agent, "unreachable");
    await path.untilCollections(5);
    await path.follower.thaw();
    await scrapeInState(path.agent, "synchronised");
    const { collections } = await path.check("chronyd frozen for 5 intervals", PROMISE);
    assert.ok(toldStates(collections).includes("unreachable"));
  });

  test("restarted with another source, and then with none: each state is reported", async (t) => {
    const path = await FaultPath.start(t);
    await path.untilCollections(2);
    await path.follower.restart(localReferenceConfiguration());
    await scrapeInState(path.agent, "local");
    await path.untilCollections(3);
    await path.follower.restart(followerConfiguration(await freeUdpPort()));
    await scrapeInState(path.agent, "unsynchronised");
    await path.untilCollections(3);
    const { collections } = await path.check(
      "chronyd restarted with its own clock as source, then with a silent one",
      "nothing lost; local withholds the error, unsynchronised tells 1500 ms",
    );
    const states = toldStates(collections);
    assert.ok(states.includes("local") && states.includes("unsynchronised"), states.join());
  });

  test("replaced by a release with another protocol (a fake): unreachable, no value", async (t) => {
    const path = await FaultPath.start(t);
    await path.untilCollections(2);
    await path.follower.stop();
    const fake = startFakeChronyd(t, path.follower.socketPath);
    await scrapeInState(path.agent, "unreachable");
    await path.untilCollections(5);
    assert.match(JSON.stringify(path.agent.logs()), /version 7/);
    fake.stop();
    await path.follower.restart();
    await scrapeInState(path.agent, "synchronised");
    await path.check("chronyd replaced by one of another protocol version (a fake)", PROMISE);
  });

  test("its directory deleted and created again: it is polled again", async (t) => {
    const path = await FaultPath.start(t);
    await path.untilCollections(2);
    await path.follower.stop();
    await rm(dirname(path.follower.socketPath), { recursive: true });
    await scrapeInState(path.agent, "unreachable");
    await path.untilCollections(5);
    await path.follower.restart();
    await scrapeInState(path.agent, "synchronised");
    await path.check("chronyd's directory deleted and made again", PROMISE);
    assert.deepEqual(await readdir(dirname(path.follower.socketPath)), ["chronyd.sock"]);
  });

  test("its directory on a full disk: no socket can be created, which is reported", async (t) => {
    if (process.getuid?.() !== 0) {
      t.skip("mounting a small disk needs root");
      return;
    }
    const disk = await folderOf(t);
    // Only a few inodes: the root, the directory, chronyd's socket, and two more.
    await run("mount", "-t", "tmpfs", "-o", "size=64k,nr_inodes=5", "tmpfs", disk);
    endWith(t, async () => {
      await run("umount", disk);
    });
    const path = await FaultPath.start(t, { runFolder: join(disk, "run") });
    await path.untilCollections(2);
    const files = [join(disk, "one"), join(disk, "two")];
    // One of the two inodes may be that of the agent's current socket.
    await waitFor("the disk to be full", async () => {
      await run("touch", ...files);
      return true;
    });
    await scrapeInState(path.agent, "unreachable");
    await path.untilCollections(5);
    await Promise.all(files.map((file) => rm(file)));
    await scrapeInState(path.agent, "synchronised");
    await path.check("chronyd's directory on a full disk for 5 intervals", PROMISE);
  });
});

function run(command: string, ...args: string[]): Promise<string> {
  return runToEnd({ name: command, command, args, timeoutMs: 10_000 });
}
