/** HTML templates that escape their values. */

/** Escaped HTML. Only {@link html} creates it. */
export class Html {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** A value in a template. Text is escaped, `undefined` is empty. */
export type Part = string | number | Html | readonly Html[] | undefined;

/** A template whose values are escaped for text and for quoted attributes. */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Html {
  const pieces = parts.map((part, index) => `${htmlText(part)}${strings[index + 1]}`);
  return new Html(`${strings[0]}${pieces.join("")}`);
}

function htmlText(part: Part): string {
  if (part === undefined) {
    return "";
  }
  if (part instanceof Html) {
    return part.text;
  }
  if (typeof part === "object") {
    return part.map(({ text }) => text).join("");
  }
  return String(part).replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
