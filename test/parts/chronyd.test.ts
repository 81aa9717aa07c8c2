// The real chronyd in the conditions of the other tests.

import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { bringChronyd, progressToStandardError } from "./bring.ts";
import { type Chronyd, startChronyd } from "./chronyd.ts";
import {
  localReferenceConfiguration,
  neverSynchronisedConfiguration,
} from "./chronyd-configuration.ts";
import { startFollower } from "./follower.ts";
import { freeUdpPort } from "./free-port.ts";
import { runToEnd } from "./run-to-end.ts";
import { suiteScope } from "./suite-scope.ts";
import { startTimeServer, type TimeServer } from "./time-server.ts";
import { waitFor } from "./wait-for.ts";

/** The reference id of that name. */
const PHC0 = "50484330";

/** The fields of `chronyc -c tracking` that these tests use. */
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

describe("a follower", () => {
  const scope = suiteScope();
  let server: TimeServer;

  before(async () => {
    server = await startTimeServer(scope);
  });

  test("follows a server that has a reference clock", async (t) => {
    const follower = await startFollower(t, { server });
    const { referenceId, stratum, leapStatus } = await trackingOf(follower);
    assert.deepEqual([referenceId, stratum, leapStatus], ["7F000001", "2", "Normal"]);
    const ofServer = await trackingOf(server);
    assert.deepEqual([ofServer.referenceId, ofServer.stratum], [PHC0, "1"]);
  });

  test("measures its clock as slow by the configured offset", async (t) => {
    const follower = await startFollower(t, { server, offsetSeconds: 0.025 });
    const { systemTimeSeconds, lastOffsetSeconds } = await trackingOf(follower);
    assert.ok(Math.abs(systemTimeSeconds - 0.025) < 0.005, `${systemTimeSeconds} s`);
    assert.ok(Math.abs(lastOffsetSeconds) < 0.005, `${lastOffsetSeconds} s`);
  });

  test("measures its clock as wrong when the reference clock of its server moves", async (t) => {
    const follower = await startFollower(t);
    follower.server.clock.setOffset(-0.025);
    await waitFor("a clock that is 25 ms fast", async () => {
      const { systemTimeSeconds } = await trackingOf(follower);
      assert.ok(Math.abs(systemTimeSeconds + 0.025) < 0.001, `${systemTimeSeconds} s`);
      return true;
    });
  });
});

describe("chronyd", () => {
  test("is not synchronised by a server that does not exist", async (t) => {
    const configuration = neverSynchronisedConfiguration(await freeUdpPort());
    const lost = await startChronyd(t, { configuration });
    assert.equal((await trackingOf(lost)).leapStatus, "Not synchronised");
  });

  test("has another configuration after a restart with it", async (t) => {
    const configuration = neverSynchronisedConfiguration(await freeUdpPort());
    const chronyd = await startChronyd(t, { configuration });
    await chronyd.restart(localReferenceConfiguration());
    await chronyd.waitUntilAnswering();
    const { referenceId, stratum, leapStatus } = await trackingOf(chronyd);
    assert.deepEqual([referenceId, stratum, leapStatus], ["7F7F0101", "10", "Normal"]);
  });

  test("does not answer while it is frozen, and answers again afterwards", async (t) => {
    const chronyd = await startChronyd(t, { configuration: localReferenceConfiguration() });
    await chronyd.freeze();
    const answer = chronyd.query("tracking");
    assert.equal(await Promise.race([answer, delay(300, "silence")]), "silence");
    await chronyd.thaw();
    assert.equal((await answer).length, 1);
  });

  test("answers over UDP if it has a port for commands", async (t) => {
    const commandPort = await freeUdpPort();
    const configuration = localReferenceConfiguration();
    await startChronyd(t, { configuration, commandPort });
    const { chronyc } = await bringChronyd(progressToStandardError);
    for (const address of ["127.0.0.1", "::1"]) {
      const answer = await runToEnd({
        name: `chronyc to ${address}`,
        command: chronyc,
        args: ["-h", address, "-p", String(commandPort), "-n", "-c", "tracking"],
        timeoutMs: 30_000,
      });
      assert.match(answer, /^7F7F0101,/);
    }
  });

  test("that cannot start reports why", async (t) => {
    const broken = startChronyd(t, { configuration: ["nonsense"] });
    await assert.rejects(broken, /Invalid directive at line 1/);
  });
});
