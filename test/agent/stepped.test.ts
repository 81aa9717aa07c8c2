// What is published after a step of the wall clock, or a sleep, until chronyd makes an update: with a real
// chronyd that makes none by itself. Step and sleep are simulated for the agent (test/parts/shifted-clocks.ts),
// because no test may set the machine's clock. chronyd does not notice them.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Agent, startAgentBeside } from "../parts/agent.ts";
import { type Chronyd, startChronyd } from "../parts/chronyd.ts";
import { startFollower } from "../parts/follower.ts";
import type { Owner } from "../parts/owner.ts";
import { startTimeServer } from "../parts/time-server.ts";
import { waitFor } from "../parts/wait-for.ts";
import { type Scrape, scrape, scrapeInState } from "./scrape.ts";

const STEP_MS = -9_000;

/** A chronyd that polls its server once in 17 minutes after the start, and an agent whose clocks can be moved. */
async function startPair(owner: Owner): Promise<{ chronyd: Chronyd; agent: Agent }> {
  const { ntpPort } = await startTimeServer(owner);
  const chronyd = await startChronyd(owner, {
    configuration: [`server 127.0.0.1 port ${ntpPort} iburst minpoll 10 maxpoll 10`],
  });
  await chronyd.waitUntilSynchronised();
  await waitFor("the end of iburst", async () => {
    const [source] = await chronyd.query("sources");
    return source?.[5] === "17";
  });
  const agent = await startAgentBeside(owner, chronyd);
  await scrapeInState(agent, "synchronised");
  return { chronyd, agent };
}

function figures(seen: Scrape): readonly (number | undefined)[] {
  return ["error", "error_bound", "error_peak"].map((name) =>
    seen.value(`chrony_clock_${name}_ms`),
  );
}

function readings(seen: Scrape): number {
  return seen.value("chrony_tracker_readings_total", { result: "success" }) ?? 0;
}

/** Makes chronyd poll its server, and so make an update. */
async function update(chronyd: Chronyd): Promise<void> {
  await chronyd.query("burst", "1/1");
}

describe("a wall clock that is set back by 9 s while chronyd is between two polls", () => {
  test("is stepped: no error, and bound and peak are 9 s, until chronyd makes an update", async (t) => {
    const { chronyd, agent } = await startPair(t);
    await agent.shiftWallClock(STEP_MS);
    const stepped = await scrapeInState(agent, "stepped");
    const [errorMs, boundMs = 0, peakMs = 0] = figures(stepped);
    assert.equal(errorMs, undefined);
    assert.ok(boundMs > 8_990 && boundMs < 9_100, `the bound is ${boundMs} ms`);
    assert.ok(peakMs >= boundMs && peakMs < 9_100, `the peak is ${peakMs} ms`);
    assert.equal(stepped.value("chrony_clock_steps_total"), 1);
    assert.equal(stepped.value("chrony_up"), 1);

    // Only an update ends the state.
    await waitFor("ten more readings", async () => {
      const seen = await scrape(agent);
      assert.equal(seen.state, "stepped");
      return readings(seen) >= readings(stepped) + 10;
    });

    await update(chronyd);
    const after = await scrapeInState(agent, "synchronised");
    const [, boundAfterMs = Number.POSITIVE_INFINITY, peakAfterMs = 0] = figures(after);
    assert.ok(boundAfterMs < 100, `the bound is ${boundAfterMs} ms`);
    assert.ok(peakAfterMs > 8_990, "the peak still shows it");
    const logs = JSON.stringify(agent.logs());
    assert.match(
      logs,
      /The wall clock was stepped by -(8\.99|9\.00)\d s and chronyd has made no update/,
    );
  });

  test("is synchronised again when it is set forward by the same amount", async (t) => {
    const { agent } = await startPair(t);
    await agent.shiftWallClock(STEP_MS);
    await scrapeInState(agent, "stepped");
    await agent.shiftWallClock(0);
    const back = await scrapeInState(agent, "synchronised");
    assert.equal(back.value("chrony_clock_steps_total"), 2);
  });
});

test("repeated steps are logged once when they begin and once when they end", async (t) => {
  const agent = await startAgentBeside(t, await startFollower(t));
  const untilSteps = (steps: number) =>
    waitFor(`${steps} steps`, async () => {
      return (await scrape(agent)).value("chrony_clock_steps_total") === steps;
    });
  await scrapeInState(agent, "synchronised");
  for (const steps of [1, 2, 3, 4]) {
    await agent.shiftWallClock(steps * STEP_MS);
    await untilSteps(steps);
  }
  await agent.letPass(60_000);
  await agent.process.waitForLine(/stepped 3 times more, by -(27\.00|26\.99)\d s in total/);
  const logged = agent
    .logs()
    .filter(({ message }) => /was stepped by \S+ s\.$/.test(String(message)));
  assert.equal(logged.length, 1, JSON.stringify(logged));
});

test("a sleep of the machine is not a step: it is counted", async (t) => {
  const { agent } = await startPair(t);
  assert.equal((await scrape(agent)).value("chrony_suspended_seconds_total"), 0);
  await agent.sleep(60_000);
  const slept = await waitFor("the sleep", async () => {
    const seen = await scrape(agent);
    // The poll before the sleep is too old to be used: it is a minute old.
    const isOver = seen.state !== "unreachable";
    return isOver && (seen.value("chrony_suspended_seconds_total") ?? 0) > 0 && seen;
  });
  const seconds = slept.value("chrony_suspended_seconds_total") ?? 0;
  assert.ok(Math.abs(seconds - 60) < 0.1, `it slept for ${seconds} s`);
  assert.equal(slept.state, "synchronised");
  assert.equal(slept.value("chrony_clock_steps_total"), 0);
  assert.ok(
    (slept.value("chrony_reference_age_seconds") ?? 0) > 60,
    "the reference is older by it",
  );
});
