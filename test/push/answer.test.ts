// The meaning of answers, and the sentences about failed pushes (src/push/answer.ts).

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  type Answer,
  describePushError,
  type Outcome,
  outcomeOf,
  type PushError,
  unanswered,
} from "../../src/push/answer.ts";

type Kind = PushError["kind"];
const URL = "https://collector.example:4318/v1/metrics";

function outcome(answer: Partial<Answer>): Outcome {
  const all = {
    status: 200,
    date: undefined,
    location: undefined,
    body: "",
    askedMs: 0,
    answeredMs: 1,
    ...answer,
  };
  return outcomeOf(all, URL, (text) => text.replaceAll("secret", "…"));
}

function sentence(answer: Partial<Answer>): string {
  const found = outcome(answer);
  assert.ok(found.kind !== "accepted");
  return describePushError(found.error);
}

describe("an answer means", () => {
  const statuses: readonly (readonly [Outcome["kind"], readonly number[]])[] = [
    ["rejected", [400, 422, 500]],
    ["too large", [413]],
    [
      "wait",
      [300, 301, 302, 303, 307, 308, 401, 402, 403, 404, 405, 399, 407, 408, 409, 415, 418, 429],
    ],
    ["wait", [501, 502, 503, 504, 505, 511, 599, 999, 100, 0]],
    ["accepted", [200, 201, 202, 204]],
  ];
  for (const [kind, those] of statuses) {
    for (const status of those) {
      test(`${kind} when it is ${status}`, () => {
        const found = outcome({ status });
        assert.equal(found.kind, kind);
        assert.ok(found.kind !== "wait" || found.isAnswer);
      });
    }
  }

  const bodies: readonly (readonly [kind: Outcome["kind"], body: string | undefined])[] = [
    ["accepted", ""],
    ["accepted", " \n"],
    ["accepted", "{}"],
    ["accepted", '{"partialSuccess":{}}'],
    ["accepted", '{"partialSuccess":null}'],
    ["accepted", '{"something":"new"}'],
    ["wait", undefined],
    ["wait", "<html><body>Welcome</body></html>"],
    ["wait", "ok"],
    ["wait", "null"],
    ["wait", "[]"],
    ["wait", '"{}"'],
    ["wait", "{"],
    ["wait", '{"partialSuccess":5}'],
    ["wait", '{"partialSuccess":[]}'],
  ];
  for (const [kind, body] of bodies) {
    test(`${kind} when it is 200 with ${body ?? "a body that is too long"}`, () => {
      assert.equal(outcome({ body }).kind, kind);
    });
  }

  for (const [rejected, count] of [
    [1, 1],
    [60, 60],
    ["60", 60],
    [0, 0],
    ["0", 0],
    [-3, 0],
    ["many", 0],
    [1.5, 0],
    [null, 0],
  ] as const) {
    test(`${count} rejected points when it says ${JSON.stringify(rejected)}`, () => {
      const partialSuccess = { rejectedDataPoints: rejected, errorMessage: "too old" };
      assert.deepEqual(outcome({ body: JSON.stringify({ partialSuccess }) }), {
        kind: "accepted",
        rejectedPoints: count,
        reason: "too old",
      });
    });
  }

  test("no reason when none is said, or what is said is no text", () => {
    for (const said of ["", ',"errorMessage":5']) {
      const body = `{"partialSuccess":{"rejectedDataPoints":2${said}}}`;
      assert.deepEqual(outcome({ body }), { kind: "accepted", rejectedPoints: 2, reason: "" });
    }
  });

  test("wait when there is none", () => {
    const error = { kind: "timed out", url: URL, afterMs: 10 } as const;
    assert.deepEqual(unanswered(error), { kind: "wait", isAnswer: false, error });
  });

  test("the same in the names of the proto file", () => {
    const partial_success = { rejected_data_points: "7", error_message: "no" };
    assert.deepEqual(outcome({ body: JSON.stringify({ partial_success }) }), {
      kind: "accepted",
      rejectedPoints: 7,
      reason: "no",
    });
  });
});

describe("the backend's reason", () => {
  const reasons: readonly (readonly [what: string, body: string, shown: string])[] = [
    ["in a status of JSON", '{"code":13,"message":"no\\r\\nway\\u0007"}', "no way"],
    ["in another's JSON", '{"error":"no org id"}', "no org id"],
    ["as text", "no org id\n", "no org id"],
    ["as a page, without its tags", "<html><h1>Not here</h1><p>at all</p>", "Not here at all"],
    ["that is not printable", "\u0000\u001b[31mred\u{1f600}", "[31mred"],
    ["with a secret", "token secret is old", "token … is old"],
  ];
  for (const [what, body, shown] of reasons) {
    test(`${what} is in the sentence`, () => {
      assert.ok(sentence({ status: 401, body }).includes(`answered 401 (${shown}): `), shown);
    });
  }

  for (const body of ["", undefined]) {
    test(`is left out when it is ${body === "" ? "nothing" : "too long"}`, () => {
      assert.ok(sentence({ status: 429, body }).includes("answered 429: "));
    });
  }

  test("is cut", () => {
    const text = sentence({ status: 400, body: "x".repeat(60_000) });
    assert.ok(text.includes("x".repeat(300)) && !text.includes("x".repeat(301)));
    assert.equal(
      outcome({ body: JSON.stringify({ partialSuccess: { errorMessage: "y".repeat(999) } }) }).kind,
      "accepted",
    );
  });

  test("is looked through in little time, however it is made", () => {
    assert.ok(sentence({ status: 400, body: "<".repeat(65_536) }).length < 700);
  });
});

/** One error of each kind and its sentence: a new kind without a case does not compile. */
const SENTENCES: { readonly [K in Kind]: readonly [PushError & { readonly kind: K }, string] } = {
  "file unreadable": [
    { kind: "file unreadable", purpose: "collector's token", path: "/run/token", detail: "ENOENT" },
    "The collector's token in /run/token cannot be read: ENOENT.",
  ],
  "token malformed": [
    { kind: "token malformed", path: "/run/token" },
    "The token in /run/token is empty or not one line of printable characters.",
  ],
  "not reached": [
    { kind: "not reached", url: URL, detail: "connect ECONNREFUSED", isUntrusted: false },
    `The collector at ${URL} was not reached: connect ECONNREFUSED. Check OTEL_EXPORTER_OTLP_ENDPOINT and that the collector runs.`,
  ],
  "timed out": [
    { kind: "timed out", url: URL, afterMs: 20_000 },
    `The collector at ${URL} did not answer within 20000 ms.`,
  ],
  redirected: [
    { kind: "redirected", url: URL, status: 308, detail: "https://other/" },
    `The collector at ${URL} answered 308, a redirect to https://other/. The agent does not follow redirects: set OTEL_EXPORTER_OTLP_ENDPOINT to the right address.`,
  ],
  "not OTLP": [
    { kind: "not OTLP", url: URL, status: 200, detail: "Welcome" },
    `The server at ${URL} answered 200 (Welcome), which is not an answer of an OTLP receiver: check OTEL_EXPORTER_OTLP_ENDPOINT and proxies in between.`,
  ],
  answered: [
    { kind: "answered", url: URL, status: 418, detail: "a teapot" },
    `The collector at ${URL} answered 418 (a teapot): see the collector's log.`,
  ],
};

describe("the sentence of", () => {
  for (const [error, text] of Object.values(SENTENCES)) {
    test(`"${error.kind}"`, () => assert.equal(describePushError(error), text));
  }

  test("an unknown authority names the setting", () => {
    const error = {
      kind: "not reached",
      url: URL,
      detail: "self-signed",
      isUntrusted: true,
    } as const;
    assert.match(describePushError(error), /OTEL_EXPORTER_OTLP_CERTIFICATE to a file with the CA/);
  });

  test("a redirect to nowhere, and one with a secret", () => {
    assert.match(sentence({ status: 302 }), /a redirect to nowhere\./);
    const location = "https://name:password@h/v1?sig=x";
    assert.match(sentence({ status: 302, location }), /a redirect to https:\/\/…@h\/v1\?…\. /);
  });
});

describe("an answer is reported with what to do:", () => {
  const advice: readonly (readonly [statuses: readonly number[], advice: RegExp])[] = [
    [[400, 422, 500], /rejects the data.*see the collector's log\.$/],
    [[401, 403], /the sender; check COLLECTOR_TOKEN_FILE and OTEL_EXPORTER_OTLP_HEADERS\.$/],
    [[404, 405], /check OTEL_EXPORTER_OTLP_ENDPOINT/],
    [[413], /the agent sends less at once/],
    [[408, 429, 502, 503, 504], /the agent retries/],
    [[300, 399], /a redirect to nowhere/],
    [[418], /: see the collector's log\.$/],
  ];
  for (const [statuses, text] of advice) {
    for (const status of statuses) {
      test(`${status}`, () => assert.match(sentence({ status }), text));
    }
  }

  test("401 of a backend that wants another header is not the token's fault", () => {
    assert.doesNotMatch(sentence({ status: 401, body: "no org id\n" }), /accept the .*token/);
  });
});
