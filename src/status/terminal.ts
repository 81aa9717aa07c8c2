/** Where the report is printed: a person's terminal, or a pipe. */

/** The part of a stream that matters here. */
export type Output = {
  readonly isTTY?: boolean;
  /** The terminal's height, in lines. */
  readonly rows?: number;
  /** The terminal's width, in characters. */
  readonly columns?: number;
};

type Environment = Readonly<Record<string, string | undefined>>;

/** The widest report, and the narrowest that is laid out. */
export const WIDEST = 80;
export const NARROWEST = 40;

/** How many characters a line of the report may have. */
export function reportWidth({ isTTY, columns }: Output): number {
  return isTTY === true && columns !== undefined && columns > 0
    ? Math.min(Math.max(columns, NARROWEST), WIDEST)
    : WIDEST;
}

/** Whether it understands control codes: a terminal that is neither dumb nor of an unknown kind. */
export function takesControlCodes(output: Output, environment: Environment): boolean {
  const term = environment["TERM"] ?? "";
  return output.isTTY === true && term !== "" && term !== "dumb";
}

/** Whether to print colours: where control codes are taken, unless NO_COLOR (no-color.org) is set. */
export function hasColours(output: Output, environment: Environment): boolean {
  return takesControlCodes(output, environment) && (environment["NO_COLOR"] ?? "") === "";
}

/**
 * What prints the lines of one of many reports: over the one before where control codes are taken,
 * else below it.
 */
export function frame(
  lines: readonly string[],
  number: number,
  output: Output,
  environment: Environment,
): string {
  if (!takesControlCodes(output, environment)) {
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
