/** HTML that cannot be broken by what is put into it. */

/** Text that is HTML already. Only {@link html} makes it. */
export class Html {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** What may stand in a template: text is escaped, `undefined` is nothing. */
export type Part = string | number | Html | readonly Html[] | undefined;

/** A template whose parts are escaped, both as text and as the value of a quoted attribute. */
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
