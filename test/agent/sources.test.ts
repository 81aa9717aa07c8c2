// The sources of a real chronyd at /metrics and in PromQL: every value is compared with chronyc, and the series
// of a removed source end.

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

/** The value of a metric of a source. */
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

describe("the optional reports at /metrics", () => {
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

  test("agree with chronyc, for a server and for a reference clock", async (t) => {
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
    // chronyc's answers before and after a scrape are equal if nothing was measured in between.
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

  test("over UDP leave out the reports that need the socket, log it once, and go on", async (t) => {
    const agent = await agentAt(t, `udp://127.0.0.1:${commandPort}`);
    const { names } = await scrape(agent);
    assert.ok(names.includes("chrony_sourcestats_samples"));
    assert.ok(names.includes("chrony_activity_sources"));
    assert.deepEqual(
      names.filter((name) => /serverstats|peer/.test(name)),
      [],
    );
    await agent.process.waitForLine(/Not available: ntpdata/);
    await agent.process.waitForLine(/Not available: serverstats/);
    // The upstream's own state is also asked for, while the clock follows the server and not PHC0.
    const told = agent
      .logs()
      .filter(({ message }) =>
        /Not available: (?!the time source's own source)/.test(String(message)),
      );
    assert.deepEqual(
      told
        .map(({ message }) => String(message).split(".")[0] ?? "")
        .toSorted((a, b) => a.localeCompare(b)),
      ["Not available: ntpdata", "Not available: serverstats"],
    );
  });
});

test("more than 300 sources are counted and logged, and the followed one is always included", async (t) => {
  const server = await startTimeServer(t);
  const others = Array.from(
    { length: 309 },
    (_, index) => `server 127.1.${Math.floor(index / 250)}.${(index % 250) + 1} offline`,
  );
  // The followed one is the last, which would be left out by its index.
  const chronyd = await startChronyd(t, {
    configuration: [...others, ...followerConfiguration(server.ntpPort)],
  });
  await chronyd.waitUntilSynchronised();
  const agent = await startAgentBeside(
    t,
    chronyd,
    // Enough time for 300 requests and the names.
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

test("the series of a source that chronyd removes end, by push and by pull", async (t) => {
  const path = await startPath(t);
  const secondPort = await freeUdpPort();
  // A server that does not exist: it has an address, but no measurement.
  await path.chronyd.query("add", "server", "127.0.0.2", "port", String(secondPort));
  const second = { __name__: "chrony_sources_reachability_ratio", source_address: "127.0.0.2" };
  for (const way of ["push", "pull"] as const) {
    await waitFor(`the second source by ${way}`, async () => {
      const [sample] = await path.samples(second, way);
      return sample?.value === 0;
    });
    // Its offset is not known, because it was never measured.
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
