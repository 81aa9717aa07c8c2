/** Panels with a time axis: lines, stacks, bars and the heat map. */
import type { Panel } from "@grafana/grafana-foundation-sdk/dashboard";
import { type Html, html } from "../../src/page/html.ts";
import { type Line, linesOf, type PanelAnswers, thresholdsOf, withUnit } from "./field.ts";

/** A rectangle, in pixels. */
export type Box = {
  readonly x: number;
  readonly y: number;
  readonly w: number;
  readonly h: number;
};

/** The time that is shown, in seconds since 1970. */
export type Span = { readonly startSeconds: number; readonly endSeconds: number };

const AXIS = { left: 68, right: 12, top: 6, bottom: 26 };
const LEGEND_LINE = 18;
const GAP_SECONDS = 3;

type Scale = (value: number) => number;
type Point = { readonly second: number; readonly low: number; readonly high: number };

/** Lines; added up where the panel says so; bars where it says so. */
export function graph(panel: Panel, answers: PanelAnswers, box: Box, span: Span): Html {
  const custom = panel.fieldConfig?.defaults.custom ?? {};
  const isStacked = custom.stacking?.mode === "normal";
  const isLogarithmic = custom.scaleDistribution?.type === "log";
  const lines = linesOf(panel, answers);
  const drawn = isStacked ? stack(lines) : lines.map((line) => ({ line, points: pointsOf(line) }));
  const limits = drawn
    .flatMap(({ points }) => points.flatMap(({ low, high }) => (isStacked ? [low, high] : [high])))
    .filter((value) => !isLogarithmic || value > 0);
  const ticks = isLogarithmic ? decades(limits) : roundTicks(limits);
  const legend = legendOf(lines, box);
  const plot = plotOf({ ...box, h: box.h - legend.height });
  const y = scale(ticks, plot, isLogarithmic);
  const x = timeScale(span, plot);
  const thresholds = custom.thresholdsStyle === undefined ? [] : thresholdsOf(panel);
  return html`${valueAxis(ticks, y, plot, panel.fieldConfig?.defaults.unit)}${timeAxis(span, x, plot)}
${thresholds.flatMap(({ value, color }) =>
  typeof value === "number" && value <= (ticks.at(-1) ?? 0)
    ? [
        html`<path class="threshold" stroke="${color}" d="M${plot.x} ${px(y(value))}H${plot.x + plot.w}"/>`,
      ]
    : [],
)}
${drawn.map(({ line, points }) =>
  isStacked ? area(line, points, x, y) : stroke(line, points, x, y),
)}
${legend.entries}`;
}

/** How many nodes are in each class, from queries whose lines are a histogram's: each named by its upper end. */
export function heatmap(panel: Panel, answers: PanelAnswers, box: Box, span: Span): Html {
  const plot = plotOf(box);
  const buckets = linesOf(panel, answers).toSorted(
    (one, other) => upperEnd(one.name) - upperEnd(other.name),
  );
  const columns = 72;
  const counts = buckets.map(({ result }) => {
    const ofColumn = new Map<number, number>();
    for (const [index, value] of result.values.entries()) {
      const share =
        ((result.timesSeconds[index] ?? 0) - span.startSeconds) /
        (span.endSeconds - span.startSeconds);
      ofColumn.set(Math.min(columns - 1, Math.floor(share * columns)), value);
    }
    return ofColumn;
  });
  const cells = counts.flatMap((ofColumn, row) =>
    [...ofColumn].map(([column, upTo]) => ({
      column,
      row,
      nodes: upTo - (counts[row - 1]?.get(column) ?? 0),
    })),
  );
  const largest = Math.max(1, ...cells.map(({ nodes }) => nodes));
  const [w, h] = [plot.w / columns, plot.h / Math.max(1, buckets.length)];
  const bottomOf = (row: number) => plot.y + plot.h - row * h;
  return html`${buckets.map(
    ({ name }, row) =>
      html`<text class="small" text-anchor="end" x="${plot.x - 6}" y="${px(bottomOf(row) - h / 2 + 4)}">${name === "+Inf" ? "more" : withUnit(Number(name), "ms")}</text>`,
  )}${timeAxis(span, timeScale(span, plot), plot)}${cells
    .filter(({ nodes }) => nodes > 0)
    .map(
      ({ column, row, nodes }) =>
        html`<rect x="${px(plot.x + column * w)}" y="${px(bottomOf(row + 1))}" width="${px(w)}" height="${px(h - 1)}" fill="${viridis(nodes / largest)}"/>`,
    )}`;
}

/** `+Inf` is the largest. */
function upperEnd(le: string): number {
  return le === "+Inf" ? Number.POSITIVE_INFINITY : Number(le);
}

function plotOf(box: Box): Box {
  return {
    x: box.x + AXIS.left,
    y: box.y + AXIS.top,
    w: box.w - AXIS.left - AXIS.right,
    h: box.h - AXIS.top - AXIS.bottom,
  };
}

function pointsOf({ result }: Line): Point[] {
  return result.values.map((value, index) => ({
    second: result.timesSeconds[index] ?? 0,
    low: 0,
    high: value,
  }));
}

/** Each line on top of those before it. */
function stack(lines: readonly Line[]): { line: Line; points: Point[] }[] {
  const heights = new Map<number, number>();
  return lines.map((line) => ({
    line,
    points: pointsOf(line).map(({ second, high }) => {
      const low = heights.get(second) ?? 0;
      heights.set(second, low + high);
      return { second, low, high: low + high };
    }),
  }));
}

/** Stretches without a gap. */
function runsOf(points: readonly Point[]): Point[][] {
  const runs: Point[][] = [];
  for (const point of points) {
    const run = runs.at(-1);
    if (run !== undefined && point.second - (run.at(-1)?.second ?? 0) <= GAP_SECONDS) {
      run.push(point);
    } else {
      runs.push([point]);
    }
  }
  return runs;
}

function stroke({ colour }: Line, points: readonly Point[], x: Scale, y: Scale): Html {
  const path = runsOf(points).map((run) =>
    run
      .map(({ second, high }, index) => `${index === 0 ? "M" : "L"}${px(x(second))} ${px(y(high))}`)
      .join(""),
  );
  return html`<path class="line" stroke="${colour}" d="${path.join("")}"/>`;
}

function area({ colour }: Line, points: readonly Point[], x: Scale, y: Scale): Html {
  const width = x(1) - x(0);
  const path = runsOf(points).map((run) => {
    const last = run.at(-1);
    const there = run.map(({ second, high }) => `L${px(x(second))} ${px(y(high))}`);
    const back = run.toReversed().map(({ second, low }) => `L${px(x(second))} ${px(y(low))}`);
    // As wide as the second that it stands for, so that what lasts a second is seen.
    const edge = last && `H${px(x(last.second) + width)}V${px(y(last.low))}`;
    return `M${there.join("").slice(1)}${edge}${back.join("")}Z`;
  });
  return html`<path fill="${colour}" fill-opacity="0.75" d="${path.join("")}"/>`;
}

function decades(values: readonly number[]): number[] {
  const logarithms = values.filter((value) => value > 0).map(Math.log10);
  const lowest = Math.floor(Math.min(...logarithms, 0));
  const highest = Math.ceil(Math.max(...logarithms, lowest + 1));
  return Array.from({ length: highest - lowest + 1 }, (_, index) => 10 ** (lowest + index));
}

/** Four to eight round values that hold all. */
function roundTicks(values: readonly number[]): number[] {
  const [least, most] = [Math.min(0, ...values), Math.max(0, ...values)];
  const rough = (most - least || 1) / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 5, 10].find((one) => one * power >= rough) ?? 10) * power;
  const first = Math.floor(least / step);
  const count = Math.max(1, Math.ceil(most / step) - first);
  return Array.from({ length: count + 1 }, (_, index) => (first + index) * step);
}

function scale(ticks: readonly number[], plot: Box, isLogarithmic: boolean): Scale {
  const place = isLogarithmic ? Math.log10 : (value: number) => value;
  const [least, most] = [place(ticks[0] ?? 0), place(ticks.at(-1) ?? 1)];
  return (value) => plot.y + plot.h - ((place(value) - least) / (most - least)) * plot.h;
}

function timeScale({ startSeconds, endSeconds }: Span, plot: Box): Scale {
  return (second) => plot.x + ((second - startSeconds) / (endSeconds - startSeconds)) * plot.w;
}

function valueAxis(ticks: readonly number[], y: Scale, plot: Box, unit: string | undefined): Html {
  return html`${ticks.map(
    (tick) =>
      html`<path class="grid" d="M${plot.x} ${px(y(tick))}H${plot.x + plot.w}"/><text class="small" text-anchor="end" x="${plot.x - 6}" y="${px(y(tick) + 4)}">${withUnit(tick, unit)}</text>`,
  )}`;
}

/** Minutes since the beginning: which day it was says nothing. */
function timeAxis({ startSeconds, endSeconds }: Span, x: Scale, plot: Box): Html {
  const minutes = Array.from(
    { length: Math.floor((endSeconds - startSeconds) / 60) + 1 },
    (_, minute) => minute,
  );
  return html`${minutes.map(
    (minute) =>
      html`<text class="small" text-anchor="middle" x="${px(x(startSeconds + 60 * minute))}" y="${plot.y + plot.h + 16}">${minute} min</text>`,
  )}`;
}

/** The names of the lines at the bottom of a box, and how high they are together. */
function legendOf(lines: readonly Line[], box: Box): { entries: Html[]; height: number } {
  const shown = [...new Map(lines.map((line) => [line.name, line])).values()].toSorted(
    (one, other) => one.name.localeCompare(other.name),
  );
  const places: { line: Line; x: number; row: number }[] = [];
  let [x, row] = [box.x + AXIS.left, 0];
  for (const line of shown) {
    const width = 26 + line.name.length * 6.2;
    if (x + width > box.x + box.w) {
      [x, row] = [box.x + AXIS.left, row + 1];
    }
    places.push({ line, x, row });
    x += width;
  }
  const height = (row + 1) * LEGEND_LINE;
  const entries = places.map((place) => {
    const y = box.y + box.h - height + place.row * LEGEND_LINE + 8;
    const { name, colour } = place.line;
    return html`<rect x="${px(place.x)}" y="${y - 5}" width="12" height="4" fill="${colour}"/><text class="small" x="${px(place.x + 16)}" y="${y}">${name}</text>`;
  });
  return { entries, height };
}

/** Colours of matplotlib's viridis: dark is few, bright is many. */
function viridis(share: number): string {
  const stops = ["#440154", "#414487", "#2a788e", "#22a884", "#7ad151", "#fde725"];
  return stops[Math.min(stops.length - 1, Math.floor(share * stops.length))] ?? "#fde725";
}

/** A pixel's tenth is as fine as one can see. */
function px(value: number): number {
  return Math.round(value * 10) / 10;
}
