// The followed source's own state, from real chronyds to /metrics.

import assert from "node:assert/strict";
import { test } from "node:test";
import { startAgentBeside } from "../parts/agent.ts";
import { startChronyd } from "../parts/chronyd.ts";
import { followerConfiguration, timeServerConfiguration } from "../parts/chronyd-configuration.ts";
import { startFollower } from "../parts/follower.ts";
import { freeUdpPort } from "../parts/free-port.ts";
import type { Owner } from "../parts/owner.ts";
import { startReferenceClock } from "../parts/reference-clock.ts";
import { type Scrape, scrapeInState } from "./scrape.ts";

const upstreamLocal = (seen: Scrape) => seen.value("chrony_upstream_local");

async function startFollowerOfLocal(owner: Owner, options = "", commandPort?: number) {
  const ntpPort = await freeUdpPort();
  await startChronyd(owner, { configuration: timeServerConfiguration(ntpPort) });
  const [line] = followerConfiguration(ntpPort);
  return startChronyd(owner, {
    configuration: [`${line}${options}`],
    ...(commandPort !== undefined && { commandPort }),
  });
}

test("a source that follows another one is not local, and has one of four leap statuses", async (t) => {
  const agent = await startAgentBeside(t, await startFollower(t));
  const seen = await scrapeInState(agent, "synchronised");
  assert.equal(upstreamLocal(seen), 0);
  assert.deepEqual(
    ["normal", "insert_second", "delete_second", "unsynchronised"].map((status) =>
      seen.value("chrony_tracking_leap_status", { status }),
    ),
    [1, 0, 0, 0],
  );
});

test("a source that follows its own clock is reported as local, even if the state is synchronised", async (t) => {
  const agent = await startAgentBeside(t, await startFollowerOfLocal(t));
  const seen = await scrapeInState(agent, "synchronised");
  assert.equal(upstreamLocal(seen), 1);
  assert.notEqual(seen.value("chrony_clock_error_ms"), undefined);
});

test("its follower by `copy` has its reference id, and is not `local`", async (t) => {
  const agent = await startAgentBeside(t, await startFollowerOfLocal(t, " copy"));
  const seen = await scrapeInState(agent, "synchronised");
  assert.equal(seen.value("chrony_tracking_info", { tracking_refid: "7F7F0101" }), 1);
  assert.equal(seen.value("chrony_tracking_remote_reference"), 1);
  assert.equal(upstreamLocal(seen), 1);
});

test("it is absent over UDP, where chronyd does not report it, and that is logged once", async (t) => {
  const commandPort = await freeUdpPort();
  await startFollowerOfLocal(t, "", commandPort);
  const agent = await startAgentBeside(t, { address: `udp://127.0.0.1:${commandPort}` });
  const seen = await scrapeInState(agent, "synchronised");
  assert.equal(upstreamLocal(seen), undefined);
  const told = agent.logs().filter(({ message }) => /NTP_DATA/.test(String(message)));
  assert.equal(told.length, 1, JSON.stringify(told));
});

test("it is absent with a reference clock, which has no such state", async (t) => {
  const clock = await startReferenceClock(t);
  const chronyd = await startChronyd(t, { configuration: [clock.configuration] });
  await chronyd.waitUntilSynchronised();
  const seen = await scrapeInState(await startAgentBeside(t, chronyd), "synchronised");
  assert.equal(upstreamLocal(seen), undefined);
});
