/** The output of the report: a terminal or a pipe. */

/** The properties of a stream that are used here. */
export type Output = {
  readonly isTTY?: boolean;
  /** The terminal's height, in lines. */
  readonly rows?: number;
  /** The terminal's width, in characters. */
  readonly columns?: number;
};

type Environment = Readonly<Record<string, string | undefined>>;

/** The widest and the narrowest layout of the report, in characters. */
export const WIDEST = 80;
export const NARROWEST = 40;

/** The width of the report, in characters. */
export function reportWidth({ isTTY, columns }: Output): number {
  return isTTY === true && columns !== undefined && columns > 0
    ? Math.min(Math.max(columns, NARROWEST), WIDEST)
    : WIDEST;
}

/** Whether the output understands control codes: a terminal whose TERM is set and not `dumb`. */
export function takesControlCodes(output: Output, environment: Environment): boolean {
  const term = environment["TERM"] ?? "";
  return output.isTTY === true && term !== "" && term !== "dumb";
}

/** Whether to print colours: if control codes are understood, and NO_COLOR (no-color.org) is not set. */
export function hasColours(output: Output, environment: Environment): boolean {
  return takesControlCodes(output, environment) && (environment["NO_COLOR"] ?? "") === "";
}

/**
 * The text that shows a repeated report: in place of the previous one if control codes are understood,
 * or else below it.
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
  // The last line is left to the cursor, because the terminal would scroll otherwise.
  const shown = lines.slice(0, (output.rows ?? Number.POSITIVE_INFINITY) - 1);
  return `${number === 1 ? CLEAR_SCREEN : ""}${HOME}${shown.map((line) => `${line}${CLEAR_LINE}\n`).join("")}${CLEAR_BELOW}`;
}

const HOME = "\x1b[H";
const CLEAR_SCREEN = "\x1b[2J";
const CLEAR_LINE = "\x1b[K";
const CLEAR_BELOW = "\x1b[J";
