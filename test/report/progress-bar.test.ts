// The progress bar on a terminal, and elsewhere.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { progressBar } from "../../src/report/progress-bar.ts";

/** A fake terminal that keeps its output. */
function terminalOf(columns: number, isTTY = true) {
  const written: string[] = [];
  return { isTTY, columns, written, write: (text: string) => written.push(text) };
}

describe("the progress bar", () => {
  test("draws a line in place, once for each change, and clears it", () => {
    const terminal = terminalOf(80);
    const bar = progressBar(terminal, {});
    bar.show("looking for nodes", 0);
    bar.show("looking for nodes", 0);
    bar.show("reading samples", 0.5);
    bar.show("done", 1);
    bar.end();
    assert.deepEqual(terminal.written, [
      `\r\u001b[2K  0 % [${"-".repeat(30)}] looking for nodes`,
      `\r\u001b[2K 50 % [${"#".repeat(15)}${"-".repeat(15)}] reading samples`,
      `\r\u001b[2K100 % [${"#".repeat(30)}] done`,
      "\r\u001b[2K",
    ]);
  });

  test("is never wider than the terminal", () => {
    const terminal = terminalOf(20);
    progressBar(terminal, {}).show("reading samples", 0.5);
    assert.equal(terminal.written[0], `\r\u001b[2K 50 % [${"#".repeat(12)}`);
  });

  test("is not written to a file, or to a dumb terminal", () => {
    for (const [terminal, environment] of [
      [terminalOf(80, false), {}],
      [terminalOf(80), { TERM: "dumb" }],
    ] as const) {
      const bar = progressBar(terminal, environment);
      bar.show("reading samples", 0.5);
      bar.end();
      assert.deepEqual(terminal.written, []);
    }
  });
});
