// What a log, an error or the page may show of secrets.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { redact, secretsIn, shownAddress } from "../src/redact.ts";

const URL_WITHOUT_SECRET = "http://collector:4318/v1/metrics";

describe("an address is shown", () => {
  const cases = [
    [URL_WITHOUT_SECRET, URL_WITHOUT_SECRET],
    ["https://h/v1?sig=abc", "https://h/v1?…"],
    ["https://h/v1#abc", "https://h/v1?…"],
    ["https://h?sig=a/b@c", "https://h?…"],
    ["https://name:password@h:443/v1?sig=abc", "https://…@h:443/v1?…"],
    ["https://p@ss@h/v1", "https://…@h/v1"],
    ["htps:/name:password@h", "htps:/…@h"],
    ["name:password@h?sig=abc", "…@h?…"],
    ["http://name:p?ss@h/v1", "http://…@h/v1"],
    ["https://h/team@home/v1", "https://h/team@home/v1"],
    ["https://[fd00::1]:4318/v1?x", "https://[fd00::1]:4318/v1?…"],
    ["https://h/v1?sig=a b\nc", "https://h/v1?…"],
    ["", ""],
  ] as const;
  for (const [address, shown] of cases) {
    test(`${JSON.stringify(address)} as ${shown}`, () => {
      assert.equal(shownAddress(address), shown);
    });
  }
});

describe("secrets in what is sent", () => {
  test("are credentials by the name of their header, with and without the scheme", () => {
    assert.deepEqual(secretsIn({ url: URL_WITHOUT_SECRET, headers: { "x-api-key": "abc-def" } }), [
      "abc-def",
    ]);
    assert.deepEqual(
      secretsIn({ url: URL_WITHOUT_SECRET, headers: { Authorization: "Bearer abc-def" } }),
      ["Bearer abc-def", "abc-def"],
    );
  });

  test("are both forms of a password that is sent as Basic", () => {
    const pair = Buffer.from("agent:pass phrase").toString("base64");
    assert.deepEqual(
      secretsIn({ url: URL_WITHOUT_SECRET, headers: { authorization: `Basic ${pair}` } }),
      [`Basic ${pair}`, pair, "agent:pass phrase", "pass phrase"],
    );
  });

  test("are values that look like a key, with any name", () => {
    const headers = { "x-dataset": "c3ab8ff13720e8ad9047dd39466b3c89" };
    assert.deepEqual(secretsIn({ url: URL_WITHOUT_SECRET, headers }), [headers["x-dataset"]]);
  });

  for (const name of [
    "authority",
    "x-token",
    "apikey",
    "client-secret",
    "password",
    "passwd",
    "pwd",
    "credentials",
    "cookie",
    "session-id",
    "x-signature",
    "sig",
    "code",
    "sas",
    "sentry-dsn",
    "x-honeycomb-team",
  ]) {
    test(`are the value of ${name}`, () => {
      const headers = { [name.toUpperCase()]: "abcdef" };
      assert.deepEqual(secretsIn({ url: URL_WITHOUT_SECRET, headers }), ["abcdef"]);
    });
  }

  test("are the longest first, each once, so that none leaves a part of another", () => {
    const headers = { "x-key": "abcdef", "y-key": "abcdefgh", "z-key": "abcdef" };
    assert.deepEqual(secretsIn({ url: URL_WITHOUT_SECRET, headers }), ["abcdefgh", "abcdef"]);
  });

  test("look like a key from 16 characters on, with a letter and a digit", () => {
    for (const [value, found] of [
      ["abcdefghijklmno1", ["abcdefghijklmno1"]],
      ["ABCDEFGHIJKLMNO1", ["ABCDEFGHIJKLMNO1"]],
      ["abcdefghijklmn1", []],
      ["abcdefghijklmnop", []],
      ["1234567890123456", []],
    ] as const) {
      assert.deepEqual(secretsIn({ url: URL_WITHOUT_SECRET, headers: { x: value } }), found);
    }
  });

  test("are parameters of the query, as sent and as decoded", () => {
    const url = "https://h/v1?api-version=2&sig=ab%2Fcd%2Bef&code=short1";
    assert.deepEqual(secretsIn({ url, headers: {} }), ["ab%2Fcd%2Bef", "ab/cd+ef", "short1"]);
    assert.deepEqual(secretsIn({ url: "https://h/v1?key=ab+cd+ef", headers: {} }), [
      "ab+cd+ef",
      "ab cd ef",
    ]);
  });

  test("are tokens", () => {
    assert.deepEqual(secretsIn({ url: URL_WITHOUT_SECRET, headers: {}, token: "ey.J0.k" }), [
      "ey.J0.k",
    ]);
  });

  test("are not values that are in many sentences", () => {
    const headers = {
      "x-scope-orgid": "1",
      "x-tenant": "production",
      "x-api-key": "true",
      "content-type": "application/json",
    };
    assert.deepEqual(secretsIn({ url: "https://h/v1?api-version=2023-04-24&code=", headers }), []);
  });
});

describe("a text from elsewhere", () => {
  const secrets = secretsIn({
    url: "https://h/v1?sig=secret-signature",
    headers: { authorization: "Bearer secret", "x-scope-orgid": "1" },
    token: "secret-token",
  });
  const cases = [
    [
      "answered 401 to Bearer secret, 1 of 11 points",
      "answered 401 to …, 1 of 11 points",
      "a header's value",
    ],
    ["cannot POST /v1?sig=secret-signature", "cannot POST /v1?sig=…", "a parameter"],
    ["token secret-token is expired", "token … is expired", "a token, not only a part of it"],
    [
      "see https://h/login?next=abc, or (http://u:p@h/x?y).",
      "see https://h/login?…, or (http://…@h/x?…).",
      "addresses",
    ],
    [
      '{"url":"https://h/v1?sig=other","detail":"no"}',
      '{"url":"https://h/v1?…"}',
      "an address in JSON, up to the next blank",
    ],
    ["connect ECONNREFUSED 10.0.0.1:4318", "connect ECONNREFUSED 10.0.0.1:4318", "nothing"],
  ] as const;
  for (const [text, shown, what] of cases) {
    test(`is shown without ${what}`, () => {
      assert.equal(redact(text, secrets), shown);
    });
  }
});
