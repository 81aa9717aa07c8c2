/** Draws the played incident as SVG: the peak of each node over time, and below it the state of each node. */
import { CRITICAL_MS, STATE_COLOURS, WARNING_MS } from "../../grafana/colours.ts";
import { type Html, html } from "../../src/page/html.ts";
import { milliseconds } from "../../src/summary/quantities.ts";
import type { Incident, PlayedNode } from "./incident.ts";

const WIDTH = 1000;
const PLOT = { left: 110, right: 900, top: 64, bottom: 300 };
const ROWS_TOP = 344;
const ROW_HEIGHT = 22;
/** The scale of errors, in powers of ten of a millisecond. */
const LOWEST_DECADE = -3;
const HIGHEST_DECADE = 5;
/** Samples that are further apart are not joined, because the value between them is not known. */
const GAP_SECONDS = 3;
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

/** Light or dark, as the reader's system. */
const STYLE = `
text { font: 13px system-ui, sans-serif; fill: var(--text) }
.faint { fill: var(--faint) } .title { font-size: 16px; font-weight: 600 }
.page { fill: var(--page) } .grid { stroke: var(--edge); fill: none }
.event { stroke: var(--faint); stroke-dasharray: 2 4 } .line { fill: none; stroke-width: 2; stroke-linejoin: round }
.threshold { fill: none; stroke-dasharray: 6 5; stroke-width: 1.5 }
svg { --page: #fff; --edge: #dcdfe3; --text: #24292e; --faint: #57606a }
@media (prefers-color-scheme: dark) { svg { --page: #181b1f; --edge: #2e3338; --text: #d8d9da; --faint: #9fa7b3 } }`;

/** A complete SVG document. */
export function drawIncident(incident: Incident): string {
  const { startSeconds, endSeconds, events, nodes } = incident;
  const x = (seconds: number) =>
    px(
      PLOT.left +
        ((seconds - startSeconds) / (endSeconds - startSeconds)) * (PLOT.right - PLOT.left),
    );
  const eventsTop = ROWS_TOP + nodes.length * ROW_HEIGHT + 56;
  const height = eventsTop + Math.ceil(events.length / 2) * 20 + 6;
  return html`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-labelledby="title caption">
<title id="title">How wrong each node's clock can be</title>
<style>${STYLE}</style>
<rect class="page" width="${WIDTH}" height="${height}" rx="6"/>
<text class="title" x="16" y="26">How wrong each node's clock can be: chrony_clock_error_peak_ms</text>
<text class="faint" id="caption" x="16" y="46">A played incident on eight simulated nodes, each with a real chronyd and agent, as Prometheus has it.</text>
${decades()}${threshold("warning", WARNING_MS)}${threshold("critical", CRITICAL_MS)}
${events.map(({ seconds }, index) => mark(x(seconds), ROWS_TOP + nodes.length * ROW_HEIGHT, index + 1))}
${nodes.map((node, index) => errorLine(node, PALETTE[index % PALETTE.length] ?? "", x))}
${nodes.map((node, index) => stateRow(node, index, x))}
${legend(ROWS_TOP + nodes.length * ROW_HEIGHT + 22)}
${events.map(
  ({ text }, index) =>
    html`<text x="${16 + (index % 2) * 490}" y="${eventsTop + Math.floor(index / 2) * 20}">${index + 1}  ${text}</text>`,
)}
</svg>
`.text;
}

function decades(): Html {
  const all = Array.from(
    { length: HIGHEST_DECADE - LOWEST_DECADE + 1 },
    (_, index) => 10 ** (LOWEST_DECADE + index),
  );
  return html`${all.map(
    (valueMs) =>
      html`<path class="grid" d="M${PLOT.left} ${y(valueMs)}H${PLOT.right}"/><text class="faint" text-anchor="end" x="${PLOT.left - 8}" y="${y(valueMs) + 4}">${valueMs >= 1000 ? `${valueMs / 1000} s` : `${valueMs} ms`}</text>`,
  )}`;
}

function threshold(name: keyof typeof THRESHOLD_COLOURS, valueMs: number): Html {
  return html`<path class="threshold" stroke="${THRESHOLD_COLOURS[name]}" d="M${PLOT.left} ${y(valueMs)}H${PLOT.right}"/><text class="faint" x="${PLOT.right + 8}" y="${y(valueMs) + 4}">${name}</text>`;
}

const THRESHOLD_COLOURS = { warning: "#E69F00", critical: "#D55E00" };

function mark(xOfEvent: number, bottom: number, number: number): Html {
  return html`<path class="event" d="M${xOfEvent} ${PLOT.top}V${bottom}"/><text text-anchor="middle" x="${xOfEvent}" y="${PLOT.top - 4}">${number}</text>`;
}

function errorLine({ errorsMs }: PlayedNode, colour: string, x: (seconds: number) => number): Html {
  const path = errorsMs.map(({ value, timestampSeconds }, index) => {
    const before = errorsMs[index - 1]?.timestampSeconds ?? Number.NEGATIVE_INFINITY;
    const command = timestampSeconds - before > GAP_SECONDS ? "M" : "L";
    return `${command}${x(timestampSeconds)} ${y(value)}`;
  });
  return html`<path class="line" stroke="${colour}" d="${path.join("")}"/>`;
}

/** A node's name and colour, its states over time, and its last error. */
function stateRow(
  { name, states, errorsMs }: PlayedNode,
  index: number,
  x: (seconds: number) => number,
): Html {
  const top = ROWS_TOP + index * ROW_HEIGHT;
  const newest = states.at(-1)?.seconds ?? 0;
  const last = errorsMs.at(-1);
  const isKnown = last !== undefined && newest - last.timestampSeconds <= GAP_SECONDS;
  const begins = states.filter(({ state }, position) => state !== states[position - 1]?.state);
  const bands = begins.map(({ seconds, state }, position) => {
    const from = x(seconds);
    const to = x(begins[position + 1]?.seconds ?? newest);
    return html`<rect x="${from}" y="${top + 3}" width="${px(to - from)}" height="${ROW_HEIGHT - 6}" fill="${STATE_COLOURS[state]}"/>`;
  });
  return html`<rect x="16" y="${top + 8}" width="12" height="4" fill="${PALETTE[index % PALETTE.length]}"/><text x="34" y="${top + 15}">${name}</text>${bands}<text x="${PLOT.right + 8}" y="${top + 15}">${isKnown ? milliseconds(last.value) : "not known"}</text>`;
}

function legend(top: number): Html {
  return html`${Object.entries(STATE_COLOURS).map(
    ([state, colour], index) =>
      html`<rect x="${PLOT.left + index * 130}" y="${top - 10}" width="12" height="12" fill="${colour}"/><text class="faint" x="${PLOT.left + 18 + index * 130}" y="${top}">${state}</text>`,
  )}`;
}

function y(valueMs: number): number {
  const decade = Math.min(Math.max(Math.log10(valueMs), LOWEST_DECADE), HIGHEST_DECADE);
  const share = (decade - LOWEST_DECADE) / (HIGHEST_DECADE - LOWEST_DECADE);
  return px(PLOT.bottom - share * (PLOT.bottom - PLOT.top));
}

/** Rounds to a tenth of a pixel, because more digits would only make the file larger. */
function px(value: number): number {
  return Math.round(value * 10) / 10;
}
