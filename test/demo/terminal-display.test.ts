// What is written to a terminal. The terminal is a stream that says it is one.

import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { describe, test } from "node:test";
import { terminalDisplay } from "../../demo/terminal-display.ts";
import { viewOf } from "./views.ts";

class FakeTerminal extends PassThrough {
  readonly isTTY = true;
  readonly columns: number;
  readonly rows: number;
  readonly #depth: number;

  constructor(columns: number, rows: number, depth: number) {
    super({ encoding: "utf8" });
    this.columns = columns;
    this.rows = rows;
    this.#depth = depth;
  }

  getColorDepth(): number {
    return this.#depth;
  }

  /** All that was written since it was last asked. */
  written(): string {
    return String(this.read() ?? "");
  }
}

const ESCAPE = "\u001b";
const MONOCHROME = 1;
const COLOURED = 8;

/** What is written to a terminal of some colour depth, from beginning to end. */
function drawn(depth: number): string {
  const terminal = new FakeTerminal(80, 24, depth);
  const display = terminalDisplay(terminal);
  display.show(viewOf({}));
  display.close();
  return terminal.written();
}

describe("the view on a terminal", () => {
  test("is drawn on a screen of its own, and the terminal is as before when it is closed", () => {
    const terminal = new FakeTerminal(80, 24, MONOCHROME);
    const display = terminalDisplay(terminal);
    assert.equal(terminal.written(), `${ESCAPE}[?1049h${ESCAPE}[?25l`);
    display.close();
    assert.equal(terminal.written(), `${ESCAPE}[?25h${ESCAPE}[?1049l`);
    terminal.emit("resize");
    assert.equal(terminal.written(), "");
  });

  test("stays within a small terminal", () => {
    const terminal = new FakeTerminal(20, 4, MONOCHROME);
    const display = terminalDisplay(terminal);
    terminal.written();
    display.show(viewOf({}));
    const written = terminal.written();
    display.close();
    assert.equal(
      written.replaceAll(ESCAPE, "^"),
      [
        "^[H^[2KChrony Tracker: how ",
        "^[2K",
        "^[2K  State            s",
        "^[2K  Clock error       ",
      ].join("\r\n"),
    );
  });

  test("has colours only where the terminal has them", () => {
    assert.ok(drawn(COLOURED).includes(`${ESCAPE}[32m`));
    assert.ok(!drawn(MONOCHROME).includes(`${ESCAPE}[32m`));
  });
});
