/**
 * A table in Markdown. Cells are not padded, so that a change of one row changes one line.
 * @param rows the first one is the header
 */
export function markdownTable([head = [], ...rows]: readonly (readonly string[])[]): string {
  return [head, head.map(() => "---"), ...rows].map(markdownRow).join("");
}

/** One row, with its line break. */
export function markdownRow(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |\n`;
}
