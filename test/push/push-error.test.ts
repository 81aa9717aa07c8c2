// The sentences that people read when a push fails.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { describePushError, type PushError } from "../../src/push/push-error.ts";

type Kind = PushError["kind"];
const URL = "https://collector.example:4318/v1/metrics";

/** One error of each kind and its sentence: a new kind without a case does not compile. */
const SENTENCES: { readonly [K in Kind]: readonly [PushError & { readonly kind: K }, string] } = {
  "file unreadable": [
    {
      kind: "file unreadable",
      purpose: "collector's token",
      path: "/var/run/token",
      detail: "ENOENT",
    },
    "The collector's token in /var/run/token cannot be read: ENOENT.",
  ],
  "token malformed": [
    { kind: "token malformed", path: "/var/run/token" },
    "The token in /var/run/token is empty or not one line of printable characters.",
  ],
  "not reached": [
    { kind: "not reached", url: URL, detail: "connect ECONNREFUSED" },
    `The collector at ${URL} was not reached: connect ECONNREFUSED. Check OTEL_EXPORTER_OTLP_ENDPOINT and that the collector runs.`,
  ],
  "timed out": [
    { kind: "timed out", url: URL, afterMs: 20_000 },
    `The collector at ${URL} did not answer within 20000 ms.`,
  ],
  answered: [
    { kind: "answered", url: URL, status: 418, detail: "a teapot" },
    `The collector at ${URL} answered 418 (a teapot): see the collector's log.`,
  ],
};

describe("the sentence of", () => {
  for (const [error, sentence] of Object.values(SENTENCES)) {
    test(`"${error.kind}"`, () => assert.equal(describePushError(error), sentence));
  }
});

test("a certificate of an unknown authority is told with the setting that names the authority", () => {
  for (const detail of [
    "self-signed certificate",
    "self-signed certificate in certificate chain",
    "unable to get local issuer certificate",
    "unable to verify the first certificate",
  ]) {
    const error: PushError = { kind: "not reached", url: URL, detail };
    assert.match(describePushError(error), /OTEL_EXPORTER_OTLP_CERTIFICATE\.$/);
  }
});

describe("an answer is told with what to do:", () => {
  const advice: readonly (readonly [status: number, advice: RegExp])[] = [
    [400, /answered 400: see the collector's log\.$/],
    [401, /COLLECTOR_TOKEN_FILE/],
    [403, /COLLECTOR_TOKEN_FILE/],
    [404, /check OTEL_EXPORTER_OTLP_ENDPOINT/],
    [429, /goes on trying/],
    [500, /refuses the data.*see the collector's log/],
    [502, /goes on trying/],
    [503, /goes on trying/],
    [504, /goes on trying/],
  ];
  for (const [status, sentence] of advice) {
    test(`${status}`, () => {
      const error: PushError = { kind: "answered", url: URL, status, detail: "" };
      assert.match(describePushError(error), sentence);
    });
  }
});
