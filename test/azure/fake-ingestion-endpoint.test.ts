// The requirements of the fake data collection endpoint on a write, one fault at a time.

import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";
import { AccessTokens } from "./access-tokens.ts";
import {
  type DataCollection,
  IngestionEndpoint,
  LONGEST_BODY_BYTES,
  REQUESTS_PER_MINUTE,
  writeUrlOf,
} from "./fake-ingestion-endpoint.ts";
import type { Answer, Request } from "./http.ts";
import { bitsOf, encodeWriteRequest, packBody, type TimeSeries } from "./remote-write.ts";

const NOW_MS = Date.UTC(2026, 10, 22);
const AUDIENCE = "https://monitor.azure.com";
const CLIENT_ID = "0d9f6c1e-8a47-4c39-b1d0-2e5f7a9b3c02";

describe("a write", () => {
  let collection: DataCollection;
  let tokens: AccessTokens;
  let endpoint: IngestionEndpoint;
  let stored: TimeSeries[];
  let authorization: string;

  beforeEach(() => {
    collection = {
      host: "name.westeurope-1.metrics.ingest.monitor.azure.com",
      ruleId: "dcr-0123456789abcdef0123456789abcdef",
      audience: AUDIENCE,
      publishers: [CLIENT_ID],
      requestsPerMinute: REQUESTS_PER_MINUTE,
    };
    tokens = new AccessTokens();
    stored = [];
    endpoint = new IngestionEndpoint(collection, tokens, async (series) => {
      stored.push(...series);
    });
    authorization = bearer({});
  });

  function bearer(token: { audience?: string; clientId?: string; expiresMs?: number }): string {
    return `Bearer ${tokens.issue({ audience: AUDIENCE, clientId: CLIENT_ID, expiresMs: NOW_MS + 120_000, ...token })}`;
  }

  function write(change: Partial<Request> = {}, atMs = NOW_MS): Promise<Answer> {
    const request: Request = {
      method: "POST",
      url: new URL(writeUrlOf(collection)),
      body: bodyWith(NOW_MS, 1),
      ...change,
      headers: {
        authorization,
        "content-encoding": "snappy",
        "content-type": "application/x-protobuf",
        "x-prometheus-remote-write-version": "0.1.0",
        ...change.headers,
      },
    };
    return endpoint.answer(request, atMs);
  }

  async function assertRefused(answer: Promise<Answer>, status: number): Promise<Answer> {
    const given = await answer;
    assert.equal(given.status, status, JSON.stringify(given.body));
    assert.deepEqual(stored, []);
    return given;
  }

  test("that is complete is stored", async () => {
    assert.deepEqual(await write(), { status: 200 });
    assert.deepEqual(stored, [seriesWith(NOW_MS, 1)]);
  });

  for (const [why, from, to] of [
    ["the bare endpoint", /\/dataCollectionRules.*/, "/"],
    ["another rule", /dcr-\w+/, "dcr-0"],
    ["another stream", "Microsoft-PrometheusMetrics", "Custom-Metrics"],
    ["another way in", "/api/v1/write", "/api/v1/read"],
  ] as const) {
    test(`to ${why} is 404`, async () => {
      await assertRefused(write({ url: new URL(writeUrlOf(collection).replace(from, to)) }), 404);
    });
  }

  test("without the api-version, or with another one, is 400", async () => {
    const url = writeUrlOf(collection);
    await assertRefused(write({ url: new URL(url.replace(/\?.*/, "")) }), 400);
    await assertRefused(write({ url: new URL(url.replace("2023-04-24", "2021-11-01")) }), 400);
  });

  test("with another method is 405", async () => {
    await assertRefused(write({ method: "PUT" }), 405);
  });

  test("without a token, or with an unknown one, is 401", async () => {
    await assertRefused(write({ headers: { authorization: "" } }), 401);
    await assertRefused(write({ headers: { authorization: "Bearer made-up" } }), 401);
  });

  test("with a token that is expired, revoked, or for another resource, is 401", async () => {
    await assertRefused(write({ headers: { authorization: bearer({ expiresMs: NOW_MS }) } }), 401);
    const other = bearer({ audience: "https://management.azure.com" });
    await assertRefused(write({ headers: { authorization: other } }), 401);
    tokens.revokeAll();
    await assertRefused(write(), 401);
  });

  test("of an identity without the role is 403", async () => {
    await assertRefused(write({ headers: { authorization: bearer({ clientId: "other" }) } }), 403);
    collection.publishers = [];
    await assertRefused(write(), 403);
  });

  for (const [header, value] of [
    ["content-encoding", "gzip"],
    ["content-type", "application/json"],
    ["x-prometheus-remote-write-version", "2.0.0"],
  ] as const) {
    test(`with ${header} ${value} is 415`, async () => {
      await assertRefused(write({ headers: { [header]: value } }), 415);
    });
  }

  test("above 1,048,576 bytes is 413, compressed or not", async () => {
    await assertRefused(write({ body: Buffer.alloc(LONGEST_BODY_BYTES + 1) }), 413);
    const packed = Buffer.from(packBody(Buffer.alloc(LONGEST_BODY_BYTES + 1)));
    assert.ok(packed.length < LONGEST_BODY_BYTES);
    await assertRefused(write({ body: packed }), 413);
  });

  test("that is not Snappy or not remote write is 400", async () => {
    await assertRefused(write({ body: Buffer.from("hello") }), 400);
    await assertRefused(write({ body: Buffer.from(packBody(Buffer.from("hello"))) }), 400);
  });

  test("beyond the limit of requests in a minute is 429, and accepted in the next minute", async () => {
    collection.requestsPerMinute = 2;
    assert.equal((await write({ body: bodyWith(NOW_MS, 1) })).status, 200);
    assert.equal((await write({ body: bodyWith(NOW_MS + 1, 1) })).status, 200);
    const { status, headers } = await write({ body: bodyWith(NOW_MS + 2, 1) }, NOW_MS + 1);
    assert.deepEqual([status, headers], [429, { "retry-after": "60" }]);
    assert.equal((await write({ body: bodyWith(NOW_MS + 3, 1) }, NOW_MS + 60_000)).status, 200);
    assert.deepEqual(
      stored.map(({ samples }) => samples[0]?.timeMs),
      [NOW_MS, NOW_MS + 1, NOW_MS + 3],
    );
  });

  test("whose samples are too old is answered as if they were accepted", async () => {
    const oldMs = NOW_MS - 21 * 60_000;
    await assertRefused(write({ body: bodyWith(oldMs, 1) }), 200);
    assert.deepEqual(endpoint.dropped, [
      { labels: { __name__: "chrony_up" }, timeMs: oldMs, reason: "too old" },
    ]);
  });

  test("that repeats another is accepted, and stored once", async () => {
    await write();
    assert.equal((await write()).status, 200);
    assert.equal(stored.length, 1);
  });

  test("that contradicts another is 422, and the first one is kept", async () => {
    await write();
    assert.equal((await write({ body: bodyWith(NOW_MS, 2) })).status, 422);
    assert.deepEqual(stored, [seriesWith(NOW_MS, 1)]);
  });
});

function seriesWith(timeMs: number, value: number): TimeSeries {
  return { labels: { __name__: "chrony_up" }, samples: [{ timeMs, valueBits: bitsOf(value) }] };
}

function bodyWith(timeMs: number, value: number): Buffer {
  return Buffer.from(packBody(encodeWriteRequest([seriesWith(timeMs, value)])));
}
