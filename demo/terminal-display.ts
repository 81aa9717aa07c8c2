import type { WriteStream } from "node:tty";
import { rendered, type StyledLine } from "../src/status/styled-line.ts";
import { hasColours } from "../src/status/terminal.ts";
import { atExit } from "../test/parts/at-exit.ts";
import type { Display } from "./display.ts";
import { type View, viewLines } from "./view.ts";

const HIDE_CURSOR = "\u001b[?25l";
const SHOW_CURSOR = "\u001b[?25h";
const OTHER_SCREEN = "\u001b[?1049h";
const BACK_FROM_OTHER_SCREEN = "\u001b[?1049l";
const TO_TOP_LEFT = "\u001b[H";
const CLEAR_LINE = "\u001b[2K";
const CLEAR_BELOW = "\u001b[J";

/** The part of a terminal's stream that is needed. */
type Terminal = NodeJS.WritableStream & Pick<WriteStream, "columns" | "rows" | "isTTY">;

/**
 * A live view on the alternate screen of the terminal. The terminal is as before when it is closed. It has colours
 * if the terminal supports them and NO_COLOR is not set.
 */
export function terminalDisplay(terminal: Terminal, environment: NodeJS.ProcessEnv): Display {
  const colours = hasColours(terminal, environment);
  let lines: StyledLine[] = [];
  const draw = () => {
    const { rows, columns } = terminal;
    const shown = lines.slice(0, rows).map((line) => rendered(cropped(line, columns), colours));
    // Lines are cleared before they are written, because after a line as wide as the terminal the cursor
    // is still on its last character.
    const below = shown.length < rows ? `\r\n${CLEAR_BELOW}` : "";
    terminal.write(TO_TOP_LEFT + shown.map((line) => CLEAR_LINE + line).join("\r\n") + below);
  };
  const leave = () => terminal.write(SHOW_CURSOR + BACK_FROM_OTHER_SCREEN);

  terminal.write(OTHER_SCREEN + HIDE_CURSOR);
  const forgetLeaving = atExit(leave);
  terminal.on("resize", draw);
  return {
    show(view: View) {
      lines = viewLines(view);
      draw();
    },
    close() {
      terminal.off("resize", draw);
      forgetLeaving();
      leave();
    },
  };
}

/** The first `width` characters of a line. */
function cropped(line: StyledLine, width: number): StyledLine {
  let left = width;
  return line.flatMap(({ text, tone }) => {
    const kept = text.slice(0, left);
    left -= kept.length;
    return kept === "" ? [] : [{ text: kept, tone }];
  });
}
