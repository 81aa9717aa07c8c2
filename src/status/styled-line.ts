/** Lines for a terminal: pieces of text, each with a tone. */
import { printable } from "../printable.ts";

export type Tone = "plain" | "strong" | "faint" | "good" | "warning" | "bad";

export type Span = { readonly text: string; readonly tone: Tone };

export type StyledLine = readonly Span[];

export function span(text: string, tone: Tone = "plain"): Span {
  return { text, tone };
}

/** Renders a line, with or without ANSI colours, without trailing blanks. */
export function rendered(line: StyledLine, colours: boolean): string {
  return line
    .map(({ text, tone }, index) => {
      const shown = printable(index === line.length - 1 ? text.trimEnd() : text);
      return colours && ANSI[tone] !== "" && shown !== ""
        ? `\x1b[${ANSI[tone]}m${shown}\x1b[0m`
        : shown;
    })
    .join("");
}

/** "Select graphic rendition" codes, which use the colours of the terminal. */
const ANSI: Readonly<Record<Tone, string>> = {
  plain: "",
  strong: "1",
  faint: "2",
  good: "1;32",
  warning: "1;33",
  bad: "1;31",
};

/** Breaks a text between words into lines of at most `width` characters; a longer word is cut. */
export function wrapped(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    let rest = word;
    if (line !== "" && line.length + 1 + rest.length <= width) {
      line += ` ${rest}`;
      continue;
    }
    if (line !== "") {
      lines.push(line);
    }
    while (rest.length > width) {
      lines.push(rest.slice(0, width));
      rest = rest.slice(width);
    }
    line = rest;
  }
  return [...lines, line];
}

/** Shortens a text to at most `width` characters, with `…` in place of the rest. */
export function cropped(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, width - 1)}…`;
}
