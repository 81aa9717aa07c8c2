/** A dashboard as an SVG: its own panels, in their own places, with what their own queries gave. */
import type { Dashboard, GridPos, Panel } from "@grafana/grafana-foundation-sdk/dashboard";
import { type Html, html } from "../../src/page/html.ts";
import type { PanelAnswers } from "./field.ts";
import { type Box, graph, heatmap, type Span } from "./graph.ts";
import type { Answers } from "./incident.ts";
import { horizontalBars, table, tile } from "./numbers.ts";

const COLUMN = 46;
const ROW = 28;
const GAP = 8;
const TITLE = 28;
const CAPTION = 46;
const WIDTH = 24 * COLUMN + GAP;

/** Light and dark, as the one who looks has it; the background is the picture's own. */
const STYLE = `
text { font: 13px system-ui, sans-serif; fill: var(--text) }
text.small { font-size: 11.5px; fill: var(--faint) }
text.head { font-size: 12px; fill: var(--faint) }
text.title { font-weight: 600 }
text.row { font-size: 15px; font-weight: 600 }
text.big { font-size: 26px; font-weight: 600 }
.page { fill: var(--page) } .panel { fill: var(--panel); stroke: var(--edge) }
.grid { stroke: var(--edge); fill: none } .line { fill: none; stroke-width: 1.6; stroke-linejoin: round }
.threshold { fill: none; stroke-dasharray: 6 5; stroke-width: 1.4 }
svg { --page: #f4f5f5; --panel: #fff; --edge: #dcdfe3; --text: #24292e; --faint: #57606a }
@media (prefers-color-scheme: dark) {
  svg { --page: #111217; --panel: #181b1f; --edge: #2e3338; --text: #d8d9da; --faint: #9fa7b3 }
}`;

/** @returns a whole SVG document */
export function drawDashboard(dashboard: Dashboard, answers: Answers, caption: string): string {
  const panels = dashboard.panels ?? [];
  const rows = Math.max(...panels.map(({ gridPos }) => (gridPos?.y ?? 0) + (gridPos?.h ?? 0)));
  const height = CAPTION + rows * ROW + GAP;
  return html`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-labelledby="title caption">
<title id="title">${dashboard.title}</title>
<style>${STYLE}</style>
<rect class="page" width="${WIDTH}" height="${height}" rx="6"/>
<text class="row" x="${GAP + 4}" y="20">${dashboard.title}</text>
<text class="small" id="caption" x="${GAP + 4}" y="38">${caption}</text>
${panels.map((panel) =>
  panel.type === "row"
    ? html`<text class="row" x="${GAP + 4}" y="${place(panel.gridPos).y + 20}">▾ ${panel.title}</text>`
    : framed(panel as Panel, answers.results[panel.id ?? 0] ?? {}, answers),
)}
</svg>
`.text;
}

function framed(panel: Panel, answers: PanelAnswers, span: Span): Html {
  const box = place(panel.gridPos);
  const inner = { x: box.x, y: box.y + TITLE, w: box.w, h: box.h - TITLE };
  return html`<rect class="panel" x="${box.x}" y="${box.y}" width="${box.w}" height="${box.h}" rx="3"/>
<text class="title" x="${box.x + 10}" y="${box.y + 19}">${panel.title}</text>
${body(panel, answers, inner, span)}
`;
}

function body(panel: Panel, answers: PanelAnswers, box: Box, span: Span): Html {
  switch (panel.type) {
    case "stat":
      return tile(panel, answers, box);
    case "bargauge":
      return horizontalBars(panel, answers, box);
    case "table":
      return table(panel, answers, box);
    case "timeseries":
      return graph(panel, answers, box, span);
    case "heatmap":
      return heatmap(panel, answers, box, span);
    default:
      throw new Error(`the picture has no drawing for a panel of type ${panel.type}: add one`);
  }
}

function place(grid: GridPos | undefined): Box {
  const { x, y, w, h } = grid ?? { x: 0, y: 0, w: 0, h: 0 };
  return {
    x: GAP + x * COLUMN,
    y: CAPTION + y * ROW,
    w: w * COLUMN - GAP,
    h: h * ROW - GAP,
  };
}
