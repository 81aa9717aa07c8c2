/**
 * The tables of a report as CSV (RFC 4180). A text that a spreadsheet would read as a formula gets an
 * apostrophe in front (https://owasp.org/www-community/attacks/CSV_Injection).
 */
import { SYNC_STATES } from "../clock/sync-state.ts";
import type { NodeFigures } from "./node-figures.ts";
import { errorNumber, type Report, timeText } from "./report.ts";

type Cell = string | number | undefined;

/** One row per node. Lengths are in seconds; an empty cell is not known. */
export function nodesCsv({ nodes, question }: Report): string {
  const rangeMs = question.toMs - question.fromMs;
  return csv([
    [
      "cluster",
      "node",
      "judged_by",
      "largest_error_ms",
      "largest_error_at",
      "within_share",
      "within_seconds",
      "above_seconds",
      "not_known_seconds",
      "exceedances",
      "steps",
      "agent_restarts",
      ...SYNC_STATES.map((state) => `${state}_seconds`),
      "state_not_known_seconds",
      "sources",
      "first_sample",
      "last_sample",
    ],
    ...nodes.map((figures) => nodeRow(figures, rangeMs)),
  ]);
}

function nodeRow(figures: NodeFigures, rangeMs: number): Cell[] {
  const { node, largest, withinMs, aboveMs, notKnownMs, states } = figures;
  return [
    node.cluster,
    node.name,
    figures.judgedBy,
    largest && errorNumber(largest.errorMs),
    time(largest?.atMs),
    withinMs / rangeMs,
    withinMs / 1000,
    aboveMs / 1000,
    notKnownMs / 1000,
    figures.exceedances.length,
    figures.steps,
    figures.restarts,
    ...SYNC_STATES.map((state) => states[state] / 1000),
    figures.stateNotKnownMs / 1000,
    figures.sources.map(({ name, timeMs }) => `${name} ${timeMs / 1000} s`).join("; "),
    time(figures.firstSampleMs),
    time(figures.lastSampleMs),
  ];
}

/** One row per exceedance, in order of time. */
export function exceedancesCsv({ exceedances }: Report): string {
  return csv([
    ["cluster", "node", "from", "to", "seconds", "largest_error_ms", "largest_error_at"],
    ...exceedances.map(({ node, fromMs, toMs, largest }) => [
      node.cluster,
      node.name,
      timeText(fromMs),
      timeText(toMs),
      (toMs - fromMs) / 1000,
      errorNumber(largest.errorMs),
      timeText(largest.atMs),
    ]),
  ]);
}

function time(timeMs: number | undefined): string | undefined {
  return timeMs === undefined ? undefined : timeText(timeMs);
}

function csv(rows: readonly (readonly Cell[])[]): string {
  return rows.map((row) => `${row.map(cellText).join(",")}\r\n`).join("");
}

function cellText(cell: Cell): string {
  if (cell === undefined || typeof cell === "number") {
    return String(cell ?? "");
  }
  const safe = /^[=+\-@\t\r\n]/.test(cell) ? `'${cell}` : cell;
  return /[",\r\n;]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
