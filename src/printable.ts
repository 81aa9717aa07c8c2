/** The text with `?` in place of each control character, so that it cannot control a terminal. */
export function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, "?");
}
