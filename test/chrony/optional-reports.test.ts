// The optional reports of fake chronyds: with a thousand sources, of other versions, with `opencommands`, with invalid
// names. Their answers are captures of a real chronyd (report-captures.ts) with other addresses.
// reports-of-chronyd.test.ts has real chronyds, and sources that come and go.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ChronyClient } from "../../src/chrony/client.ts";
import {
  describeReportFault,
  MOST_SOURCES,
  type OptionalReport,
  type OptionalReports,
  readOptionalReports,
} from "../../src/chrony/optional-reports.ts";
import { SourceNames } from "../../src/chrony/source-names.ts";
import { COMMANDS, fakeChronyd, type Question } from "./questions.ts";
import {
  ACTIVITY,
  NO_SUCH_SOURCE,
  NTP_DATA,
  NUMBER_OF_SOURCES,
  SERVER_STATISTICS,
  SOURCE_DATA,
  SOURCE_NAMES,
  SOURCE_STATISTICS,
} from "./report-captures.ts";
import { patched } from "./wire.ts";

const UNAUTH = 2;
const INVALID = 3;
const NOSUCHSOURCE = 4;
const BADPKTLENGTH = 19;
const ALL: readonly OptionalReport[] = [
  "sources",
  "sourcestats",
  "ntpdata",
  "serverstats",
  "activity",
];
const SOURCES_REPORTS = ["sources", "sourcestats", "ntpdata"] as const;

/** The address of the fake's source with this number: 192.0.2.0 and on. */
const FIRST_ADDRESS = 0xc000_0200;

function addressText(number: number): string {
  const address = FIRST_ADDRESS + number;
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 0xff).join(".");
}

/** A fake chronyd, its received requests, and its unusual answers. */
class Fake {
  /** The numbers of its sources, in their order. */
  sources: number[];
  readonly questions: Question[] = [];
  readonly otherwise = new Map<number, (question: Question) => Uint8Array | undefined>();
  readonly names = new SourceNames();

  constructor(sources: number) {
    this.sources = Array.from({ length: sources }, (_, index) => index);
  }

  async read(
    wanted: readonly OptionalReport[] = ALL,
    longestMs = 10_000,
    followedIndex?: number,
  ): Promise<OptionalReports> {
    this.questions.length = 0;
    const client = await ChronyClient.open(fakeChronyd((question) => this.#answer(question)));
    assert.ok(client.ok);
    try {
      const options = { wanted: new Set(wanted), names: this.names, followedIndex, longestMs };
      return await readOptionalReports(client.value, options);
    } finally {
      client.value.close();
    }
  }

  /** How often a command was requested in the last poll. */
  asked(command: number): number {
    return this.questions.filter((question) => question.command === command).length;
  }

  #answer(question: Question): Uint8Array | undefined {
    this.questions.push(question);
    const { command, argument } = question;
    const otherwise = this.otherwise.get(command);
    if (otherwise !== undefined) {
      return otherwise(question);
    }
    const source = this.sources[argument];
    const isThere = this.sources.includes(argument - FIRST_ADDRESS);
    switch (command) {
      case COMMANDS.N_SOURCES:
        return at(NUMBER_OF_SOURCES, 28, this.sources.length);
      case COMMANDS.SOURCE_DATA:
        return source === undefined
          ? refusal(command, NOSUCHSOURCE)
          : at(SOURCE_DATA.leftOut.reply, 28, FIRST_ADDRESS + source);
      case COMMANDS.SOURCESTATS:
        return source === undefined
          ? refusal(command, NOSUCHSOURCE)
          : at(SOURCE_STATISTICS.leftOut.reply, 32, FIRST_ADDRESS + source);
      case COMMANDS.NTP_DATA:
        return isThere ? at(NTP_DATA.server.reply, 28, argument) : refusal(command, NOSUCHSOURCE);
      case COMMANDS.NTP_SOURCE_NAME:
        return isThere ? SOURCE_NAMES.localhost.reply : refusal(command, NOSUCHSOURCE);
      case COMMANDS.ACTIVITY:
        return ACTIVITY.reply;
      case COMMANDS.SERVER_STATS:
        return SERVER_STATISTICS.reply;
      default:
        return assert.fail(`command ${command} is not a reading one`);
    }
  }
}

/** The reply with this number of four bytes in it. */
function at(reply: Uint8Array, offset: number, value: number): Uint8Array {
  return patched(reply, { offset, width: 4, value });
}

function refusal(command: number, status: number): Uint8Array {
  return patched(
    NO_SUCH_SOURCE,
    { offset: 4, width: 2, value: command },
    { offset: 8, width: 2, value: status },
  );
}

function addressesOf(list: OptionalReports["sources" | "sourcestats" | "ntpdata"]): string[] {
  assert.ok(list?.ok, JSON.stringify(list));
  return list.value.map(({ address }) => address);
}

function namesOf(list: OptionalReports["sources" | "sourcestats" | "ntpdata"]): string[] {
  assert.ok(list?.ok, JSON.stringify(list));
  return list.value.map(({ name }) => name);
}

function notAvailable(report: string, status: number) {
  return {
    ok: false,
    error: { kind: "not available", error: { kind: "refused", report, status } },
  };
}

describe("only the wanted reports are requested:", () => {
  const questionsOf: Readonly<Record<OptionalReport, readonly (keyof typeof COMMANDS)[]>> = {
    sources: ["N_SOURCES", "SOURCE_DATA", "NTP_SOURCE_NAME"],
    sourcestats: ["N_SOURCES", "SOURCE_DATA", "NTP_SOURCE_NAME", "SOURCESTATS"],
    ntpdata: ["N_SOURCES", "SOURCE_DATA", "NTP_SOURCE_NAME", "NTP_DATA"],
    serverstats: ["SERVER_STATS"],
    activity: ["ACTIVITY"],
  };
  for (const wanted of ALL) {
    test(wanted, async () => {
      const fake = new Fake(3);
      const reports = await fake.read([wanted]);
      for (const report of ALL) {
        assert.equal(reports[report]?.ok, report === wanted ? true : undefined, report);
      }
      const asked = new Set(fake.questions.map(({ command }) => command));
      assert.deepEqual(asked, new Set(questionsOf[wanted].map((name) => COMMANDS[name])));
    });
  }

  test("nothing", async () => {
    const fake = new Fake(3);
    const reports = await fake.read([]);
    assert.deepEqual(new Set(Object.values(reports)), new Set([undefined]));
    assert.equal(fake.questions.length, 0);
  });
});

test("sources are in chronyd's order, with the same name in each report", async () => {
  const reports = await new Fake(3).read();
  for (const report of SOURCES_REPORTS) {
    assert.deepEqual(addressesOf(reports[report]), ["192.0.2.0", "192.0.2.1", "192.0.2.2"]);
    assert.deepEqual(namesOf(reports[report]), ["localhost", "localhost", "localhost"]);
  }
});

describe("a name", () => {
  test("is requested once, and again when the source was away", async () => {
    const fake = new Fake(3);
    await fake.read();
    assert.equal(fake.asked(COMMANDS.NTP_SOURCE_NAME), 3);
    await fake.read();
    assert.equal(fake.asked(COMMANDS.NTP_SOURCE_NAME), 0);
    fake.sources = [0, 2];
    await fake.read();
    fake.sources = [0, 2, 1];
    await fake.read();
    assert.deepEqual(
      fake.questions
        .filter(({ command }) => command === COMMANDS.NTP_SOURCE_NAME)
        .map(({ argument }) => argument - FIRST_ADDRESS),
      [1],
    );
  });

  test("is remembered over a failed poll", async () => {
    const fake = new Fake(3);
    await fake.read();
    fake.otherwise.set(COMMANDS.SOURCE_DATA, () => NUMBER_OF_SOURCES);
    assert.equal((await fake.read(["sources"])).sources?.ok, false);
    fake.otherwise.clear();
    await fake.read();
    assert.equal(fake.asked(COMMANDS.NTP_SOURCE_NAME), 0);
  });

  const withoutName: readonly (readonly [what: string, reply: Uint8Array])[] = [
    ["chronyd may not tell", refusal(COMMANDS.NTP_SOURCE_NAME, UNAUTH)],
    ["chronyd does not know the command for", refusal(COMMANDS.NTP_SOURCE_NAME, INVALID)],
    [
      "has characters that a terminal would obey",
      patched(SOURCE_NAMES.localhost.reply, { offset: 28, width: 1, value: 0x1b }),
    ],
  ];
  for (const [what, reply] of withoutName) {
    test(`that ${what} is replaced by the address, and not requested again`, async () => {
      const fake = new Fake(2);
      fake.otherwise.set(COMMANDS.NTP_SOURCE_NAME, () => reply);
      assert.deepEqual(namesOf((await fake.read()).sources), ["192.0.2.0", "192.0.2.1"]);
      assert.equal(fake.asked(COMMANDS.NTP_SOURCE_NAME), 2);
      assert.deepEqual(namesOf((await fake.read()).sources), ["192.0.2.0", "192.0.2.1"]);
      assert.equal(fake.asked(COMMANDS.NTP_SOURCE_NAME), 0);
    });
  }

  test("that is not answered fails its reports, because another name would make other series", async () => {
    const fake = new Fake(2);
    fake.otherwise.set(COMMANDS.NTP_SOURCE_NAME, () => NUMBER_OF_SOURCES);
    const reports = await fake.read();
    for (const report of SOURCES_REPORTS) {
      const list = reports[report];
      assert.ok(list?.ok === false && list.error.kind === "failed", report);
      assert.equal(list.error.error.kind, "wrong command");
    }
    fake.otherwise.clear();
    assert.deepEqual(namesOf((await fake.read()).sources), ["localhost", "localhost"]);
  });
});

describe("a source that was removed is left out", () => {
  const second = FIRST_ADDRESS + 1;
  test("before its name was requested", async () => {
    const fake = new Fake(3);
    fake.otherwise.set(COMMANDS.NTP_SOURCE_NAME, ({ command, argument }) =>
      argument === second ? refusal(command, NOSUCHSOURCE) : SOURCE_NAMES.localhost.reply,
    );
    const reports = await fake.read();
    for (const report of SOURCES_REPORTS) {
      assert.deepEqual(addressesOf(reports[report]), ["192.0.2.0", "192.0.2.2"]);
    }
  });

  test("before another report of it was requested", async () => {
    const fake = new Fake(3);
    fake.otherwise.set(COMMANDS.NTP_DATA, ({ command, argument }) =>
      argument === second
        ? refusal(command, NOSUCHSOURCE)
        : at(NTP_DATA.server.reply, 28, argument),
    );
    fake.otherwise.set(COMMANDS.SOURCESTATS, ({ command, argument }) =>
      argument === 2
        ? refusal(command, NOSUCHSOURCE)
        : at(SOURCE_STATISTICS.leftOut.reply, 32, FIRST_ADDRESS + argument),
    );
    const reports = await fake.read();
    assert.deepEqual(addressesOf(reports.sources), ["192.0.2.0", "192.0.2.1", "192.0.2.2"]);
    assert.deepEqual(addressesOf(reports.ntpdata), ["192.0.2.0", "192.0.2.2"]);
    assert.deepEqual(addressesOf(reports.sourcestats), ["192.0.2.0", "192.0.2.1"]);
  });
});

test("reference clocks with the same id are numbered, and an NTP source that moved is there once", async () => {
  const fake = new Fake(5);
  const ntp = at(SOURCE_DATA.leftOut.reply, 28, FIRST_ADDRESS);
  const clock = SOURCE_DATA.referenceClock.reply;
  const replies = [clock, ntp, clock, ntp, clock];
  fake.otherwise.set(COMMANDS.SOURCE_DATA, ({ argument }) => replies[argument]);
  const { sources } = await fake.read(["sources"]);
  assert.deepEqual(addressesOf(sources), ["PHC0", "192.0.2.0", "PHC0#2", "PHC0#3"]);
});

describe("a report that need not be requested again is distinguished from a failed one:", () => {
  test("sources that may not be listed (opencommands)", async () => {
    const fake = new Fake(2);
    fake.otherwise.set(COMMANDS.N_SOURCES, ({ command }) => refusal(command, UNAUTH));
    const reports = await fake.read();
    for (const report of SOURCES_REPORTS) {
      assert.deepEqual(reports[report], notAvailable("N_SOURCES", UNAUTH));
    }
    assert.ok(reports.serverstats?.ok === true && reports.activity?.ok === true);
  });

  const cases = [
    ["sourcestats", "SOURCESTATS", UNAUTH],
    ["sourcestats", "SOURCESTATS", INVALID],
    ["ntpdata", "NTP_DATA", UNAUTH],
    ["ntpdata", "NTP_DATA", BADPKTLENGTH],
    ["serverstats", "SERVER_STATS", UNAUTH],
    ["activity", "ACTIVITY", INVALID],
  ] as const;
  for (const [report, name, status] of cases) {
    test(`${report} with status ${status}, and the others are read`, async () => {
      const fake = new Fake(2);
      fake.otherwise.set(COMMANDS[name], ({ command }) => refusal(command, status));
      const reports = await fake.read();
      assert.deepEqual(reports[report], notAvailable(name, status));
      assert.equal(fake.asked(COMMANDS[name]), 1);
      for (const other of ALL.filter((each) => each !== report)) {
        assert.equal(reports[other]?.ok, true, other);
      }
    });
  }

  test("a layout of the future", async () => {
    const fake = new Fake(2);
    const future = patched(SERVER_STATISTICS.reply, { offset: 6, width: 2, value: 27 });
    fake.otherwise.set(COMMANDS.SERVER_STATS, () => future);
    const { serverstats } = await fake.read();
    assert.ok(serverstats?.ok === false);
    assert.equal(serverstats.error.kind, "not available");
    assert.match(
      describeReportFault(serverstats.error),
      /SERVER_STATS has code 27, expected 14 or/,
    );
  });

  test("another refusal, or an invalid reply, is a failure of its report only", async () => {
    const replies = [
      refusal(COMMANDS.SOURCESTATS, 1),
      patched(SOURCE_STATISTICS.leftOut.reply, { offset: 48, width: 2, value: 9 }),
      SOURCE_STATISTICS.leftOut.reply.subarray(0, 80),
    ];
    for (const reply of replies) {
      const fake = new Fake(2);
      fake.otherwise.set(COMMANDS.SOURCESTATS, () => reply);
      const reports = await fake.read();
      assert.ok(reports.sourcestats?.ok === false);
      assert.equal(reports.sourcestats.error.kind, "failed");
      for (const other of ALL.filter((each) => each !== "sourcestats")) {
        assert.equal(reports[other]?.ok, true, other);
      }
    }
  });

  test("an invalid source fails the reports that depend on the list", async () => {
    const fake = new Fake(3);
    const senseless = patched(SOURCE_DATA.leftOut.reply, { offset: 52, width: 2, value: 9 });
    fake.otherwise.set(COMMANDS.SOURCE_DATA, () => senseless);
    const reports = await fake.read();
    for (const report of SOURCES_REPORTS) {
      const list = reports[report];
      assert.ok(list?.ok === false);
      assert.match(describeReportFault(list.error), /SOURCE_DATA is invalid: the state/);
    }
    assert.equal(fake.asked(COMMANDS.SOURCE_DATA), 1);
  });
});

describe("sources without end", () => {
  test("are read up to 300, and the others are counted", async () => {
    const fake = new Fake(MOST_SOURCES + 5);
    const reports = await fake.read();
    for (const report of SOURCES_REPORTS) {
      const addresses = addressesOf(reports[report]);
      assert.equal(addresses.length, 300);
      assert.equal(addresses[0], addressText(0));
      assert.equal(addresses.at(-1), addressText(299));
    }
    assert.equal(reports.sourcesLeftOut, 5);
    assert.equal((await new Fake(MOST_SOURCES).read()).sourcesLeftOut, 0);
  });

  for (const index of [300, 303]) {
    test(`are read with the one that the clock follows: here at index ${index}`, async () => {
      const fake = new Fake(MOST_SOURCES + 5);
      const reports = await fake.read(ALL, 10_000, index);
      for (const report of SOURCES_REPORTS) {
        const addresses = addressesOf(reports[report]);
        assert.equal(addresses.length, 301);
        assert.equal(addresses.at(-1), addressText(index));
      }
      assert.equal(reports.sourcesLeftOut, 4);
    });
  }

  test("are read once each when the clock follows one of the first 300", async () => {
    const fake = new Fake(MOST_SOURCES + 5);
    const { sources, sourcesLeftOut } = await fake.read(["sources"], 10_000, 299);
    assert.equal(addressesOf(sources).length, 300);
    assert.equal(sourcesLeftOut, 5);
  });

  test("are not read beyond their number, whatever index was followed", async () => {
    const fake = new Fake(MOST_SOURCES + 5);
    const { sources, sourcesLeftOut } = await fake.read(["sources"], 10_000, MOST_SOURCES + 5);
    assert.equal(addressesOf(sources).length, 300);
    assert.equal(sourcesLeftOut, 5);
    // Their number, and of each its report and its name.
    assert.equal(fake.questions.length, 1 + 2 * MOST_SOURCES);
  });

  test("that do not exist cost 300 requests, and no error", async () => {
    const fake = new Fake(0);
    fake.otherwise.set(COMMANDS.N_SOURCES, () =>
      patched(NUMBER_OF_SOURCES, { offset: 28, width: 4, value: 0xffff_ffff }),
    );
    const { sources } = await fake.read(["sources"]);
    assert.deepEqual(addressesOf(sources), []);
    assert.equal(fake.questions.length, 1 + MOST_SOURCES);
  });

  test("are given up when the caller's time is over, and those that were read are kept", async (t) => {
    let nowMs = 1_000;
    t.mock.method(performance, "now", () => nowMs);
    const fake = new Fake(MOST_SOURCES);
    fake.otherwise.set(COMMANDS.SOURCE_DATA, () => {
      nowMs += 5;
      return SOURCE_DATA.leftOut.reply;
    });
    const reports = await fake.read(ALL, 50);
    assert.ok(reports.activity?.ok === true && reports.serverstats?.ok === true);
    for (const report of SOURCES_REPORTS) {
      const list = reports[report];
      assert.ok(list?.ok === false);
      assert.match(describeReportFault(list.error), /longer than 50 ms/);
      assert.deepEqual(list.error, { kind: "out of time", longestMs: 50 });
    }
    assert.equal(fake.asked(COMMANDS.SOURCE_DATA), 50 / 5);
    assert.equal(fake.asked(COMMANDS.SOURCESTATS) + fake.asked(COMMANDS.NTP_DATA), 0);
  });
});

test("a chronyd that becomes silent is asked once, not for each report", async () => {
  const fake = new Fake(2);
  fake.otherwise.set(COMMANDS.ACTIVITY, () => undefined);
  const reports = await fake.read();
  const others = fake.questions.filter(({ command }) => command !== COMMANDS.ACTIVITY);
  assert.deepEqual(
    others.map(({ command }) => command),
    [COMMANDS.SERVER_STATS],
  );
  assert.equal(reports.serverstats?.ok, true);
  for (const report of ["activity", ...SOURCES_REPORTS] as const) {
    const answer = reports[report];
    assert.ok(answer?.ok === false && answer.error.kind === "failed");
    assert.equal(answer.error.error.kind, "timed out");
  }
});
