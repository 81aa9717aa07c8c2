// The optional reports of real chronyds (Debian's 4.3): every value is compared with `chronyc -c` of the same chronyd, also
// while sources come and go. The chronyds run with -x and poll local servers; the reference clock uses the SOCK driver.

import assert from "node:assert/strict";
import { userInfo } from "node:os";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { parseChronyAddress } from "../../src/chrony/address.ts";
import { type ChronyAddress, ChronyClient } from "../../src/chrony/client.ts";
import {
  describeReportFault,
  type OfSources,
  type OptionalReport,
  type OptionalReports,
  type ReportFault,
  readOptionalReports,
} from "../../src/chrony/optional-reports.ts";
import { SourceNames } from "../../src/chrony/source-names.ts";
import type { Result } from "../../src/result.ts";
import { type Chronyd, type ChronydOptions, startChronyd } from "../parts/chronyd.ts";
import { localReferenceConfiguration } from "../parts/chronyd-configuration.ts";
import { startFollower } from "../parts/follower.ts";
import { freeUdpPort } from "../parts/free-port.ts";
import type { Owner } from "../parts/owner.ts";
import { startReferenceClock } from "../parts/reference-clock.ts";
import { folderOf } from "../parts/scratch-folder.ts";
import { suiteScope } from "../parts/suite-scope.ts";
import { waitFor } from "../parts/wait-for.ts";
import {
  activityRow,
  comparableNtpdataRow,
  ntpdataRow,
  serverstatsRow,
  sourcesRow,
  sourcestatsRow,
} from "./chronyc-rows.ts";
import { COMMANDS, type Question, watched } from "./questions.ts";

const ALL: readonly OptionalReport[] = [
  "sources",
  "sourcestats",
  "ntpdata",
  "serverstats",
  "activity",
];
const SOURCES_REPORTS = ["sources", "sourcestats", "ntpdata"] as const;

/** Long enough for whatever a test does in between. */
const LONG_MS = 60_000;

async function read(
  address: ChronyAddress,
  {
    wanted = ALL,
    names = new SourceNames(),
    longestMs = LONG_MS,
  }: { wanted?: readonly OptionalReport[]; names?: SourceNames; longestMs?: number } = {},
): Promise<OptionalReports> {
  const client = await ChronyClient.open(address);
  assert.ok(client.ok, JSON.stringify(client));
  try {
    return await readOptionalReports(client.value, {
      wanted: new Set(wanted),
      names,
      followedIndex: undefined,
      longestMs,
    });
  } finally {
    client.value.close();
  }
}

function parsed(text: string): ChronyAddress {
  const address = parseChronyAddress(text);
  assert.ok(address.ok, JSON.stringify(address));
  return address.value;
}

function reported<Content>(answer: Result<Content, ReportFault> | undefined): Content {
  assert.ok(answer !== undefined, "the report is not there");
  assert.ok(answer.ok, answer.ok ? "" : describeReportFault(answer.error));
  return answer.value;
}

function addressesOf(
  list: Result<readonly { readonly address: string }[], ReportFault> | undefined,
): string[] {
  return reported(list).map(({ address }) => address);
}

function namesOf(
  list: Result<readonly { readonly name: string }[], ReportFault> | undefined,
): string[] {
  return reported(list).map(({ name }) => name);
}

function contentOf<Content>(
  list: OfSources<Content> | undefined,
  address: string,
): Content | undefined {
  return reported(list).find((source) => source.address === address)?.content;
}

function contentsOf<Content>(list: OfSources<Content> | undefined): Content[] {
  return reported(list).map(({ content }) => content);
}

function start(
  owner: Owner,
  configuration: readonly string[],
  options: ChronydOptions = {},
): Promise<Chronyd> {
  // The client keeps this process' user.
  return startChronyd(owner, { user: userInfo().username, configuration, ...options });
}

describe("the reports of a chronyd with sources of all kinds", () => {
  const scope = suiteScope();
  let follower: Chronyd;
  let ntpPort: number;
  let commandPort: number;

  before(async () => {
    ntpPort = await freeUdpPort();
    commandPort = await freeUdpPort();
    const unsynchronisedPort = await freeUdpPort();
    const ownPort = await freeUdpPort();
    const allowances = ["allow 127.0.0.0/8", "allow ::1"];
    const serverClock = await startReferenceClock(scope);
    await start(scope, [serverClock.configuration, ...allowances, `port ${ntpPort}`]);
    await start(scope, [...allowances, `port ${unsynchronisedPort}`]);
    const clock = await startReferenceClock(scope, { poll: 0, filter: 4 });
    const normally = "iburst minpoll -1 maxpoll -1";
    follower = await start(
      scope,
      [
        `server 127.0.0.1 port ${ntpPort} ${normally} offset 0.025`,
        `server 127.0.0.2 port ${ntpPort} ${normally} offset 0.5`,
        `server ::1 port ${ntpPort} ${normally} offset 0.025`,
        `peer 127.0.0.3 port ${ntpPort} minpoll -1 maxpoll -1 offset 0.025`,
        "server 127.0.0.4 port 9 iburst",
        `server 127.0.0.5 port ${unsynchronisedPort} ${normally}`,
        "server nowhere.invalid iburst",
        // The same four bytes as the reference clock's id; never asked.
        "server 80.72.67.48 offline",
        `${clock.configuration} noselect`,
        // The same id, and it is not fed.
        `refclock SOCK ${join(await folderOf(scope), "second.sock")} refid PHC0 poll 0`,
        "bindaddress 127.0.0.1",
        "allow 127.0.0.0/8",
        `port ${ownPort}`,
      ],
      { commandPort },
    );
    await start(scope, [`server 127.0.0.1 port ${ownPort} xleave ${normally}`]);
    await follower.waitUntilSynchronised();
    await waitFor("a source of each kind to be judged, and an interleaved client", async () => {
      const rows = await follower.query("sources");
      const states = rows.map((row) => row[1]);
      const [statistics = []] = await follower.query("serverstats");
      const isReferenceClockMeasured = rows[0]?.[5] !== "0";
      // chrony 4.0 does not count them.
      const isInterleaved = statistics[8] === undefined || Number(statistics[8]) > 0;
      return (
        ["x", "*"].every((state) => states.includes(state)) &&
        isReferenceClockMeasured &&
        isInterleaved
      );
    });
  });

  const ORDER = [
    "PHC0",
    "PHC0#2",
    "127.0.0.1",
    "127.0.0.2",
    "::1",
    "127.0.0.3",
    "127.0.0.4",
    "127.0.0.5",
    "80.72.67.48",
  ];

  function addresses(): readonly ChronyAddress[] {
    return [
      parsed(follower.address),
      parsed(`udp://127.0.0.1:${commandPort}`),
      parsed(`udp://[::1]:${commandPort}`),
    ];
  }

  /**
   * A poll between two equal outputs of chronyc, so that nothing was measured in between.
   * @param agree removes what changes all the time from a row
   */
  async function readBetween(
    address: ChronyAddress,
    chronycArguments: readonly string[],
    agree: (row: readonly string[]) => readonly string[] = (row) => row,
  ): Promise<{ reports: OptionalReports; printed: string[][] }> {
    return waitFor(`chronyc ${chronycArguments.join(" ")} to print the same twice`, async () => {
      const printed = await follower.query(...chronycArguments);
      const reports = await read(address);
      const printedAfter = await follower.query(...chronycArguments);
      const isSame = JSON.stringify(printed.map(agree)) === JSON.stringify(printedAfter.map(agree));
      return isSame ? { reports, printed } : undefined;
    });
  }

  test("sources: what chronyc prints, over the Unix socket, IPv4 and IPv6", async () => {
    for (const address of addresses()) {
      const { reports, printed } = await readBetween(address, ["sources"]);
      assert.deepEqual(contentsOf(reports.sources).map(sourcesRow), printed);
      assert.deepEqual(addressesOf(reports.sources), ORDER);
    }
  });

  test("sourcestats: what chronyc prints, over the Unix socket, IPv4 and IPv6", async () => {
    const OFFSET = 6;
    const withoutOffset = (row: readonly string[]) => row.toSpliced(OFFSET, 1);
    for (const address of addresses()) {
      const { reports, printed } = await readBetween(address, ["sourcestats"], withoutOffset);
      const rows = contentsOf(reports.sourcestats).map(sourcestatsRow);
      assert.deepEqual(rows.map(withoutOffset), printed.map(withoutOffset));
      // An estimate for the moment of the answer.
      for (const [index, row] of printed.entries()) {
        const difference = Math.abs(Number(row[OFFSET]) - Number(rows[index]?.[OFFSET]));
        assert.ok(difference < 1e-6, `${row.join()} is not ${rows[index]?.join()}`);
      }
      assert.deepEqual(addressesOf(reports.sourcestats), ORDER);
    }
  });

  test("ntpdata: what chronyc prints", async () => {
    const { reports, printed } = await readBetween(parsed(follower.address), ["ntpdata"]);
    assert.deepEqual(
      contentsOf(reports.ntpdata).map(ntpdataRow),
      printed.map(comparableNtpdataRow),
    );
    assert.deepEqual(addressesOf(reports.ntpdata), ORDER.slice(2));
  });

  test("activity: what chronyc prints, over the Unix socket, IPv4 and IPv6", async () => {
    for (const address of addresses()) {
      const { reports, printed } = await readBetween(address, ["activity"]);
      assert.deepEqual([activityRow(reported(reports.activity))], printed);
    }
  });

  test("serverstats: not less than chronyc prints before, not more than after", async () => {
    const [printedBefore = []] = await follower.query("serverstats");
    const { serverstats } = await read(parsed(follower.address));
    const [printedAfter = []] = await follower.query("serverstats");
    const row = serverstatsRow(reported(serverstats)).map(Number);
    assert.equal(row.length, printedBefore.length);
    for (const [index, count] of row.entries()) {
      assert.ok(
        count >= Number(printedBefore[index]) && count <= Number(printedAfter[index]),
        `${row.join()} is not between ${printedBefore.join()} and ${printedAfter.join()}`,
      );
    }
    // Each question is a command: this one was after chronyc's, and chronyc's after it.
    assert.ok((row[2] ?? 0) > Number(printedBefore[2]));
    assert.ok(reported(serverstats).ntpPacketsReceived > 0);
  });

  test("over UDP, reports that need the Unix socket are not requested again", async () => {
    for (const address of addresses().slice(1)) {
      const reports = await read(address);
      for (const [report, name] of [
        ["ntpdata", "NTP_DATA"],
        ["serverstats", "SERVER_STATS"],
      ] as const) {
        assert.deepEqual(reports[report], {
          ok: false,
          error: { kind: "not available", error: { kind: "refused", report: name, status: 2 } },
        });
      }
    }
  });

  test("signs: with a source that is ahead the clock is behind, in every report", async () => {
    const falseticker = "127.0.0.2";
    // NTP_DATA keeps the offset as it was measured: one from before the clock's first correction is
    // 0.5 s until the next poll.
    await waitFor("a measurement after the clock's first correction", async () => {
      const { sources, sourcestats, ntpdata } = await read(parsed(follower.address));
      assertNear(contentOf(sources, falseticker)?.latestMeasurement?.offsetSeconds, -0.475);
      assertNear(contentOf(sourcestats, falseticker)?.estimatedOffset?.offsetSeconds, -0.475);
      assertNear(contentOf(ntpdata, falseticker)?.response?.measurement?.offsetSeconds, 0.475);
      return true;
    });
  });

  test("names are chronyd's, each requested once", async (t) => {
    const named = await start(t, [
      `server localhost port ${ntpPort}`,
      `server 127.0.0.2 port ${ntpPort}`,
    ]);
    await waitFor("localhost to have an address", async () => {
      return (await named.query("sources")).length === 2;
    });
    const names = new SourceNames();
    const asked: number[] = [];
    const address = watched(parsed(named.address), ({ command }) => {
      asked.push(command);
    });
    for (const questions of [2, 0]) {
      asked.length = 0;
      const reports = await read(address, { names });
      assert.deepEqual(namesOf(reports.sources), ["localhost", "127.0.0.2"]);
      for (const { address, name } of reported(reports.sources)) {
        assert.deepEqual(await named.query("sourcename", address), [[name]]);
      }
      const nameQuestions = asked.filter((command) => command === COMMANDS.NTP_SOURCE_NAME);
      assert.equal(nameQuestions.length, questions);
    }
  });

  test("a source that goes silent keeps its last measurement, which grows old, and is no longer reached", async (t) => {
    const left = await startFollower(t, { user: userInfo().username });
    await left.server.stop();
    await waitFor("eight polls without an answer", async () => {
      const { sources } = await read(parsed(left.address), { wanted: ["sources"] });
      const silent = contentOf(sources, "127.0.0.1");
      assert.ok(silent?.latestMeasurement !== undefined);
      // Its state does not show that, because chronyd combines it for a while.
      return silent.reachability === 0 && silent.latestMeasurement.ageSeconds >= 2;
    });
  });

  test("local, and no source: the lists are empty, and no error", async (t) => {
    const local = await start(t, localReferenceConfiguration());
    const reports = await read(parsed(local.address));
    for (const report of SOURCES_REPORTS) {
      assert.deepEqual(addressesOf(reports[report]), []);
    }
    assert.deepEqual([activityRow(reported(reports.activity))], await local.query("activity"));
  });

  test("a reference clock alone: its id is its name, and there is no NTP data", async (t) => {
    const clock = await startReferenceClock(t);
    const alone = await start(t, [clock.configuration]);
    const reports = await read(parsed(alone.address));
    assert.deepEqual(
      reported(reports.sources).map(({ address, name }) => [address, name]),
      [["PHC0", "PHC0"]],
    );
    assert.deepEqual(addressesOf(reports.sourcestats), ["PHC0"]);
    assert.deepEqual(reported(reports.ntpdata), []);
  });

  describe("while sources come and go,", () => {
    const SOURCES = [11, 12, 13, 14, 15, 16].map((number) => `127.0.0.${number}`);
    const options = "port 9 minpoll 10 maxpoll 10";
    let changing: Chronyd;

    /** With {@link SOURCES} in their order, and nothing else. */
    async function reset(): Promise<void> {
      const present = (await changing.query("sources")).map((row) => row[2] ?? "");
      if (present.join() === SOURCES.join()) {
        return;
      }
      await chronyc([
        ...present.map((address) => `delete ${address}`),
        ...SOURCES.map((address) => `add server ${address} ${options}`),
      ]);
    }

    /** Many commands to one chronyc. */
    async function chronyc(commands: readonly string[]): Promise<void> {
      await changing.chronyc("-m", ...commands);
    }

    /** A reading into which these commands burst just before one of its questions. */
    async function readAround(number: number, ...commands: string[]): Promise<OptionalReports> {
      let happened = false;
      const address = watched(parsed(changing.address), async (_: Question, asked: number) => {
        if (asked === number) {
          happened = true;
          await chronyc(commands);
        }
      });
      const reports = await read(address);
      assert.ok(happened, `there was no question ${number}`);
      return reports;
    }

    /** The questions of a reading of {@link SOURCES}: two of their own, twice the list, names, NTP data. */
    const QUESTIONS = 2 + 2 * (1 + SOURCES.length) + 2 * SOURCES.length;

    before(async () => {
      changing = await start(
        scope,
        SOURCES.map((address) => `server ${address} ${options}`),
      );
    });

    test("one that is removed does not affect the others, whichever and whenever it is", async () => {
      for (let number = 0; number < QUESTIONS; number += 1) {
        for (const gone of [SOURCES[0], SOURCES[2], SOURCES[5]]) {
          assert.ok(gone !== undefined);
          await reset();
          // Those behind it have another index from then on.
          const reports = await readAround(number, `delete ${gone}`);
          for (const report of SOURCES_REPORTS) {
            const found = addressesOf(reports[report]);
            const context: string = `${report} when ${gone} went before question ${number}: ${found.join()}`;
            assert.deepEqual(
              found.filter((address) => address !== gone),
              SOURCES.filter((address) => address !== gone),
              context,
            );
            assert.equal(new Set(found).size, found.length, context);
            assert.deepEqual(namesOf(reports[report]), found, context);
          }
        }
      }
    });

    test("one that appears disturbs no other, whenever it does", async () => {
      const added = "127.0.0.17";
      for (let number = 0; number < QUESTIONS; number += 1) {
        await reset();
        const reports = await readAround(number, `add server ${added} ${options}`);
        for (const report of SOURCES_REPORTS) {
          const found = addressesOf(reports[report]);
          assert.deepEqual(
            found.filter((address) => address !== added),
            SOURCES,
            `${report} when one came before question ${number}: ${found.join()}`,
          );
        }
      }
    });

    test("one that is replaced never gets the other's numbers", async () => {
      for (let number = 0; number < QUESTIONS; number += 1) {
        await reset();
        const reports = await readAround(
          number,
          `delete ${SOURCES[1]}`,
          `add server 127.0.0.18 ${options}`,
        );
        for (const { address, content } of reported(reports.sourcestats)) {
          assert.ok(content.source.kind === "ntp" && content.source.address.text === address);
        }
        for (const { address, content } of reported(reports.ntpdata)) {
          // chrony 4.0 gives none before the first response.
          if (content.remoteAddress.family !== "unspecified") {
            assert.deepEqual(content.remoteAddress, { family: "ipv4", text: address });
          }
        }
        for (const address of SOURCES.toSpliced(1, 1)) {
          assert.ok(addressesOf(reports.sourcestats).includes(address), `question ${number}`);
        }
      }
    });

    test("when all are removed at once, lists are empty or have what was read, without an error", async () => {
      for (let number = 0; number < 2 + 1 + SOURCES.length; number += 1) {
        await reset();
        const reports = await readAround(number, ...SOURCES.map((address) => `delete ${address}`));
        for (const report of SOURCES_REPORTS) {
          addressesOf(reports[report]);
        }
        assert.deepEqual(addressesOf(reports.sourcestats), []);
      }
    });

    test("a chronyd that freezes in between costs a second, and its earlier answers count", async () => {
      await reset();
      let asked = 0;
      const frozen = await read(
        watched(parsed(changing.address), async (_, number) => {
          asked = number + 1;
          if (number === 5) {
            await changing.freeze();
          }
        }),
      );
      await changing.thaw();
      // The question that is not answered is sent once more, and none after it.
      assert.ok(asked <= 7, `${asked} questions`);
      assert.ok(frozen.activity?.ok === true && frozen.serverstats?.ok === true);
      for (const report of SOURCES_REPORTS) {
        const list = frozen[report];
        assert.ok(list?.ok === false && list.error.kind === "failed");
        assert.equal(list.error.error.kind, "timed out");
      }
      await changing.waitUntilAnswering();
    });
  });

  describe("with a hundred sources", () => {
    let crowd: Chronyd;

    before(async () => {
      const numbers = Array.from({ length: 100 }, (_, index) => index + 1);
      crowd = await start(
        scope,
        numbers.map(
          (number) => `server 127.0.1.${number} port ${ntpPort} iburst minpoll 4 maxpoll 4`,
        ),
      );
    });

    test("all are read, in their order", async () => {
      const reports = await read(parsed(crowd.address));
      const expected = (await crowd.query("sources")).map((row) => row[2]);
      assert.equal(expected.length, 100);
      for (const report of SOURCES_REPORTS) {
        assert.deepEqual(addressesOf(reports[report]), expected);
      }
    });

    test("a poll stays within its caller's time, however slow the answers are", async (t) => {
      let nowMs = 1_000;
      t.mock.method(performance, "now", () => nowMs);
      let asked = 0;
      const slow = watched(parsed(crowd.address), () => {
        asked += 1;
        nowMs += 20;
      });
      const reports = await read(slow, { longestMs: 300 });
      assert.equal(asked, 300 / 20);
      assert.equal(reports.activity?.ok, true);
      for (const report of SOURCES_REPORTS) {
        const list = reports[report];
        assert.ok(list?.ok === false);
        assert.equal(list.error.kind, "out of time");
      }
    });
  });
});

function assertNear(found: number | undefined, expected: number): void {
  assert.ok(Math.abs((found ?? Number.NaN) - expected) < 0.01, `${found} is not ${expected}`);
}
