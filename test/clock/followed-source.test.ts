// The followed source of real chronyds (Debian's), polled every 1/16 s to 2 s: never stale while it is healthy, and stale
// when it is dead, with the first poll that shows it. recorded-polls.test.ts has polls of 64 s and more.

import assert from "node:assert/strict";
import { userInfo } from "node:os";
import { describe, test } from "node:test";
import type { ClockHistory } from "../../src/clock/assessment.ts";
import { type Chronyd, startChronyd } from "../parts/chronyd.ts";
import { freeUdpPort } from "../parts/free-port.ts";
import type { Owner } from "../parts/owner.ts";
import { startReferenceClock } from "../parts/reference-clock.ts";
import { startTimeServer, type TimeServer } from "../parts/time-server.ts";
import { PolledChronyd } from "./polled-chronyd.ts";

const FLOOR_SECONDS = 1;
const FAST = "iburst minpoll -4 maxpoll -4";

type Follower = { readonly chronyd: Chronyd; readonly polled: PolledChronyd };

async function startFollower(
  owner: Owner,
  configuration: readonly string[],
  commandPort?: number,
): Promise<Follower> {
  const chronyd = await startChronyd(owner, {
    configuration,
    // The client keeps this process' user.
    user: userInfo().username,
    ...(commandPort !== undefined && { commandPort }),
  });
  const address = commandPort === undefined ? chronyd.address : `udp://127.0.0.1:${commandPort}`;
  return { chronyd, polled: new PolledChronyd(address, FLOOR_SECONDS) };
}

const serverLine = ({ ntpPort }: TimeServer, options: string) =>
  `server 127.0.0.1 port ${ntpPort} ${options}`;

const isIn = (state: string) => (history: ClockHistory) => history.state === state;

/** Polls until the source had this many new samples. */
async function untilSamples(polled: PolledChronyd, samples: number): Promise<void> {
  let seen = 0;
  let before: number | undefined;
  await polled.until(`${samples} samples`, ({ source }) => {
    const offset = source?.report.latestMeasurement?.originalOffsetSeconds;
    seen += offset === before ? 0 : 1;
    before = offset;
    return seen > samples;
  });
}

/** In which states it was; a chronyd may synchronise before it is polled for the first time. */
function statesOf({ polls }: PolledChronyd): readonly string[] {
  return [...new Set(["unsynchronised", ...polls.map(({ history }) => history.state)])];
}

/** The newest poll is stale, the first one in which no poll of chronyd's last eight was answered. */
function assertStaleAtOnce({ polls }: PolledChronyd): void {
  const [before, newest] = polls.slice(-2).map(({ history }) => history.source);
  assert.ok(newest !== undefined && before !== undefined);
  const ageSeconds = newest.report.latestMeasurement?.ageSeconds ?? 0;
  const limitSeconds = Math.max(8 * newest.pollSeconds, FLOOR_SECONDS);
  assert.ok(
    before.report.reachability !== 0 ||
      (before.report.latestMeasurement?.ageSeconds ?? 0) <= limitSeconds,
    `it was late: ${JSON.stringify([before, newest])}`,
  );
  assert.ok(ageSeconds > FLOOR_SECONDS, `it was early: ${JSON.stringify(newest)}`);
}

describe("a healthy source is never stale", () => {
  const cases = [
    ["after a burst", "iburst minpoll 1 maxpoll 1", 4],
    ["where each sample is filtered from 20", "iburst minpoll -3 maxpoll -3 filter 20", 2],
    ["where it is polled 16 times a second", FAST, 40],
  ] as const;
  for (const [when, options, samples] of cases) {
    test(when, async (t) => {
      const server = await startTimeServer(t);
      const { polled } = await startFollower(t, [serverLine(server, options)]);
      await polled.until("the first update", isIn("synchronised"));
      await untilSamples(polled, samples);
      assert.deepEqual(statesOf(polled), ["unsynchronised", "synchronised"]);
    });
  }

  test("at the first updates of a reference clock", async (t) => {
    const clock = await startReferenceClock(t, { poll: 1, filter: 4 });
    const { polled } = await startFollower(t, [clock.configuration]);
    await polled.until("a gap between two updates", ({ report, state }) => {
      return state === "synchronised" && (report?.updateIntervalSeconds ?? 0) > 1;
    });
    assert.deepEqual(statesOf(polled), ["unsynchronised", "synchronised"]);
  });

  test("after a moment offline, in which its reachability is 0", async (t) => {
    const server = await startTimeServer(t);
    const options = "iburst minpoll 1 maxpoll 1";
    const { chronyd, polled } = await startFollower(t, [serverLine(server, options)]);
    await polled.until("the first update", isIn("synchronised"));
    await untilSamples(polled, 4);
    await chronyd.query("offline");
    await polled.until("it to be offline", ({ source }) => source?.report.reachability === 0);
    await chronyd.query("online");
    await polled.until("it to be reached", ({ source }) => source?.report.reachability !== 0);
    await untilSamples(polled, 2);
    assert.deepEqual(statesOf(polled), ["unsynchronised", "synchronised"]);
  });
});

describe("a dead source is stale with the first poll that shows it", () => {
  for (const way of ["the Unix socket", "UDP"]) {
    test(`over ${way}`, async (t) => {
      const server = await startTimeServer(t);
      const { polled } = await startFollower(
        t,
        [serverLine(server, "iburst minpoll -2 maxpoll -2")],
        way === "UDP" ? await freeUdpPort() : undefined,
      );
      await polled.until("the first update", isIn("synchronised"));
      await server.stop();
      await polled.until("it to be found", isIn("stale"));
      assertStaleAtOnce(polled);
    });
  }

  test("also right after a long outage and an update", async (t) => {
    const server = await startTimeServer(t);
    const { polled } = await startFollower(t, [serverLine(server, "iburst minpoll -2 maxpoll -2")]);
    await polled.until("the first update", isIn("synchronised"));
    await server.stop();
    await polled.until("an outage", ({ source }) => {
      return (source?.report.latestMeasurement?.ageSeconds ?? 0) >= 6;
    });
    await server.restart();
    await polled.until("the update after it", isIn("synchronised"));
    await server.stop();
    const { report } = await polled.until("it to be found again", isIn("stale"));
    assertStaleAtOnce(polled);
    assert.ok(report !== undefined);
  });

  test("also if its updates came from a reference clock", async (t) => {
    const clock = await startReferenceClock(t, { poll: -2, filter: 1 });
    const { polled } = await startFollower(t, [clock.configuration]);
    await polled.until("the first update", isIn("synchronised"));
    clock.stop();
    await polled.until("it to be found", isIn("stale"));
    assertStaleAtOnce(polled);
  });
});

/** The median of the polls' requests, because one that chronyd answers late is sent twice. */
function usualQuestions({ polls }: PolledChronyd, since: number): number | undefined {
  const questions = polls.slice(since).map((poll) => poll.questions);
  return questions.toSorted((one, other) => one - other)[Math.floor(questions.length / 2)];
}

test("with 300 sources, a poll takes one request in addition to TRACKING, and two when the followed one is dead", async (t) => {
  const server = await startTimeServer(t);
  const others = Array.from(
    { length: 299 },
    (_, index) => `server 127.1.${Math.floor(index / 250)}.${(index % 250) + 1} offline`,
  );
  const { polled } = await startFollower(t, [
    ...others.slice(0, 200),
    serverLine(server, "iburst minpoll -2 maxpoll -2"),
    ...others.slice(200),
  ]);
  await polled.until("the first update", isIn("synchronised"));
  const healthy = polled.polls.length;
  await untilSamples(polled, 10);
  assert.equal(usualQuestions(polled, healthy), 1);
  await server.stop();
  await polled.until("it to be found", isIn("stale"));
  assertStaleAtOnce(polled);
  const dead = polled.polls.length;
  await polled.until("some polls more", () => polled.polls.length > dead + 20);
  assert.equal(usualQuestions(polled, dead), 2);
});

test("of two reference clocks with the same id, the followed one counts, not the dead one", async (t) => {
  const [dead, alive] = await Promise.all([
    // Eight polls are 8 s, because this process sends the samples, and may not run for a while.
    startReferenceClock(t, { poll: 0 }),
    startReferenceClock(t, { poll: 0 }),
  ]);
  dead.stop();
  const { polled } = await startFollower(t, [dead.configuration, alive.configuration]);
  await polled.until("the first update", isIn("synchronised"));
  await untilSamples(polled, 0);
  const first = polled.polls.length;
  await polled.until("polls", () => polled.polls.length > first + 60);
  assert.deepEqual(statesOf(polled), ["unsynchronised", "synchronised"]);
  alive.stop();
  await polled.until("it to be found", isIn("stale"));
  assertStaleAtOnce(polled);
});
