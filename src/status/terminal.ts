/** Where the report is printed: a person's terminal, or a pipe. */

/** The part of a stream that matters here. */
export type Output = {
  readonly isTTY?: boolean;
  /** The terminal's height, in lines. */
  readonly rows?: number;
};

/** Whether to print colours: on a terminal that has them, unless NO_COLOR (no-color.org) is set. */
export function hasColours(
  output: Output,
  environment: Readonly<Record<string, string | undefined>>,
): boolean {
  return (
    output.isTTY === true &&
    (environment["NO_COLOR"] ?? "") === "" &&
    environment["TERM"] !== "dumb"
  );
}

/** What prints the lines of one of many reports: over the one before on a terminal, else below it. */
export function frame(lines: readonly string[], number: number, output: Output): string {
  if (output.isTTY !== true) {
    return `${number === 1 ? "" : "\n"}${lines.join("\n")}\n`;
  }
  // The last line stays free for the cursor: beyond it the terminal would scroll.
  const shown = lines.slice(0, (output.rows ?? Number.POSITIVE_INFINITY) - 1);
  return `${number === 1 ? CLEAR_SCREEN : ""}${HOME}${shown.map((line) => `${line}${CLEAR_LINE}\n`).join("")}${CLEAR_BELOW}`;
}

const HOME = "\x1b[H";
const CLEAR_SCREEN = "\x1b[2J";
const CLEAR_LINE = "\x1b[K";
const CLEAR_BELOW = "\x1b[J";
