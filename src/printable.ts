/** A text in which `?` stands for each control character: it cannot command a terminal, wherever it came from. */
export function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, "?");
}
