// Whether the followed source follows its own clock (src/chrony/upstream.ts), and how often chronyd is asked for it. A
// fake client answers. test/agent/upstream.test.ts has real chronyds.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { ChronyError } from "../../src/chrony/chrony-error.ts";
import { type NtpData, ntpData } from "../../src/chrony/ntp-data.ts";
import type { SourceData } from "../../src/chrony/source-data.ts";
import { LOCAL_REFERENCE_ID } from "../../src/chrony/tracking.ts";
import { Upstream } from "../../src/chrony/upstream.ts";
import { failure, type Result, success } from "../../src/result.ts";
import { sourceReport } from "../clock/reports.ts";
import { decoded } from "./decoded.ts";
import { NTP_DATA } from "./report-captures.ts";

const REFUSED: ChronyError = { kind: "refused", report: "NTP_DATA", status: 2 };
const CAPTURED = decoded(ntpData({ family: "ipv4", text: "192.0.2.1" }), NTP_DATA.server.reply);
const LOCL = 0x4c4f_434c;

/** A source's report whose newest sample has this offset. */
function sample(originalOffsetSeconds: number, address = "192.0.2.1"): SourceData {
  return sourceReport({
    source: { kind: "ntp", address: { family: "ipv4", text: address } },
    latestMeasurement: {
      ageSeconds: 1,
      originalOffsetSeconds,
      offsetSeconds: 0,
      errorSeconds: 0,
    },
  });
}

const CLOCK = sourceReport({ source: { kind: "reference clock", referenceId: 1 } });

/** Answers with a source's reference id, or fails, and counts the questions. */
class FakeClient {
  questions = 0;
  answer: Result<NtpData, ChronyError> = failure(REFUSED);

  constructor(referenceId = 0xc000_0201) {
    assert.ok(CAPTURED.response !== undefined);
    this.answer = success({ ...CAPTURED, response: { ...CAPTURED.response, referenceId } });
  }

  async ask<Content>(): Promise<Result<Content, ChronyError>> {
    this.questions += 1;
    return this.answer as Result<Content, ChronyError>;
  }
}

describe("the followed source follows its own clock", () => {
  const cases = [
    ["where its reference id is 127.127.1.1", LOCAL_REFERENCE_ID, true],
    ["where it is an ntpd whose reference id is LOCL", LOCL, true],
    ["and not where it names another", 0xc000_0201, false],
  ] as const;
  for (const [when, referenceId, expected] of cases) {
    test(when, async () => {
      const client = new FakeClient(referenceId);
      assert.deepEqual(await new Upstream().isLocal(client, sample(0)), success(expected));
    });
  }

  test("or not, which is not known before its first response", async () => {
    const client = new FakeClient();
    client.answer = success({ ...CAPTURED, response: undefined });
    assert.deepEqual(await new Upstream().isLocal(client, sample(0)), success(undefined));
  });

  test("or not, which is not known of a reference clock, and not asked", async () => {
    const client = new FakeClient();
    const upstream = new Upstream();
    for (const followed of [CLOCK, undefined]) {
      assert.deepEqual(await upstream.isLocal(client, followed), success(undefined));
    }
    assert.equal(client.questions, 0);
  });
});

describe("chronyd is asked", () => {
  test("once for each sample of each source", async () => {
    const client = new FakeClient();
    const upstream = new Upstream();
    const asked: number[] = [];
    const samples = [sample(1), sample(1), sample(2), sample(2, "192.0.2.2"), sample(2)];
    for (const followed of samples) {
      assert.deepEqual(await upstream.isLocal(client, followed), success(false));
      asked.push(client.questions);
    }
    assert.deepEqual(asked, [1, 1, 2, 3, 4]);
  });

  test("also for a source without a sample", async () => {
    const client = new FakeClient();
    const silent = sourceReport({ latestMeasurement: undefined });
    assert.deepEqual(await new Upstream().isLocal(client, silent), success(false));
  });

  test("again after a failure, whose answer of before does not count any more", async () => {
    const client = new FakeClient();
    const upstream = new Upstream();
    await upstream.isLocal(client, sample(1));
    const answered = client.answer;
    client.answer = failure(REFUSED);
    assert.deepEqual(await upstream.isLocal(client, sample(2)), failure(REFUSED));
    client.answer = answered;
    assert.deepEqual(await upstream.isLocal(client, sample(1)), success(false));
    assert.equal(client.questions, 3);
  });

  test("again when a reference clock was followed in between: what the source said may be old", async () => {
    const client = new FakeClient();
    const upstream = new Upstream();
    for (const followed of [sample(1), CLOCK, sample(1)]) {
      await upstream.isLocal(client, followed);
    }
    assert.equal(client.questions, 2);
  });
});
