// The five states, each shown by a real chronyd (Debian's) to a real agent, seen at /metrics.

import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { type Agent, startAgent } from "../parts/agent.ts";
import { bringChronyd, progressToStandardError } from "../parts/bring.ts";
import { type Chronyd, startChronyd } from "../parts/chronyd.ts";
import {
  followerConfiguration,
  localReferenceConfiguration,
  neverSynchronisedConfiguration,
  timeServerConfiguration,
} from "../parts/chronyd-configuration.ts";
import { freeUdpPort } from "../parts/free-port.ts";
import { type ScratchFolder, scratchFolder } from "../parts/scratch-folder.ts";
import { startReferenceClock } from "./reference-clock.ts";
import { scrapeInState } from "./scrape.ts";

const ERRORS = [
  "chrony_clock_error_ms",
  "chrony_clock_error_bound_ms",
  "chrony_clock_error_peak_ms",
];

describe("an agent beside a chronyd that", () => {
  let folder: ScratchFolder;
  let programs: { chronyd: string; chronyc: string };
  const running: { stop(): Promise<void> | void }[] = [];

  before(async () => {
    folder = await scratchFolder("ct");
    programs = await bringChronyd(progressToStandardError);
  });
  after(async () => {
    await Promise.all(running.map(async (part) => part.stop()));
    folder.remove();
  });

  async function chronydWith(name: string, configuration: readonly string[]): Promise<Chronyd> {
    const chronyd = await startChronyd({
      ...programs,
      folder: join(folder.path, name),
      configuration,
    });
    running.push(chronyd);
    await chronyd.waitUntilAnswering();
    return chronyd;
  }

  async function agentBeside(chronyd: Chronyd): Promise<Agent> {
    const agent = await startAgent({
      environment: {
        CHRONY_ADDRESS: chronyd.address,
        SLEEP_INTERVAL: "0.2",
        OTEL_METRICS_EXPORTER: "prometheus",
      },
    });
    running.push(agent);
    return agent;
  }

  test("never synchronised says unsynchronised, and an error of exactly 1500 ms", async () => {
    const silentPort = await freeUdpPort();
    const chronyd = await chronydWith("never", neverSynchronisedConfiguration(silentPort));
    const seen = await scrapeInState(await agentBeside(chronyd), "unsynchronised");
    assert.deepEqual(
      ERRORS.map((name) => seen.value(name)),
      [1500, 1500, 1500],
    );
    assert.equal(seen.value("chrony_up"), 1);
    assert.equal(seen.value("chrony_tracking_stratum"), 0);
    assert.equal(seen.value("chrony_reference_age_seconds"), undefined);
    assert.equal(seen.value("chrony_tracking_reference_timestamp_seconds"), undefined);
  });

  test("follows itself (local) withholds an error that would read 0", async () => {
    const chronyd = await chronydWith("local", localReferenceConfiguration());
    const seen = await scrapeInState(await agentBeside(chronyd), "local");
    assert.deepEqual(
      ERRORS.map((name) => seen.value(name)),
      [undefined, undefined, undefined],
    );
    assert.equal(seen.value("chrony_up"), 1);
    assert.equal(seen.value("chrony_tracking_stratum"), 10);
    assert.equal(seen.value("chrony_tracking_remote_reference"), 0);
    assert.equal(seen.value("chrony_tracking_info", { tracking_refid: "7F7F0101" }), 1);
  });

  test("is synchronised, then killed: every number is withheld, and comes back with it", async () => {
    const port = await freeUdpPort();
    await chronydWith("server", timeServerConfiguration(port));
    const follower = await chronydWith("follower", followerConfiguration(port));
    await follower.waitUntilSynchronised();
    const agent = await agentBeside(follower);

    const healthy = await scrapeInState(agent, "synchronised");
    for (const name of ERRORS) {
      const value = healthy.value(name);
      assert.ok(value !== undefined && value > 0 && value < 100, `${name} is ${value}`);
    }
    assert.equal(healthy.value("chrony_tracking_info", { tracking_address: "127.0.0.1" }), 1);
    assert.equal(healthy.value("chrony_tracking_info", { tracking_refid: "7F000001" }), 1);

    follower.process.signal("SIGKILL");
    const dead = await scrapeInState(agent, "unreachable");
    assert.equal(dead.value("chrony_up"), 0);
    assert.deepEqual(
      dead.names.filter((name) => /^chrony_(clock_error|tracking_|reference_age)/.test(name)),
      [],
    );
    assert.equal(dead.value("chrony_clock_steps_total"), 0);

    await follower.restart();
    await follower.waitUntilSynchronised();
    const again = await scrapeInState(agent, "synchronised");
    assert.equal(again.value("chrony_up"), 1);
    assert.notEqual(again.value("chrony_clock_error_ms"), undefined);
  });

  test("lost its reference clock says stale after the floor of 16 s, and the error goes on", async () => {
    const clock = startReferenceClock(join(folder.path, "refclock.sock"));
    running.push(clock);
    const chronyd = await chronydWith("refclock", clock.configuration);
    await chronyd.waitUntilSynchronised();
    const agent = await agentBeside(chronyd);

    const healthy = await scrapeInState(agent, "synchronised");
    const info = { tracking_refid: "50484330", tracking_address: "PHC0", tracking_name: "PHC0" };
    assert.equal(healthy.value("chrony_tracking_info", info), 1);
    assert.equal(healthy.value("chrony_tracking_stratum"), 1);

    clock.stop();
    const stale = await scrapeInState(agent, "stale", 40_000);
    const age = stale.value("chrony_reference_age_seconds") ?? 0;
    assert.ok(age > 16 && age < 20, `the reference's age is ${age} s`);
    for (const name of ERRORS) {
      assert.ok((stale.value(name) ?? 0) > 0, `${name} is published`);
    }
    assert.match(JSON.stringify(agent.logs()), /time source has given nothing for 1\d s/);
  });
});
