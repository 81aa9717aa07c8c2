// The real chronyd in each condition that the other tests put it in.

import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { bringChronyd, progressToStandardError } from "./bring.ts";
import { type Chronyd, startChronyd } from "./chronyd.ts";
import {
  followerConfiguration,
  localReferenceConfiguration,
  neverSynchronisedConfiguration,
  timeServerConfiguration,
} from "./chronyd-configuration.ts";
import { freeUdpPort } from "./free-port.ts";
import { runToEnd } from "./run-to-end.ts";
import { type ScratchFolder, scratchFolder } from "./scratch-folder.ts";

/** The fields of `chronyc -c tracking` that these tests look at. */
async function trackingOf(chronyd: Chronyd) {
  const [row = []] = await chronyd.query("tracking");
  return {
    referenceId: row[0],
    stratum: row[2],
    systemTimeSeconds: Number(row[4]),
    lastOffsetSeconds: Number(row[5]),
    leapStatus: row[13],
  };
}

describe("chronyd", () => {
  let programs: { chronyd: string; chronyc: string };
  let folder: ScratchFolder;
  let ntpPort: number;
  let server: Chronyd;

  before(async () => {
    programs = await bringChronyd(progressToStandardError);
    folder = await scratchFolder("ct");
    ntpPort = await freeUdpPort();
    server = await start("server", timeServerConfiguration(ntpPort));
  });
  after(async () => {
    await server?.stop();
    folder?.remove();
  });

  async function start(name: string, configuration: string[], commandPort?: number) {
    const chronyd = await startChronyd({
      ...programs,
      folder: join(folder.path, name),
      configuration,
      ...(commandPort === undefined ? {} : { commandPort }),
    });
    await chronyd.waitUntilAnswering();
    return chronyd;
  }

  test("follows its server", async (t) => {
    const follower = await start("follower", followerConfiguration(ntpPort));
    t.after(() => follower.stop());
    await follower.waitUntilSynchronised();
    const { referenceId, stratum, leapStatus } = await trackingOf(follower);
    assert.deepEqual([referenceId, stratum, leapStatus], ["7F000001", "9", "Normal"]);
  });

  test("believes its clock slow by the offset that it is told", async (t) => {
    const configuration = followerConfiguration(ntpPort, { offsetSeconds: 0.025 });
    const follower = await start("off", configuration);
    t.after(() => follower.stop());
    await follower.waitUntilSynchronised();
    const { systemTimeSeconds, lastOffsetSeconds } = await trackingOf(follower);
    assert.ok(Math.abs(systemTimeSeconds - 0.025) < 0.005, `${systemTimeSeconds} s`);
    assert.ok(Math.abs(lastOffsetSeconds) < 0.005, `${lastOffsetSeconds} s`);
  });

  test("is not synchronised by a server that is not there", async (t) => {
    const configuration = neverSynchronisedConfiguration(await freeUdpPort());
    const lost = await start("lost", configuration);
    t.after(() => lost.stop());
    assert.equal((await trackingOf(lost)).leapStatus, "Not synchronised");
  });

  test("becomes another one when it is restarted with another configuration", async (t) => {
    const configuration = neverSynchronisedConfiguration(await freeUdpPort());
    const chronyd = await start("changing", configuration);
    t.after(() => chronyd.stop());
    await chronyd.restart(localReferenceConfiguration());
    await chronyd.waitUntilAnswering();
    const { referenceId, stratum, leapStatus } = await trackingOf(chronyd);
    assert.deepEqual([referenceId, stratum, leapStatus], ["7F7F0101", "10", "Normal"]);
  });

  test("says nothing while it is frozen, and answers again when it thaws", async (t) => {
    const chronyd = await start("frozen", localReferenceConfiguration());
    t.after(() => chronyd.stop());
    await chronyd.freeze();
    const answer = chronyd.query("tracking");
    assert.equal(await Promise.race([answer, delay(300, "silence")]), "silence");
    await chronyd.thaw();
    assert.equal((await answer).length, 1);
  });

  test("answers over UDP when it is given a port for commands", async (t) => {
    const commandPort = await freeUdpPort();
    const chronyd = await start("udp", localReferenceConfiguration(), commandPort);
    t.after(() => chronyd.stop());
    for (const address of ["127.0.0.1", "::1"]) {
      const answer = await runToEnd({
        name: `chronyc to ${address}`,
        command: programs.chronyc,
        args: ["-h", address, "-p", String(commandPort), "-n", "-c", "tracking"],
        timeoutMilliseconds: 30_000,
      });
      assert.match(answer, /^7F7F0101,/);
    }
  });

  test("that cannot start says why", async () => {
    const broken = startChronyd({
      ...programs,
      folder: join(folder.path, "broken"),
      configuration: ["nonsense"],
    });
    await assert.rejects((await broken).waitUntilAnswering(), /Invalid directive at line 1/);
  });
});
