/**
 * A table in Markdown, a line a row and not padded: a change of one row is a change of one line.
 * @param rows the first one is the head
 */
export function markdownTable([head = [], ...rows]: readonly (readonly string[])[]): string {
  return [head, head.map(() => "---"), ...rows].map(markdownRow).join("");
}

/** One row, with its line break. */
export function markdownRow(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |\n`;
}
