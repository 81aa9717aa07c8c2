// Five states at /metrics, each with a real chronyd (Debian's) and a real agent.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Agent, startAgentBeside } from "../parts/agent.ts";
import { startChronyd } from "../parts/chronyd.ts";
import {
  localReferenceConfiguration,
  neverSynchronisedConfiguration,
} from "../parts/chronyd-configuration.ts";
import { startFollower } from "../parts/follower.ts";
import { freeUdpPort } from "../parts/free-port.ts";
import { startReferenceClock } from "../parts/reference-clock.ts";
import { get, scrapeInState } from "./scrape.ts";

const ERRORS = [
  "chrony_clock_error_ms",
  "chrony_clock_error_bound_ms",
  "chrony_clock_error_peak_ms",
];

/** The metrics that are absent when chronyd follows no source. */
async function assertPageShowsNoSource(agent: Agent): Promise<void> {
  const { body } = await get(agent, "/");
  assert.match(body, /<dt>Source<\/dt><dd>– <span class="faint">none/);
  assert.doesNotMatch(body, /stale beyond/);
}

describe("an agent with a chronyd that", () => {
  test("never synchronised reports unsynchronised, and an error of exactly 1500 ms", async (t) => {
    const configuration = neverSynchronisedConfiguration(await freeUdpPort());
    const chronyd = await startChronyd(t, { configuration });
    const agent = await startAgentBeside(t, chronyd);
    const seen = await scrapeInState(agent, "unsynchronised");
    assert.deepEqual(
      ERRORS.map((name) => seen.value(name)),
      [1500, 1500, 1500],
    );
    assert.equal(seen.value("chrony_up"), 1);
    assert.equal(seen.value("chrony_tracking_stratum"), 0);
    assert.equal(seen.value("chrony_reference_age_seconds"), undefined);
    assert.equal(seen.value("chrony_tracking_reference_timestamp_seconds"), undefined);
    await assertPageShowsNoSource(agent);
  });

  test("follows itself (local) reports no error, which would be 0", async (t) => {
    const chronyd = await startChronyd(t, { configuration: localReferenceConfiguration() });
    const agent = await startAgentBeside(t, chronyd);
    const seen = await scrapeInState(agent, "local");
    assert.deepEqual(
      ERRORS.map((name) => seen.value(name)),
      [undefined, undefined, undefined],
    );
    assert.equal(seen.value("chrony_up"), 1);
    assert.equal(seen.value("chrony_tracking_stratum"), 10);
    assert.equal(seen.value("chrony_tracking_remote_reference"), 0);
    assert.equal(seen.value("chrony_tracking_info", { tracking_refid: "7F7F0101" }), 1);
    await assertPageShowsNoSource(agent);
  });

  test("is synchronised, then killed: all values are absent, and come back with it", async (t) => {
    const follower = await startFollower(t);
    const agent = await startAgentBeside(t, follower);

    const healthy = await scrapeInState(agent, "synchronised");
    for (const name of ERRORS) {
      const value = healthy.value(name);
      assert.ok(value !== undefined && value > 0 && value < 100, `${name} is ${value}`);
    }
    assert.equal(healthy.value("chrony_tracking_info", { tracking_address: "127.0.0.1" }), 1);
    assert.equal(healthy.value("chrony_tracking_info", { tracking_refid: "7F000001" }), 1);
    assert.match((await get(agent, "/")).body, /<dt>Source<\/dt><dd>127\.0\.0\.1 .*stratum 1,/);

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

  test("lost its reference clock reports stale after the floor of 16 s, with an error", async (t) => {
    const clock = await startReferenceClock(t, { poll: 0, filter: 4 });
    const chronyd = await startChronyd(t, { configuration: [clock.configuration] });
    await chronyd.waitUntilSynchronised();
    const agent = await startAgentBeside(t, chronyd);

    const healthy = await scrapeInState(agent, "synchronised");
    const info = { tracking_refid: "50484330", tracking_address: "PHC0", tracking_name: "PHC0" };
    assert.equal(healthy.value("chrony_tracking_info", info), 1);
    assert.equal(healthy.value("chrony_tracking_stratum"), 1);

    clock.stop();
    const stoppedMs = performance.now();
    const stale = await scrapeInState(agent, "stale");
    const age = stale.value("chrony_reference_age_seconds") ?? 0;
    const waited = (performance.now() - stoppedMs) / 1000;
    // Its last update was a second or two before it was stopped.
    assert.ok(age > 16 && age < waited + 5, `the reference's age is ${age} s after ${waited} s`);
    for (const name of ERRORS) {
      assert.ok((stale.value(name) ?? 0) > 0, `${name} is published`);
    }
    await agent.process.waitForLine(
      /time source PHC0, polled every .* has given no sample for \d+ s/,
    );
  });
});
