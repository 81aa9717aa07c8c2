/** The progress of a long task, on one line of a terminal. */

/** The part of a terminal's stream that is needed. */
type Terminal = {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
};

const BAR_WIDTH = 30;
const CLEAR_LINE = "\r\u001b[2K";

export type ProgressBar = {
  /** @param share from 0 to 1; `undefined` while it is not known */
  show(what: string, share: number | undefined): void;
  /** Clears the line. */
  end(): void;
};

/** A bar on this terminal. It shows nothing on anything else, and on a terminal that cannot clear a line. */
export function progressBar(terminal: Terminal, environment: NodeJS.ProcessEnv): ProgressBar {
  if (terminal.isTTY !== true || environment["TERM"] === "dumb") {
    return { show() {}, end() {} };
  }
  let shown = "";
  return {
    show(what, share) {
      const line = barLine(what, share).slice(0, Math.max((terminal.columns ?? 80) - 1, 0));
      if (line !== shown) {
        shown = line;
        terminal.write(CLEAR_LINE + line);
      }
    },
    end() {
      terminal.write(CLEAR_LINE);
    },
  };
}

function barLine(what: string, share: number | undefined): string {
  if (share === undefined) {
    return what;
  }
  const full = Math.round(share * BAR_WIDTH);
  const percent = `${Math.floor(share * 100)} %`.padStart(5);
  return `${percent} [${"#".repeat(full)}${"-".repeat(BAR_WIDTH - full)}] ${what}`;
}
