// The answer of /synchronised to each query. test/agent/synchronised.test.ts has that of a real agent.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { synchronisedAnswer } from "../../src/serve/synchronised.ts";
import { factsOf } from "../summary/facts.ts";

const HINT = "Ask for /synchronised?within=50, for example.\n";

describe("/synchronised", () => {
  const good = [
    "within=50",
    "within=%35%30",
    "within=50&other=1",
    "a=b&within=0.0521",
    "within=+50",
  ];
  for (const query of good) {
    test(`?${query} is 200 for a healthy clock`, () => {
      const { status, contentType, body } = synchronisedAnswer(query, factsOf());
      assert.equal(status, 200, body);
      assert.equal(contentType, "text/plain; charset=utf-8");
      assert.match(body, /^Synchronised, and the peak of 0\.052 ms is within [\d.]+ ms\.\n$/);
    });
  }

  test("?within=0.05 is 503 with a reason for a peak of 0.0521 ms", () => {
    const { status, body } = synchronisedAnswer("within=0.05", factsOf());
    assert.deepEqual([status, body], [503, "The peak of 0.052 ms is above 0.05 ms.\n"]);
  });

  test("is 503 before the first poll", () => {
    const { status, body } = synchronisedAnswer("within=50", undefined);
    assert.deepEqual(
      [status, body],
      [503, "chronyd has not been polled yet. Try again in a second.\n"],
    );
  });

  const bad: readonly [string, RegExp][] = [
    ["", /^within is missing\. /],
    ["whitin=50", /^within is missing\. /],
    ["Within=50", /^within is missing\. /],
    ["within=50&within=50", /^within is given 2 times: expected it once\. /],
    ["within", /^within is "": expected a number from 0\.001 to 86400000/],
    ["within=", /^within is "": /],
    ["within=0", /^within is "0": expected a number from 0\.001/],
    ["within=NaN", /^within is "NaN": /],
    ["within=-1", /^within is "-1": /],
    ["within=1e308", /^within is "1e308": /],
    ["within=99999999999", /^within is "99999999999": /],
    ["within=%", /^within is "%": /],
    ["within=%00%0d%0aX:y", /^within is "\\u0000\\r\\nX:y": /],
    [`within=${"9".repeat(8_000)}`, /^within is "9{40}": /],
  ];
  for (const [query, sentence] of bad) {
    test(`?${query.slice(0, 30)} is 400, whatever the clock`, () => {
      for (const clock of [factsOf(), factsOf({ state: "unreachable" }), undefined]) {
        const { status, body } = synchronisedAnswer(query, clock);
        assert.equal(status, 400);
        assert.match(body, sentence);
        assert.ok(body.endsWith(HINT) && body.length < 300, body);
        assert.equal(body.indexOf("\n"), body.length - 1, "one line");
      }
    });
  }
});
