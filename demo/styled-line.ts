/** A piece of a line and how it is meant. Colours are given to it where it is shown. */
export type Span = { readonly text: string; readonly tone: Tone };

export type Tone = "plain" | "strong" | "faint" | "good" | "warning" | "bad";

/** A line of the view. */
export type StyledLine = readonly Span[];

export function span(text: string, tone: Tone = "plain"): Span {
  return { text, tone };
}

/** The line without its tones. */
export function textOf(line: StyledLine): string {
  return line.map(({ text }) => text).join("");
}

/** The first `width` characters of a line. */
export function cropped(line: StyledLine, width: number): StyledLine {
  let left = width;
  return line.flatMap(({ text, tone }) => {
    const kept = text.slice(0, left);
    left -= kept.length;
    return kept === "" ? [] : [{ text: kept, tone }];
  });
}
