// chronyd's sources from a real chronyd to /metrics and PromQL: every value against chronyc, and a
// source that goes takes its series with it.

import assert from "node:assert/strict";
import { before, describe, type TestContext, test } from "node:test";
import { type Agent, startAgentBeside } from "../parts/agent.ts";
import { type Chronyd, startChronyd } from "../parts/chronyd.ts";
import { followerConfiguration } from "../parts/chronyd-configuration.ts";
import { freeUdpPort } from "../parts/free-port.ts";
import { startPath } from "../parts/path.ts";
import { startReferenceClock } from "../parts/reference-clock.ts";
import { suiteScope } from "../parts/suite-scope.ts";
import { startTimeServer } from "../parts/time-server.ts";
import { waitFor } from "../parts/wait-for.ts";
import { type Scrape, scrape } from "./scrape.ts";

const ALL_REPORTS = "tracking,sources,sourcestats,ntpdata,serverstats,activity";

/** Of a source of chronyd's, the value of a metric. */
function numberOf(seen: Scrape, name: string, address: string): number | undefined {
  return seen.value(name, { source_address: address });
}

async function agentAt(t: TestContext, address: string): Promise<Agent> {
  const agent = await startAgentBeside(t, { address }, { CHRONY_METRICS: ALL_REPORTS });
  await agent.process.waitUntil("its sources", async () => {
    const seen = await scrape(agent);
    return numberOf(seen, "chrony_sources_stratum", "127.0.0.1") !== undefined;
  });
  return agent;
}

describe("the further reports at /metrics", () => {
  const scope = suiteScope();
  let chronyd: Chronyd;
  let commandPort: number;

  before(async () => {
    const server = await startTimeServer(scope);
    const clock = await startReferenceClock(scope, { poll: 0, filter: 4 });
    commandPort = await freeUdpPort();
    chronyd = await startChronyd(scope, {
      commandPort,
      configuration: [...followerConfiguration(server.ntpPort), clock.configuration],
    });
    await chronyd.waitUntilSynchronised();
  });

  test("say what chronyc says, of a server and of a reference clock", async (t) => {
    const agent = await agentAt(t, chronyd.address);
    const states: Readonly<Record<string, string>> = {
      "*": "sync",
      "?": "unreach",
      x: "falseticker",
      "~": "jittery",
      "+": "candidate",
      "-": "outlier",
    };
    const modes: Readonly<Record<string, string>> = {
      "^": "client",
      "=": "peer",
      "#": "reference clock",
    };
    // chronyc's two answers around a scrape agree when nothing was measured in between.
    await waitFor("a moment without a measurement", async () => {
      const sources = await chronyd.query("sources");
      const statistics = await chronyd.query("sourcestats");
      const seen = await scrape(agent);
      assert.equal(sources.length, 2);
      for (const row of sources) {
        const [mode = "", state = "", address = "", stratum, poll, reach] = row;
        assert.equal(numberOf(seen, "chrony_sources_stratum", address), Number(stratum));
        assert.equal(
          numberOf(seen, "chrony_sources_polling_interval_seconds", address),
          2 ** Number(poll),
        );
        const register = Number.parseInt(reach ?? "", 8);
        assert.equal(
          numberOf(seen, "chrony_sources_reachability_ratio", address),
          register.toString(2).replaceAll("0", "").length / 8,
        );
        assert.equal(numberOf(seen, "chrony_sources_reachability_success", address), register % 2);
        assert.equal(
          seen.value("chrony_sources_state_info", {
            source_address: address,
            source_name: address,
            source_state: states[state] ?? "",
            source_mode: modes[mode] ?? "",
          }),
          1,
        );
      }
      for (const [address = "", samples, runs, span] of statistics) {
        assert.equal(numberOf(seen, "chrony_sourcestats_samples", address), Number(samples));
        assert.equal(numberOf(seen, "chrony_sourcestats_runs", address), Number(runs));
        assert.equal(numberOf(seen, "chrony_sourcestats_span_seconds", address), Number(span));
      }
      return true;
    });
    const seen = await scrape(agent);
    assert.notEqual(numberOf(seen, "chrony_sources_peer_delay_seconds", "127.0.0.1"), undefined);
    assert.equal(numberOf(seen, "chrony_sources_peer_delay_seconds", "PHC0"), undefined);
    const [activity = []] = await chronyd.query("activity");
    assert.equal(seen.value("chrony_activity_sources", { state: "online" }), Number(activity[0]));
    assert.ok((seen.value("chrony_serverstats_command_packets_received_total") ?? 0) > 0);
  });

  test("over UDP leave out what may not be asked, say so once, and go on", async (t) => {
    const agent = await agentAt(t, `udp://127.0.0.1:${commandPort}`);
    const { names } = await scrape(agent);
    assert.ok(names.includes("chrony_sourcestats_samples"));
    assert.ok(names.includes("chrony_activity_sources"));
    assert.deepEqual(
      names.filter((name) => /serverstats|peer/.test(name)),
      [],
    );
    await agent.process.waitForLine(/Without ntpdata/);
    await agent.process.waitForLine(/Without serverstats/);
    // What its source says of itself is asked for, too, while the clock follows the server and not PHC0.
    const told = agent
      .logs()
      .filter(({ message }) => /Without (?!what the time source says)/.test(String(message)));
    assert.deepEqual(
      told
        .map(({ message }) => String(message).split(".")[0] ?? "")
        .toSorted((a, b) => a.localeCompare(b)),
      [
        "Without ntpdata, which is asked for again every ten minutes",
        "Without serverstats, which is asked for again every ten minutes",
      ],
    );
  });
});

test("of more than 300 sources the rest is counted and logged, and the followed one is always shown", async (t) => {
  const server = await startTimeServer(t);
  const others = Array.from(
    { length: 309 },
    (_, index) => `server 127.1.${Math.floor(index / 250)}.${(index % 250) + 1} offline`,
  );
  // The followed one is the last: by its index alone it would be left out.
  const chronyd = await startChronyd(t, {
    configuration: [...others, ...followerConfiguration(server.ntpPort)],
  });
  await chronyd.waitUntilSynchronised();
  const agent = await startAgentBeside(
    t,
    chronyd,
    // Time enough for 300 questions and their names.
    { CHRONY_METRICS: "tracking,sources", SLEEP_INTERVAL: "2" },
  );
  await waitFor("the followed source among those that are reported", async () => {
    const seen = await scrape(agent);
    assert.equal(numberOf(seen, "chrony_sources_stratum", "127.0.0.1"), 1);
    assert.equal(seen.text.match(/^chrony_sources_state_info\{/gm)?.length, 301);
    assert.equal(seen.value("chrony_tracker_sources_left_out"), 9);
    return true;
  });
  await agent.process.waitForLine(
    /chronyd has \d+ sources more than the 300 that are reported: these have no series/,
  );
});

test("a source that chronyd forgets takes its series with it, by push and by pull", async (t) => {
  const path = await startPath(t);
  const secondPort = await freeUdpPort();
  // A server that is not there: it has an address, and nothing was measured of it.
  await path.chronyd.query("add", "server", "127.0.0.2", "port", String(secondPort));
  const second = { __name__: "chrony_sources_reachability_ratio", source_address: "127.0.0.2" };
  for (const way of ["push", "pull"] as const) {
    await waitFor(`the second source by ${way}`, async () => {
      const [sample] = await path.samples(second, way);
      return sample?.value === 0;
    });
    // It was never measured: nothing is known of its offset.
    const offset = { ...second, __name__: "chrony_sources_last_sample_offset_seconds" };
    assert.deepEqual(await path.samples(offset, way), []);
  }
  await path.chronyd.query("delete", "127.0.0.2");
  for (const way of ["push", "pull"] as const) {
    await waitFor(`the second source to be gone by ${way}`, async () => {
      assert.deepEqual(await path.samples(second, way), []);
      return true;
    });
    const first = { ...second, source_address: "127.0.0.1" };
    assert.equal((await path.samples(first, way)).length, 1);
  }
});
