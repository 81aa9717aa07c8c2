/** Panels of numbers: tiles, horizontal bars, tables. */
import type { Panel, Threshold } from "@grafana/grafana-foundation-sdk/dashboard";
import { type Html, html } from "../../src/page/html.ts";
import { queriesOf } from "../../test/grafana/dashboard-queries.ts";
import {
  linesOf,
  overridden,
  type PanelAnswers,
  thresholdColour,
  thresholdsOf,
  withUnit,
} from "./field.ts";
import type { Box } from "./graph.ts";

/** Large numbers side by side. */
export function tile(panel: Panel, answers: PanelAnswers, box: Box): Html {
  const { unit, noValue = "" } = panel.fieldConfig?.defaults ?? {};
  const lines = linesOf(panel, answers);
  if (lines.length === 0) {
    return html`<text class="big" text-anchor="middle" x="${box.x + box.w / 2}" y="${box.y + 42}">${noValue}</text>`;
  }
  const isNamed = lines.length > 1;
  const width = box.w / lines.length;
  return html`${lines.map(({ name, result }, index) => {
    const value = result.values.at(-1) ?? 0;
    const x = box.x + (index + 0.5) * width;
    const colour = thresholdColour(thresholdsOf(panel), value) ?? "";
    return html`${isNamed ? html`<text class="small" text-anchor="middle" x="${x}" y="${box.y + 12}">${name}</text>` : undefined}<text class="big" text-anchor="middle" x="${x}" y="${box.y + 44}" style="fill:${colour}">${withUnit(value, unit)}</text>`;
  })}`;
}

/** A bar for each query. */
export function horizontalBars(panel: Panel, answers: PanelAnswers, box: Box): Html {
  const lines = linesOf(panel, answers);
  const values = lines.map(({ result }) => result.values.at(-1) ?? 0);
  const most = Math.max(1, ...values);
  const height = (box.h - 12) / lines.length;
  return html`${lines.map(({ name, colour }, index) => {
    const value = values[index] ?? 0;
    const y = box.y + index * height;
    const width = (value / most) * (box.w - 150);
    return html`<text class="small" text-anchor="end" x="${box.x + 100}" y="${y + height / 2 + 4}">${name}</text><rect x="${box.x + 108}" y="${y + 4}" width="${Math.max(1, width)}" height="${height - 8}" fill="${colour}"/><text x="${box.x + 114 + width}" y="${y + height / 2 + 4}">${value}</text>`;
  })}`;
}

type Cell = string | number | undefined;
type Row = Map<string, Cell>;
type Mappings = readonly {
  readonly options: Readonly<Record<string, { readonly color: string }>>;
}[];

/** What the queries have in common is a row, as Grafana's transformation "merge" makes them. */
export function table(panel: Panel, answers: PanelAnswers, box: Box): Html {
  const rows = sortedRows(panel, mergedRows(panel, answers));
  const excluded = excludedFields(panel);
  const fields = fieldsOf(panel, answers).filter(
    (field) => !excluded.has(field) && overridden(panel, field, "custom.hidden") !== true,
  );
  const widest = fields.map((field) =>
    Math.max(
      titleOf(panel, field).length,
      ...rows.map((row) => cellText(panel, field, row).length),
    ),
  );
  const total = widest.reduce((sum, one) => sum + one + 2, 0);
  const lefts = widest.map(
    (_, index) =>
      box.x +
      14 +
      (widest.slice(0, index).reduce((sum, one) => sum + one + 2, 0) / total) * (box.w - 20),
  );
  const head = fields.map(
    (field, index) =>
      html`<text class="head" x="${Math.round(lefts[index] ?? 0)}" y="${box.y + 14}">${titleOf(panel, field)}</text>`,
  );
  const body = rows.map((row, line) =>
    fields.map((field, index) => {
      const colour = cellColour(panel, field, row.get(field));
      return html`<text x="${Math.round(lefts[index] ?? 0)}" y="${box.y + 36 + line * 20}" ${colour === undefined ? undefined : html`style="fill:${colour}"`}>${cellText(panel, field, row)}</text>`;
    }),
  );
  return html`${head}${body.flat()}`;
}

/** All fields, query after query: its labels, and its values. */
function fieldsOf(panel: Panel, answers: PanelAnswers): string[] {
  const fields = queriesOf(panel).flatMap(({ refId = "" }) => [
    ...(answers[refId] ?? []).flatMap(({ labels }) => Object.keys(labels)),
    `Value #${refId}`,
  ]);
  return [...new Set(fields)];
}

function mergedRows(panel: Panel, answers: PanelAnswers): Row[] {
  const rows = new Map<string, Row>();
  for (const { refId = "" } of queriesOf(panel)) {
    for (const { labels, values } of answers[refId] ?? []) {
      const key = [labels["cluster"], labels["k8s_node_name"], labels["alertname"]].join(" ");
      const row: Row = rows.get(key) ?? new Map();
      for (const [label, text] of Object.entries(labels)) {
        row.set(label, text);
      }
      row.set(`Value #${refId}`, values.at(-1));
      rows.set(key, row);
    }
  }
  return [...rows.values()];
}

function sortedRows(panel: Panel, rows: readonly Row[]): Row[] {
  const [sort]: { displayName: string }[] = panel.options?.sortBy ?? [];
  const fields = new Set(rows.flatMap((row) => [...row.keys()]));
  const by = [...fields].find((field) => titleOf(panel, field) === sort?.displayName) ?? "";
  return rows.toSorted((one, other) => Number(other.get(by) ?? 0) - Number(one.get(by) ?? 0));
}

function excludedFields(panel: Panel): Set<string> {
  const organize = (panel.transformations ?? []).find(({ id }) => id === "organize");
  return new Set(Object.keys(organize?.options.excludeByName ?? {}));
}

function titleOf(panel: Panel, field: string): string {
  const title = overridden(panel, field, "displayName");
  return typeof title === "string" ? title : field;
}

function cellText(panel: Panel, field: string, row: Row): string {
  const cell = row.get(field);
  const unit = overridden(panel, field, "unit");
  return typeof cell === "number"
    ? withUnit(cell, typeof unit === "string" ? unit : undefined)
    : (cell ?? "");
}

function cellColour(panel: Panel, field: string, cell: Cell): string | undefined {
  if (typeof cell === "number") {
    const thresholds = overridden(panel, field, "thresholds") as { steps: Threshold[] } | undefined;
    return thresholds && thresholdColour(thresholds.steps, cell);
  }
  const mappings = overridden(panel, field, "mappings") as Mappings | undefined;
  return mappings?.[0]?.options[cell ?? ""]?.color;
}
