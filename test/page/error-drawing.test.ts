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
    [[1e-9], ["0.000001 ms", "0.00001 ms", "0.0001 ms"]],
    [[1e20], ["1000000000 s", "10000000000 s", "100000000000 s"]],
  ];
  for (const [values, labels] of scales) {
    test(`has a scale of powers of ten with units for ${JSON.stringify(values)} ms`, () => {
      assert.deepEqual(drawn(slots(990, values)).scale, labels);
    });
  }

  test("has its lines, times and labels in these places", () => {
    const { text } = drawn([...slots(NOW - 300, [0.1, 0.2]), ...slots(NOW - 100, [undefined])]);
    assert.equal(
      text,
      `<svg viewBox="0 0 640 210" role="img" aria-labelledby="drawing-title drawing-desc">
<title id="drawing-title">The larger of error and bound over the last ten minutes</title>
<desc id="drawing-desc">Between 0.100 ms and 0.200 ms, on a logarithmic scale. Withheld in 1 of 3 seconds.</desc>
<path class="grid" d="M82 176.0H632"/><text class="left" x="74" y="176.0">0.1 ms</text>
<path class="grid" d="M82 94.0H632"/><text class="left" x="74" y="94.0">1 ms</text>
<path class="grid" d="M82 12.0H632"/><text class="left" x="74" y="12.0">10 ms</text>

<path class="grid" d="M82.0 12V176"/><text class="start" x="82.0" y="200">10 min ago</text>
<path class="grid" d="M357.0 12V176"/><text class="middle" x="357.0" y="200">5 min ago</text>
<path class="grid" d="M632.0 12V176"/><text class="end" x="632.0" y="200">now</text>

<path class="area" d="M357.0 176.0L357.9 151.3L357.9 176L357.0 176Z"/><path class="line" d="M357.0 176.0L357.9 151.3"/>
<rect class="withheld" x="539.9" y="12" width="0.9" height="164"/>

</svg>`,
    );
  });

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
