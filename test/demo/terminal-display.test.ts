// The output to a terminal, which is a fake stream.

import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { describe, test } from "node:test";
import { terminalDisplay } from "../../demo/terminal-display.ts";
import { viewOf } from "./views.ts";

class FakeTerminal extends PassThrough {
  readonly isTTY = true;
  readonly columns: number;
  readonly rows: number;

  constructor(columns: number, rows: number) {
    super({ encoding: "utf8" });
    this.columns = columns;
    this.rows = rows;
  }

  /** The output since the last call. */
  written(): string {
    return String(this.read() ?? "");
  }
}

const ESCAPE = "\u001b";
const MONOCHROME = { TERM: "xterm", NO_COLOR: "1" };
const COLOURED = { TERM: "xterm" };

/** The whole output to a terminal. */
function drawn(environment: NodeJS.ProcessEnv): string {
  const terminal = new FakeTerminal(80, 24);
  const display = terminalDisplay(terminal, environment);
  display.show(viewOf({}));
  display.close();
  return terminal.written();
}

describe("the view on a terminal", () => {
  test("is drawn on the alternate screen, and the terminal is as before when it is closed", () => {
    const terminal = new FakeTerminal(80, 24);
    const display = terminalDisplay(terminal, MONOCHROME);
    assert.equal(terminal.written(), `${ESCAPE}[?1049h${ESCAPE}[?25l`);
    display.close();
    assert.equal(terminal.written(), `${ESCAPE}[?25h${ESCAPE}[?1049l`);
    terminal.emit("resize");
    assert.equal(terminal.written(), "");
  });

  test("stays within a small terminal", () => {
    const terminal = new FakeTerminal(20, 4);
    const display = terminalDisplay(terminal, MONOCHROME);
    terminal.written();
    display.show(viewOf({}));
    const written = terminal.written();
    display.close();
    assert.equal(
      written.replaceAll(ESCAPE, "^"),
      [
        "^[H^[2KChrony Tracker: how",
        "^[2KOK: synchronised",
        "^[2KThe true time is wit",
        "^[2KError          0.031",
      ].join("\r\n"),
    );
  });

  test("has colours unless NO_COLOR is set", () => {
    assert.ok(drawn(COLOURED).includes(`${ESCAPE}[1;32m`));
    assert.ok(!drawn(MONOCHROME).includes(`${ESCAPE}[1;32m`));
  });
});
