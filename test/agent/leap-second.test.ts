// A leap second with a real agent. chronyd accepts one only on the last day of June or December, so a fake
// announces it. The agent's clock is set to the end of a day, and back by one second.

import assert from "node:assert/strict";
import { test } from "node:test";
import { tracking } from "../../src/chrony/tracking.ts";
import { startAgentBeside } from "../parts/agent.ts";
import { startFakeChronydRelay } from "../parts/fake-chronyd-relay.ts";
import { startFollower } from "../parts/follower.ts";
import { waitFor } from "../parts/wait-for.ts";
import { scrape, scrapeInState } from "./scrape.ts";

const DAY_MS = 86_400_000;
const LEAP_STATUS_OFFSET = 54;
const INSERT_SECOND = 1;
/** A loaded machine may make the step too late for a leap second. The end of the next day is tried then. */
const DAYS = 5;

test("an announced leap second is logged as one, and is not a step", async (t) => {
  const chronyd = await startFollower(t);
  const fake = startFakeChronydRelay(t, chronyd);
  fake.change(tracking.command, (reply) => reply.writeUInt16BE(INSERT_SECOND, LEAP_STATUS_OFFSET));
  const agent = await startAgentBeside(t, { address: fake.address });
  const seen = await scrapeInState(agent, "synchronised");
  assert.equal(seen.value("chrony_tracking_leap_status", { status: "insert_second" }), 1);
  const isLogged = () =>
    agent.logs().some(({ message }) => /A leap second passed/.test(String(message)));
  const count = async (name: string) => (await scrape(agent)).value(name) ?? 0;
  const polls = () =>
    (async () =>
      (await scrape(agent)).value("chrony_tracker_readings_total", { result: "success" }) ?? 0)();

  for (let day = 1; day <= DAYS && !isLogged(); day += 1) {
    const nowMs = Date.now();
    const aheadMs = Math.ceil(nowMs / DAY_MS + day) * DAY_MS - 2_000 - nowMs;
    const steps = await count("chrony_clock_steps_total");
    await agent.shiftWallClock(aheadMs);
    await waitFor("the day's end", async () => (await count("chrony_clock_steps_total")) > steps);
    const stepsBefore = await count("chrony_clock_steps_total");
    await agent.shiftWallClock(aheadMs - 1_000);
    const pollsBefore = await polls();
    await waitFor("the second to be seen", async () => (await polls()) >= pollsBefore + 2);
    if (isLogged()) {
      assert.equal(await count("chrony_clock_steps_total"), stepsBefore);
    }
  }
  assert.ok(isLogged(), JSON.stringify(agent.logs()));
});
