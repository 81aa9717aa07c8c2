/**
 * Draws the error's history as SVG: a line over ten minutes, on a logarithmic scale, because errors range from hundredths
 * of a millisecond to seconds. Where the error was not known there is a band in place of the line. Where chronyd was not
 * polled there is nothing.
 */
import { duration, milliseconds } from "../summary/quantities.ts";
import { type ErrorHistory, type ErrorSlot, HISTORY_SECONDS } from "./error-history.ts";
import { type Html, html } from "./html.ts";

const WIDTH = 640;
const HEIGHT = 210;
const PLOT = { left: 82, right: 632, top: 12, bottom: 176 };

/** The range of the scale: a nanosecond to a century. */
const SMALLEST_DECADE = -6;
const LARGEST_DECADE = 12;

/**
 * @param nowSecond monotonic time, in whole seconds
 * @param longestPauseSeconds between two polls that are joined
 */
export function errorDrawing(
  history: ErrorHistory,
  nowSecond: number,
  longestPauseSeconds: number,
): Html {
  const slots = history.filter(({ second }) => second > nowSecond - HISTORY_SECONDS);
  const known = slots.flatMap(({ errorMs }) => (errorMs === undefined ? [] : [errorMs]));
  const decades = decadesOf(known);
  const x = (second: number) =>
    PLOT.right - ((nowSecond - second) / HISTORY_SECONDS) * (PLOT.right - PLOT.left);
  const y = (errorMs: number) => heightOf(Math.log10(errorMs), decades);
  const runs = runsOf(slots, longestPauseSeconds);

  return html`<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-labelledby="drawing-title drawing-desc">
<title id="drawing-title">The larger of error and bound over the last ten minutes</title>
<desc id="drawing-desc">${description(slots, known)}</desc>
${decadeLines(decades)}
${[10, 5, 0].map((minutes) => timeLine(minutes, x(nowSecond - 60 * minutes)))}
${runs.map((run) => (run.isWithheld ? band(run.slots, x) : line(run.slots, x, y)))}
</svg>`;
}

function description(slots: ErrorHistory, known: readonly number[]): string {
  const withheld = slots.length - known.length;
  const range =
    known.length === 0
      ? "No error is known."
      : `Between ${milliseconds(Math.min(...known))} and ${milliseconds(Math.max(...known))}, on a logarithmic scale.`;
  return withheld === 0 ? range : `${range} Withheld in ${withheld} of ${slots.length} seconds.`;
}

/** Powers of ten, in milliseconds: the lowest and the highest line of the scale. */
type Decades = { readonly lowest: number; readonly highest: number };

/** The decades of the values, at least two, so that small changes look small. */
function decadesOf(known: readonly number[]): Decades {
  const logarithms = known.map((errorMs) => clamped(Math.log10(errorMs)));
  const lowest = known.length === 0 ? -2 : Math.floor(Math.min(...logarithms));
  const highest = known.length === 0 ? 0 : Math.ceil(Math.max(...logarithms));
  return { lowest, highest: Math.max(highest, lowest + 2) };
}

function clamped(logarithm: number): number {
  return Math.min(Math.max(logarithm, SMALLEST_DECADE), LARGEST_DECADE);
}

function heightOf(logarithm: number, { lowest, highest }: Decades): number {
  const share = (clamped(logarithm) - lowest) / (highest - lowest);
  return PLOT.bottom - Math.max(share, 0) * (PLOT.bottom - PLOT.top);
}

/** Neighbouring slots that are drawn together: all with an error, or all without. */
type Run = { readonly isWithheld: boolean; readonly slots: ErrorSlot[] };

function runsOf(slots: ErrorHistory, longestPauseSeconds: number): Run[] {
  const runs: Run[] = [];
  for (const slot of slots) {
    const isWithheld = slot.errorMs === undefined;
    const run = runs.at(-1);
    const before = run?.slots.at(-1)?.second ?? Number.NEGATIVE_INFINITY;
    if (run?.isWithheld === isWithheld && slot.second - before <= longestPauseSeconds) {
      run.slots.push(slot);
    } else {
      runs.push({ isWithheld, slots: [slot] });
    }
  }
  return runs;
}

function line(
  slots: readonly ErrorSlot[],
  x: (second: number) => number,
  y: (errorMs: number) => number,
): Html {
  const points = slots.map(
    ({ second, errorMs = 0 }) => [x(second).toFixed(1), y(errorMs).toFixed(1)] as const,
  );
  // A single point becomes a dot, because of the line's round ends.
  const path = `M${points.map((point) => point.join(" ")).join("L")}${points.length === 1 ? "h0" : ""}`;
  const first = points[0]?.[0] ?? "";
  const last = points.at(-1)?.[0] ?? "";
  return html`<path class="area" d="${path}L${last} ${PLOT.bottom}L${first} ${PLOT.bottom}Z"/><path class="line" d="${path}"/>
`;
}

function band(slots: readonly ErrorSlot[], x: (second: number) => number): Html {
  const from = x((slots[0]?.second ?? 0) - 0.5);
  const to = x((slots.at(-1)?.second ?? 0) + 0.5);
  return html`<rect class="withheld" x="${from.toFixed(1)}" y="${PLOT.top}" width="${(to - from).toFixed(1)}" height="${PLOT.bottom - PLOT.top}"/>
`;
}

function decadeLines({ lowest, highest }: Decades): Html[] {
  const every = Math.ceil((highest - lowest) / 5);
  return Array.from({ length: highest - lowest + 1 }, (_, index) => lowest + index)
    .filter((decade) => (decade - lowest) % every === 0)
    .map((decade) => {
      const y = heightOf(decade, { lowest, highest }).toFixed(1);
      return html`<path class="grid" d="M${PLOT.left} ${y}H${PLOT.right}"/><text class="left" x="${PLOT.left - 8}" y="${y}">${decadeText(decade)}</text>
`;
    });
}

function decadeText(decade: number): string {
  return decade < 4 ? `${Number((10 ** decade).toPrecision(1))} ms` : `${10 ** (decade - 3)} s`;
}

function timeLine(minutes: number, x: number): Html {
  const text = minutes === 0 ? "now" : `${duration(60 * minutes)} ago`;
  const place = minutes === 0 ? "end" : minutes === 10 ? "start" : "middle";
  return html`<path class="grid" d="M${x.toFixed(1)} ${PLOT.top}V${PLOT.bottom}"/><text class="${place}" x="${x.toFixed(1)}" y="${HEIGHT - 10}">${text}</text>
`;
}
