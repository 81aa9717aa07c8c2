// The search for the followed source, and its cost (src/chrony/followed-source.ts). A fake client answers from a list of
// sources. test/clock/followed-source.test.ts has a real chronyd.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { ChronyError } from "../../src/chrony/chrony-error.ts";
import { FollowedSource, followedAmong } from "../../src/chrony/followed-source.ts";
import { numberOfSources } from "../../src/chrony/number-of-sources.ts";
import type { Report } from "../../src/chrony/packet.ts";
import type { SourceData } from "../../src/chrony/source-data.ts";
import type { Tracking } from "../../src/chrony/tracking.ts";
import { failure, type Result, success } from "../../src/result.ts";
import { REFERENCE_CLOCK, sourceReport, trackingReport } from "../clock/reports.ts";

const LONG_MS = 60_000;
const NO_SUCH_SOURCE = 4;
const TRACKING = trackingReport();

/** A server by the last number of its address; 1 is what {@link TRACKING} names. */
function server(number: number, overrides: Partial<SourceData> = {}): SourceData {
  const address = { family: "ipv4", text: `192.0.2.${number}` } as const;
  return sourceReport({ source: { kind: "ntp", address }, state: "unselected", ...overrides });
}

/** The n-th second a reference clock was measured, and whether it was reached. */
function referenceClock(ageSeconds: number | undefined, reachability = 0o377): SourceData {
  const report = sourceReport({}, ageSeconds);
  return {
    ...report,
    source: { kind: "reference clock", referenceId: REFERENCE_CLOCK.referenceId },
    state: "unselected",
    mode: "reference clock",
    reachability,
    ...(ageSeconds === undefined && { latestMeasurement: undefined }),
  };
}

/** Answers from a list of sources, and writes down what it was asked: an index, or the number of sources. */
class FakeClient {
  sources: SourceData[];
  asked: (number | "count")[] = [];
  fails: ChronyError | undefined;

  constructor(...sources: SourceData[]) {
    this.sources = sources;
  }

  async ask<Content>(report: Report<Content>): Promise<Result<Content, ChronyError>> {
    if (this.fails !== undefined) {
      return failure(this.fails);
    }
    if (report.name === numberOfSources.name) {
      this.asked.push("count");
      return success(this.sources.length as Content);
    }
    const data = new DataView(new ArrayBuffer(76));
    report.writeRequestData?.(data);
    const index = data.getUint32(20);
    this.asked.push(index);
    const source = this.sources[index];
    return source === undefined
      ? failure({ kind: "refused", report: report.name, status: NO_SUCH_SOURCE })
      : success(source as Content);
  }

  /** Asks like a poll. @returns the result, and the requests */
  async poll(followed: FollowedSource, tracking: Tracking = TRACKING, longestMs = LONG_MS) {
    this.asked = [];
    const answer = await followed.read(this, tracking, longestMs);
    assert.ok(answer.ok);
    return { found: answer.value, index: followed.index, asked: this.asked };
  }
}

const SELECTED = { state: "selected" } as const;

describe("the selected source", () => {
  test("is searched once, and then costs one request per poll", async () => {
    const client = new FakeClient(server(1), server(2), server(3, SELECTED), server(4));
    const followed = new FollowedSource();
    const [, , third] = client.sources;
    const first = { found: third, index: 2, asked: ["count", 0, 1, 2] };
    assert.deepEqual(await client.poll(followed), first);
    assert.deepEqual(await client.poll(followed), { ...first, asked: [2] });
    assert.deepEqual(await client.poll(followed), { ...first, asked: [2] });
  });

  test("is found again when a source before it was removed", async () => {
    const client = new FakeClient(server(1), server(2, SELECTED));
    const followed = new FollowedSource();
    await client.poll(followed);
    client.sources.shift();
    const { found, index } = await client.poll(followed);
    assert.deepEqual([found, index], [client.sources[0], 0]);
  });

  test("is followed even where TRACKING names another", () => {
    const [named, selected] = [server(1), server(2, SELECTED)];
    assert.equal(followedAmong([named, selected], TRACKING), selected);
    assert.equal(followedAmong([selected, named], TRACKING), selected);
  });

  test("that is newly selected is found by one more request per poll", async () => {
    const client = new FakeClient(server(1), server(2), server(3));
    const followed = new FollowedSource();
    assert.equal((await client.poll(followed)).index, 0);
    client.sources[2] = server(3, SELECTED);
    const polls = [await client.poll(followed), await client.poll(followed)];
    assert.deepEqual(
      polls.map(({ asked }) => asked.length),
      [2, 2],
    );
    assert.deepEqual(polls.at(-1)?.index, 2);
    assert.deepEqual((await client.poll(followed)).asked, [2]);
  });
});

describe("without a selected source", () => {
  test("the one in TRACKING is followed, and one more is checked in each poll", async () => {
    const client = new FakeClient(server(2), server(1), server(3));
    const followed = new FollowedSource();
    const first = await client.poll(followed);
    assert.deepEqual([first.found, first.index], [client.sources[1], 1]);
    assert.deepEqual(first.asked, ["count", 0, 1, 2, 3], "to the end of the list");
    const asked: (number | "count")[][] = [];
    for (let poll = 0; poll < 5; poll += 1) {
      const { index, ...one } = await client.poll(followed);
      assert.equal(index, 1);
      asked.push(one.asked);
    }
    assert.deepEqual(asked, [
      [1, 0],
      [1, 2],
      [1, 3],
      [1, 0],
      [1, 2],
    ]);
  });

  test("all are searched when TRACKING names another", async () => {
    const client = new FakeClient(server(1), server(2));
    const followed = new FollowedSource();
    await client.poll(followed);
    const other = trackingReport({ address: { family: "ipv4", text: "192.0.2.2" } });
    const { found, asked } = await client.poll(followed, other);
    assert.equal(found, client.sources[1]);
    assert.ok(asked.includes("count"));
    const { asked: next } = await client.poll(followed, other);
    assert.ok(!next.includes("count"), "once");
  });

  test("all are searched when TRACKING names another reference id", async () => {
    const client = new FakeClient(server(1));
    const followed = new FollowedSource();
    await client.poll(followed);
    const { asked } = await client.poll(followed, trackingReport({ referenceId: 7 }));
    assert.ok(asked.includes("count"));
  });

  test("and without one in TRACKING, none is followed, and one is checked in each poll", async () => {
    const client = new FakeClient(server(2), server(3));
    const followed = new FollowedSource();
    assert.deepEqual(await client.poll(followed), {
      found: undefined,
      index: undefined,
      asked: ["count", 0, 1, 2],
    });
    assert.deepEqual((await client.poll(followed)).asked, [0]);
    assert.deepEqual((await client.poll(followed)).asked, [1]);
    assert.deepEqual((await client.poll(followed)).asked, [2]);
    assert.deepEqual((await client.poll(followed)).asked, [0]);
  });

  test("a removed one is searched in the whole list, once", async () => {
    const client = new FakeClient(server(2), server(1));
    const followed = new FollowedSource();
    await client.poll(followed);
    client.sources = [server(2), server(3)];
    const { found, index, asked } = await client.poll(followed);
    assert.deepEqual([found, index], [undefined, undefined]);
    assert.deepEqual(asked, [1, "count", 0, 1, 2]);
    assert.equal((await client.poll(followed)).asked.length, 1);
  });

  test("an unresolved name is never followed, nor a reference clock of another kind of report", () => {
    const unresolved = { ...server(1), source: { kind: "unresolved", identifier: 1 } } as const;
    assert.equal(followedAmong([unresolved], TRACKING), undefined);
    const clock = referenceClock(1);
    const ofClock = trackingReport(REFERENCE_CLOCK);
    assert.equal(followedAmong([clock], ofClock), clock);
    const { referenceId } = REFERENCE_CLOCK;
    assert.equal(followedAmong([clock], trackingReport({ referenceId })), undefined);
    assert.equal(followedAmong([clock], { ...ofClock, referenceId: 1 }), undefined);
    assert.equal(followedAmong([server(1)], ofClock), undefined);
  });
});

describe("of reference clocks with the same id the worst one counts:", () => {
  const tracking = trackingReport(REFERENCE_CLOCK);
  const worst: Readonly<Record<string, readonly [worse: SourceData, better: SourceData]>> = {
    "one that is not reached": [referenceClock(1, 0), referenceClock(9)],
    "the older sample": [referenceClock(9), referenceClock(1)],
    "one without a sample": [referenceClock(undefined), referenceClock(1)],
    "of those that are not reached the older sample": [referenceClock(9, 0), referenceClock(1, 0)],
  };
  for (const [what, [worse, better]] of Object.entries(worst)) {
    test(what, async () => {
      for (const sources of [
        [worse, better],
        [better, worse],
      ]) {
        assert.equal(followedAmong(sources, tracking), worse);
        const client = new FakeClient(...sources);
        assert.equal((await client.poll(new FollowedSource(), tracking)).found, worse);
      }
    });
  }
});

describe("a search", () => {
  test("goes on with the next poll when its time is over", async (t) => {
    // The clock is stopped, so that each poll is exactly at its end.
    t.mock.method(performance, "now", () => 1_000);
    const client = new FakeClient(server(2), server(3), server(4), server(5, SELECTED));
    const followed = new FollowedSource();
    const indexes: (number | undefined)[] = [];
    for (let poll = 0; poll < 4; poll += 1) {
      const { index, asked } = await client.poll(followed, TRACKING, 0);
      indexes.push(index);
      assert.ok(asked.filter((one) => one !== "count").length <= 1);
    }
    assert.deepEqual(indexes, [undefined, undefined, undefined, 3]);
  });

  test("goes on with the next poll to the end of the list, and no further", async () => {
    const client = new FakeClient(server(2), server(3), server(4));
    const followed = new FollowedSource();
    await client.poll(followed, TRACKING, 0);
    assert.deepEqual((await client.poll(followed)).asked, [1, 2, 3]);
    assert.deepEqual((await client.poll(followed)).asked, [0]);
  });

  test("ends with an error of chronyd, whatever was requested", async () => {
    const client = new FakeClient(server(1));
    const followed = new FollowedSource();
    client.fails = { kind: "refused", report: "N_SOURCES", status: 2 };
    assert.deepEqual(await followed.read(client, TRACKING, LONG_MS), failure(client.fails));
    client.fails = undefined;
    await client.poll(followed);
    client.fails = { kind: "refused", report: "SOURCE_DATA", status: 2 };
    assert.deepEqual(await followed.read(client, TRACKING, LONG_MS), failure(client.fails));
  });
});
