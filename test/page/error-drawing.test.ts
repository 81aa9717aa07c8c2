// The drawing: its line, its gaps, and its axes.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import { errorDrawing } from "../../src/page/error-drawing.ts";
import type { ErrorHistory } from "../../src/page/error-history.ts";

const NOW = 1_000;

function slots(from: number, values: readonly (number | undefined)[]): ErrorHistory {
  return values.map((errorMs, index) => ({ second: from + index, errorMs }));
}

function drawn(history: ErrorHistory, longestPauseSeconds = 4) {
  const { text } = errorDrawing(history, NOW, longestPauseSeconds);
  return {
    text,
    lines: [...text.matchAll(/class="line" d="(?<path>[^"]+)"/g)].map(
      ({ groups }) => groups?.["path"] ?? "",
    ),
    bands: [...text.matchAll(/<rect class="withheld" x="(?<x>[\d.]+)"/g)].map(({ groups }) =>
      Number(groups?.["x"]),
    ),
    scale: [...text.matchAll(/<text class="left"[^>]*>(?<label>[^<]+)</g)].map(
      ({ groups }) => groups?.["label"],
    ),
    description: /<desc[^>]*>(?<text>[^<]*)/.exec(text)?.groups?.["text"],
  };
}

describe("the drawing of the error", () => {
  test("has a title, a description in words, and times", () => {
    const { text, description } = drawn(slots(990, [0.02, 0.05]));
    assert.match(
      text,
      /<title id="drawing-title">The larger of error and bound over the last ten minutes</,
    );
    assert.match(text, /role="img" aria-labelledby="drawing-title drawing-desc"/);
    assert.equal(description, "Between 0.020 ms and 0.050 ms, on a logarithmic scale.");
    for (const label of ["10 min ago", "5 min ago", "now"]) {
      assert.ok(text.includes(`>${label}</text>`), label);
    }
  });

  const scales: [readonly number[], string[]][] = [
    [[0.03], ["0.01 ms", "0.1 ms", "1 ms"]],
    [
      [0.03, 1500],
      ["0.01 ms", "1 ms", "100 ms", "10 s"],
    ],
    [
      [0.02, 0.2],
      ["0.01 ms", "0.1 ms", "1 ms"],
    ],
    [[], ["0.01 ms", "0.1 ms", "1 ms"]],
  ];
  for (const [values, labels] of scales) {
    test(`has a scale of powers of ten with units for ${JSON.stringify(values)} ms`, () => {
      assert.deepEqual(drawn(slots(990, values)).scale, labels);
    });
  }

  test("has a band and no line where the error was not known", () => {
    const { lines, bands, description } = drawn(
      slots(990, [0.02, 0.03, undefined, undefined, 0.02, 0.03]),
    );
    assert.equal(lines.length, 2);
    assert.equal(bands.length, 1);
    assert.match(description ?? "", /Withheld in 2 of 6 seconds\.$/);
  });

  test("has nothing where chronyd was not polled, and joins neighbouring polls", () => {
    const apart = [...slots(900, [0.02]), ...slots(960, [0.02])];
    assert.equal(drawn(apart, 4).lines.length, 2);
    assert.equal(drawn(apart, 61).lines.length, 1);
    assert.match(drawn(apart, 4).lines[0] ?? "", /h0$/, "a point alone is a dot");
  });

  test("has now at the right end, and larger values higher", () => {
    const { lines } = drawn(
      [
        { second: NOW - 300, errorMs: 0.1 },
        { second: NOW, errorMs: 1 },
      ],
      600,
    );
    assert.equal(lines[0], "M357.0 176.0L632.0 94.0");
  });

  test("stays within its frame with any history", () => {
    const anySlot = fc.record({
      second: fc.integer({ min: NOW - 700, max: NOW }),
      errorMs: fc.option(fc.double({ min: 0, max: 2 ** 72, noNaN: true }), { nil: undefined }),
    });
    fc.assert(
      fc.property(fc.uniqueArray(anySlot, { selector: ({ second }) => second }), (found) => {
        const history = found.toSorted((a, b) => a.second - b.second);
        const { text } = drawn(history);
        assert.doesNotMatch(text, /NaN|Infinity|undefined/);
        for (const { groups } of text.matchAll(/[ML](?<x>-?[\d.]+) (?<y>-?[\d.]+)/g)) {
          const [x, y] = [Number(groups?.["x"]), Number(groups?.["y"])];
          assert.ok(x >= 82 && x <= 632 && y >= 12 && y <= 176, `${x} ${y}`);
        }
      }),
    );
  });
});
