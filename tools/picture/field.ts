/** What a panel says of its lines, columns and values: names, colours, units. */
import type {
  DynamicConfigValue,
  Panel,
  Threshold,
} from "@grafana/grafana-foundation-sdk/dashboard";
import type { Dataquery } from "@grafana/grafana-foundation-sdk/prometheus";
import { queriesOf, type Result } from "../../test/grafana/dashboard-queries.ts";

/** What each query of a panel gave, by the query's name. */
export type PanelAnswers = Readonly<Record<string, readonly Result[]>>;

/** One line of a panel, or one number. */
export type Line = { readonly name: string; readonly colour: string; readonly result: Result };

const PALETTE = [
  "#2B83C6",
  "#E69F00",
  "#009E73",
  "#CC79A7",
  "#56B4E9",
  "#D55E00",
  "#A6761D",
  "#7A6FF0",
];

/** All lines of a panel, named and coloured. Lines of a node have the node's own colour everywhere. */
export function linesOf(panel: Panel, answers: PanelAnswers): Line[] {
  return queriesOf(panel).flatMap((query) =>
    (answers[query.refId ?? ""] ?? []).map((result, index) => {
      const name = nameOf(query, result);
      return { name, colour: colourOf(panel, name) ?? paletteColour(name, index), result };
    }),
  );
}

/** The value of a setting that a panel overrides for what has a name. */
export function overridden(panel: Panel, name: string, setting: string): unknown {
  const properties = (panel.fieldConfig?.overrides ?? [])
    .filter(({ matcher }) => matcher.id === "byName" && matcher.options === name)
    .flatMap((override): DynamicConfigValue[] => override.properties);
  return properties.find(({ id }) => id === setting)?.value;
}

/** The steps of a panel's thresholds. */
export function thresholdsOf(panel: Panel): readonly Threshold[] {
  return panel.fieldConfig?.defaults.thresholds?.steps ?? [];
}

/** The colour of the highest step that a value reaches. */
export function thresholdColour(steps: readonly Threshold[], value: number): string | undefined {
  return steps.findLast(({ value: from }) => from === null || value >= from)?.color;
}

/** A number with its unit, as short as an operator reads it. */
export function withUnit(value: number, unit: string | undefined): string {
  if (unit === "ms") {
    return value >= 1000 ? `${digits(value / 1000)} s` : `${digits(value)} ms`;
  }
  if (unit === "s") {
    return Math.abs(value) < 1 && value !== 0 ? `${digits(value * 1000)} ms` : `${digits(value)} s`;
  }
  return digits(value);
}

function digits(value: number): string {
  return String(Number(value.toPrecision(3)));
}

function nameOf({ legendFormat = "" }: Dataquery, { labels }: Result): string {
  return legendFormat.replaceAll(/\{\{(\w+)\}\}/g, (_, label: string) => labels[label] ?? "");
}

function colourOf(panel: Panel, name: string): string | undefined {
  const colour = overridden(panel, name, "color") as { fixedColor?: string } | undefined;
  return colour?.fixedColor;
}

function paletteColour(name: string, index: number): string {
  const number = /-(\d+)$/.exec(name)?.[1];
  return PALETTE[(number === undefined ? index : Number(number) - 1) % PALETTE.length] ?? "#888";
}
