/** The kinds of panels, as Grafana's library builds them, with what all of a kind have in common. */
import {
  BigValueGraphMode,
  BigValueTextMode,
  GraphDrawStyle,
  GraphThresholdsStyleConfigBuilder,
  GraphThresholdsStyleMode,
  LegendDisplayMode,
  LegendPlacement,
  ReduceDataOptionsBuilder,
  ScaleDistribution,
  ScaleDistributionConfigBuilder,
  SortOrder,
  StackingConfigBuilder,
  StackingMode,
  TableSortByFieldStateBuilder,
  TooltipDisplayMode,
  VisibilityMode,
  VizLegendOptionsBuilder,
  VizTooltipOptionsBuilder,
} from "@grafana/grafana-foundation-sdk/common";
import {
  type DataSourceRef,
  type DynamicConfigValue,
  FieldColorBuilder,
  FieldColorModeId,
  type Threshold,
  ThresholdsConfigBuilder,
  ThresholdsMode,
} from "@grafana/grafana-foundation-sdk/dashboard";
import { DataqueryBuilder, PromQueryFormat } from "@grafana/grafana-foundation-sdk/prometheus";
import { PanelBuilder as StatBuilder } from "@grafana/grafana-foundation-sdk/stat";
import { PanelBuilder as TableBuilder } from "@grafana/grafana-foundation-sdk/table";
import { PanelBuilder as TimeSeriesBuilder } from "@grafana/grafana-foundation-sdk/timeseries";
import {
  BLUE,
  CRITICAL_MS,
  GREY,
  ORANGE,
  STATE_COLOURS,
  VERMILION,
  WARNING_MS,
} from "./colours.ts";

/** The data source that the dashboard's variable chooses. */
export const DATA_SOURCE: DataSourceRef = { type: "prometheus", uid: "$datasource" };

/**
 * The least time between two points of a graph. Agents push every 30 s; `$__rate_interval` becomes
 * four times this, `$__interval` never less than this.
 */
const LEAST_INTERVAL = "30s";

/** What a panel says of itself, and how large it is: `width` of 24 columns, `height` in rows of 30 pixels. */
export type PanelText = {
  readonly title: string;
  /** What is seen, and what to make of it. */
  readonly description: string;
  /** One of Grafana's units. */
  readonly unit: string;
  readonly width: number;
  readonly height: number;
};

/** One query of a graph. */
export type Query = {
  readonly expression: string;
  /** The name of each line; `{{label}}` stands for a label's value. */
  readonly legend: string;
};

/** One column of values in a table. */
export type Column = {
  /** Names the query: its values are then called "Value #NAME". */
  readonly name: string;
  readonly title: string;
  readonly unit: string;
  readonly expression: string;
  /** Where the cells are coloured. */
  readonly thresholds?: readonly Threshold[];
};

/** Colours of an error in milliseconds. */
export const ERROR_THRESHOLDS: Threshold[] = [
  { value: null, color: BLUE },
  { value: WARNING_MS, color: ORANGE },
  { value: CRITICAL_MS, color: VERMILION },
];

/** Colours of a count that should be 0. */
export const COUNT_THRESHOLDS: Threshold[] = [
  { value: null, color: BLUE },
  { value: 1, color: VERMILION },
];

/** Lines over time. */
export function timeSeries(text: PanelText, queries: readonly Query[]): TimeSeriesBuilder {
  const panel = new TimeSeriesBuilder()
    .title(text.title)
    .description(text.description)
    .unit(text.unit)
    .span(text.width)
    .height(text.height)
    .datasource(DATA_SOURCE)
    .interval(LEAST_INTERVAL)
    .lineWidth(1)
    .fillOpacity(5)
    .showPoints(VisibilityMode.Auto)
    .legend(
      new VizLegendOptionsBuilder()
        .showLegend(true)
        .displayMode(LegendDisplayMode.List)
        .placement(LegendPlacement.Bottom),
    )
    .tooltip(largestFirst());
  return queries.reduce(
    (built, query, index) => built.withTarget(rangeQuery(refId(index), query)),
    panel,
  );
}

/** Gives a graph of nodes a legend in which the line with the largest value is first. */
export function worstFirst(panel: TimeSeriesBuilder): TimeSeriesBuilder {
  return panel.legend(
    new VizLegendOptionsBuilder()
      .showLegend(true)
      .displayMode(LegendDisplayMode.Table)
      .placement(LegendPlacement.Right)
      .calcs(["max"])
      .sortBy("Max")
      .sortDesc(true),
  );
}

/** Lines that add up. A value that is missing is a gap and not a zero. */
export function stacked(text: PanelText, queries: readonly Query[]): TimeSeriesBuilder {
  return timeSeries(text, queries)
    .stacking(new StackingConfigBuilder().mode(StackingMode.Normal))
    .fillOpacity(60);
}

/** Bars over time, for what happens now and then. */
export function bars(text: PanelText, queries: readonly Query[]): TimeSeriesBuilder {
  return stacked(text, queries).drawStyle(GraphDrawStyle.Bars).min(0);
}

/** Errors in milliseconds over time: from microseconds to seconds, with the thresholds as lines. */
export function errorSeries(
  text: Omit<PanelText, "unit">,
  queries: readonly Query[],
): TimeSeriesBuilder {
  return timeSeries({ ...text, unit: "ms" }, queries)
    .scaleDistribution(new ScaleDistributionConfigBuilder().type(ScaleDistribution.Log).log(10))
    .thresholds(absolute(ERROR_THRESHOLDS))
    .thresholdsStyle(new GraphThresholdsStyleConfigBuilder().mode(GraphThresholdsStyleMode.Dashed))
    .fillOpacity(0);
}

/** One large number, or one for each query, as it is now. */
export function stat(
  text: PanelText,
  queries: readonly Query[],
  thresholds: readonly Threshold[] = [{ value: null, color: GREY }],
): StatBuilder {
  const panel = new StatBuilder()
    .title(text.title)
    .description(text.description)
    .unit(text.unit)
    .span(text.width)
    .height(text.height)
    .datasource(DATA_SOURCE)
    .graphMode(BigValueGraphMode.None)
    .reduceOptions(new ReduceDataOptionsBuilder().calcs(["lastNotNull"]))
    .thresholds(absolute(thresholds))
    .textMode(queries.length > 1 ? BigValueTextMode.ValueAndName : BigValueTextMode.Value);
  return queries.reduce(
    (built, query, index) => built.withTarget(instantQuery(refId(index), query)),
    panel,
  );
}

/** One large word: the value of the label that the legend names. */
export function word(text: Omit<PanelText, "unit">, query: Query): StatBuilder {
  return stat({ ...text, unit: "none" }, [query]).textMode(BigValueTextMode.Name);
}

/**
 * A table as things are now: what the queries have in common is one row.
 * @param sortedBy the title of a column, the largest value first
 */
export function table(
  text: Omit<PanelText, "unit">,
  columns: readonly Column[],
  sortedBy: string,
  hidden: readonly string[] = [],
): TableBuilder {
  const panel = new TableBuilder()
    .title(text.title)
    .description(text.description)
    // Each column has a unit of its own; this is for the labels.
    .unit("none")
    .span(text.width)
    .height(text.height)
    .datasource(DATA_SOURCE)
    .filterable(true)
    .sortBy([new TableSortByFieldStateBuilder().displayName(sortedBy).desc(true)])
    .withTransformation({ id: "merge", options: {} })
    .withTransformation({
      id: "organize",
      options: {
        excludeByName: Object.fromEntries(["Time", ...hidden].map((name) => [name, true])),
      },
    });
  for (const { name, title, unit, expression, thresholds } of columns) {
    panel
      .withTarget(
        new DataqueryBuilder()
          .refId(name)
          .datasource(DATA_SOURCE)
          .expr(expression)
          .format(PromQueryFormat.Table)
          .instant(),
      )
      .overrideByName(valueField(name), [
        { id: "displayName", value: title },
        { id: "unit", value: unit },
        ...(thresholds === undefined ? [] : colouredCells(thresholds)),
      ]);
  }
  return panel;
}

/** The name of the field that holds the values of a table's query. */
export function valueField(columnName: string): string {
  return `Value #${columnName}`;
}

/** Overrides that give a column of labels its title. */
export function titled(title: string): DynamicConfigValue {
  return { id: "displayName", value: title };
}

/** Gives every line that is named like a state the state's colour. */
export function withStateColours<Panel extends ColouredPanel>(panel: Panel): Panel {
  for (const [state, colour] of Object.entries(STATE_COLOURS)) {
    panel.overrideByName(state, [fixedColour(colour)]);
  }
  return panel;
}

type ColouredPanel = { overrideByName(name: string, properties: DynamicConfigValue[]): unknown };

/** An override: this colour, whatever the value. */
export function fixedColour(fixedColor: string): DynamicConfigValue {
  return { id: "color", value: { mode: FieldColorModeId.Fixed, fixedColor } };
}

/** Thresholds by value. */
export function absolute(steps: readonly Threshold[]): ThresholdsConfigBuilder {
  return new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps([...steps]);
}

/** The colour of the threshold that a value is above. */
export function byThreshold(): FieldColorBuilder {
  return new FieldColorBuilder().mode(FieldColorModeId.Thresholds);
}

/** A query of the whole time that is shown. */
export function rangeQuery(name: string, { expression, legend }: Query): DataqueryBuilder {
  return new DataqueryBuilder()
    .refId(name)
    .datasource(DATA_SOURCE)
    .expr(expression)
    .legendFormat(legend)
    .range();
}

/** A query of the end of the time that is shown. */
export function instantQuery(name: string, { expression, legend }: Query): DataqueryBuilder {
  return new DataqueryBuilder()
    .refId(name)
    .datasource(DATA_SOURCE)
    .expr(expression)
    .legendFormat(legend)
    .instant();
}

/** Grafana's names for queries: A, B, C … */
export function refId(index: number): string {
  return String.fromCharCode("A".charCodeAt(0) + index);
}

/** What is shown under the pointer: all lines at that time. */
function largestFirst(): VizTooltipOptionsBuilder {
  const tooltip = new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi);
  // oxlint-disable-next-line unicorn/no-array-sort -- not an array's, but the builder's
  return tooltip.sort(SortOrder.Descending);
}

function colouredCells(steps: readonly Threshold[]): DynamicConfigValue[] {
  return [
    { id: "thresholds", value: absolute(steps).build() },
    { id: "color", value: byThreshold().build() },
    { id: "custom.cellOptions", value: { type: "color-text" } },
  ];
}
