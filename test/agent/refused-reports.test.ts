// A report that chronyd rejected (INVALID), with a real agent. A fake is in front of a real chronyd, because a
// chronyd does not learn a command while it runs.

import assert from "node:assert/strict";
import { test } from "node:test";
import { activity } from "../../src/chrony/activity.ts";
import { serverStatistics } from "../../src/chrony/server-statistics.ts";
import { tracking } from "../../src/chrony/tracking.ts";
import { startAgentBeside } from "../parts/agent.ts";
import { startFakeChronydRelay } from "../parts/fake-chronyd-relay.ts";
import { startFollower } from "../parts/follower.ts";
import { waitFor } from "../parts/wait-for.ts";
import { scrape, scrapeInState } from "./scrape.ts";

const TEN_MINUTES_MS = 600_000;
const SERVER_STATISTICS = "chrony_serverstats_command_packets_received_total";

test("a rejected report is asked for again after ten minutes, and after a restart of chronyd", async (t) => {
  const chronyd = await startFollower(t);
  const fake = startFakeChronydRelay(t, chronyd);
  fake.refuse([serverStatistics.command]);
  const agent = await startAgentBeside(
    t,
    { address: fake.address },
    { CHRONY_METRICS: "tracking,serverstats,activity" },
  );
  const logged = (pattern: RegExp) =>
    agent.logs().filter(({ message }) => pattern.test(String(message))).length;
  const untilGiven = () =>
    waitFor("the report", async () => (await scrape(agent)).value(SERVER_STATISTICS) !== undefined);

  /** Scrapes until a condition is true. Scrapes are needed, because these reports are asked for only for them. */
  const untilScraped = (what: string, isSo: () => boolean) =>
    waitFor(what, async () => {
      await scrape(agent);
      return isSo();
    });
  const untilPolls = (polls: number) => {
    const before = fake.asked(activity.command);
    return untilScraped(`${polls} polls`, () => fake.asked(activity.command) >= before + polls);
  };
  await waitFor("three polls", () => Promise.resolve(fake.asked(tracking.command) >= 3));
  assert.equal(fake.asked(activity.command), 0, "nobody has asked the agent");
  await untilScraped("the line", () => logged(/Not available: serverstats\. The agent asks/) === 1);
  await untilPolls(6);
  assert.equal(fake.asked(serverStatistics.command), 1, "it is not asked for at each poll");

  // It is still rejected, which is not logged again.
  await agent.letPass(TEN_MINUTES_MS);
  await untilScraped("it to be asked again", () => fake.asked(serverStatistics.command) > 1);
  // The ten minutes begin with the answer.
  await untilPolls(2);
  fake.refuse([]);
  await agent.letPass(TEN_MINUTES_MS);
  await untilGiven();
  await agent.process.waitForLine(/chronyd reports serverstats now/);
  assert.equal(logged(/Not available: serverstats/), 1);

  fake.refuse([serverStatistics.command]);
  await untilScraped("another line", () => logged(/Not available: serverstats/) === 2);
  await chronyd.stop();
  await scrapeInState(agent, "unreachable");
  fake.refuse([]);
  await chronyd.restart();
  await untilGiven();
  await untilScraped("the line", () => logged(/chronyd reports serverstats now/) === 2);
});
