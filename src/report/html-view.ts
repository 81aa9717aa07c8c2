/** A report as one HTML file to read and to print. It loads nothing and runs no script. */
import { SYNC_STATES } from "../clock/sync-state.ts";
import { Html, html } from "../page/html.ts";
import { STYLE } from "../page/style.ts";
import { milliseconds } from "../summary/quantities.ts";
import type { ErrorAt, Exceedance } from "./errors.ts";
import type { SourceTime } from "./followed-sources.ts";
import type { NodeFigures, Times } from "./node-figures.ts";
import type { NodeName } from "./raw-series.ts";
import { type Report, timeText } from "./report.ts";

/** More are only in the CSV and JSON files, because a page that is too long cannot be read. */
const MOST_EXCEEDANCES = 1000;

/** The style of the agent's page, but wider, and black on white in print. */
const REPORT_STYLE = `${STYLE}
body { max-width: 72rem; }
tr { break-inside: avoid; } thead { display: table-header-group; }
th { vertical-align: bottom; } td { vertical-align: top; }
td.text { white-space: normal; overflow-wrap: anywhere; }
code { font-size: .9em; overflow-wrap: anywhere; }
@media (min-width: 34rem) { dl { grid-template-columns: 13rem 1fr; } }
.numbers { grid-template-columns: repeat(4, minmax(0, 1fr)); margin-bottom: .75rem; }
@media (max-width: 34rem) { .numbers { grid-template-columns: 1fr 1fr; } }
@media print {
  :root {
    color-scheme: light; --page: #fff; --card: #fff; --text: #000; --faint: #444; --rule: #bbb;
    --good: #000; --warning: #000; --bad: #000; --line: #000;
  }
  html { font-size: 8.5pt; }
  body { max-width: none; padding: 0; }
  section { padding: .4rem 0; border: 0; border-radius: 0; }
  .state { padding-left: .7rem; }
  .wide { overflow: visible; } th { white-space: normal; }
  @page { size: A4 landscape; margin: 14mm; }
}
`;

/** The report as a document. */
export function htmlView(report: Report): string {
  const { question, fleet, nodes, exceedances } = report;
  const rangeMs = question.toMs - question.fromMs;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="content-security-policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Clocks from ${shownTime(question.fromMs)} to ${shownTime(question.toMs)}</title>
<style>${new Html(REPORT_STYLE)}</style>
</head>
<body>
<header><h1>Clocks from ${shownTime(question.fromMs)} to ${shownTime(question.toMs)} UTC</h1><span class="faint">Chrony Tracker ${report.version}</span></header>
<main>
<section><h2>What this shows</h2><dl>
${term("Limit", `${question.limitMs} ms`)}
${term("Error of the reference", referenceText(question.referenceErrorMs))}
${term("Cluster", report.cluster ?? "all")}
${term("Nodes", `${fleet.nodes}${report.expected.length === 0 ? "" : `; expected: ${report.expected.join(", ")}`}`)}
</dl>
<p class="faint">An error is what the clock could be wrong by, as far as chronyd could know. It says nothing of a time source that is wrong: for that the error of the reference is declared. Time of which nothing is known is never within the limit. A node counts from the beginning to the end of the range, also where it did not exist.</p></section>
<section><h2>All nodes</h2>
<div class="numbers">
${number("Largest error", fleet.largest === undefined ? "–" : milliseconds(fleet.largest.errorMs), fleet.largest === undefined ? "nothing is known" : `${nodeText(fleet.largest.node)}, ${shownTime(fleet.largest.atMs)}`)}
${number("Within the limit", share(fleet.withinMs, fleet.totalMs), lengthText(fleet.withinMs))}
${number("Above the limit", shareUp(fleet.aboveMs, fleet.totalMs), lengthText(fleet.aboveMs))}
${number("Not known", shareUp(fleet.notKnownMs, fleet.totalMs), lengthText(fleet.notKnownMs))}
</div>
<dl>
${term("Time", `${fleet.nodes} nodes, each ${lengthText(rangeMs)}: ${lengthText(fleet.totalMs)} together`)}
${term("Steps", countText(fleet.steps))}
${term("Restarts of agents", countText(fleet.restarts))}
${term("States", statesText(fleet))}
${term("Sources followed", sourcesText(fleet.sources))}
</dl></section>
${lackSection(report)}
<section><h2>Each node</h2><div class="wide"><table>
<thead><tr><th>Node</th><th class="number">Largest error</th><th>Sample of</th><th class="number">Within</th><th class="number">Above</th><th class="number">Not known</th><th class="number">Times above</th><th class="number">Steps</th><th class="number">Restarts</th></tr></thead>
<tbody>${nodes.map((node) => nodeRow(node, rangeMs))}</tbody></table></div></section>
<section><h2>States and sources of each node</h2><div class="wide"><table>
<thead><tr><th>Node</th><th>States</th><th>Sources followed</th><th>First and last sample</th><th>Judged by</th></tr></thead>
<tbody>${nodes.map(stateRow)}</tbody></table></div></section>
${exceedanceSection(exceedances)}
${dataSection(report)}
</main>
<footer><p>Made at ${shownTime(report.madeMs)} UTC by the clock of the machine that made it. What each figure means, and how to compute it again: docs/report.md of Chrony Tracker ${report.version}.</p></footer>
</body>
</html>
`.text;
}

function referenceText(referenceErrorMs: number): string {
  return referenceErrorMs === 0
    ? "0 ms: none was declared, so errors are those against the time source"
    : `${referenceErrorMs} ms, declared by the operator and added to every error`;
}

function lackSection({ data }: Report): Html {
  const sentences = [
    ...data.lacks,
    ...data.warnings.map((warning) => `The backend warns: ${warning}`),
  ];
  return sentences.length === 0
    ? html``
    : html`<section class="state warning"><h2>! What is missing</h2>${sentences.map((sentence) => html`<p>${sentence}</p>`)}</section>`;
}

function nodeRow(figures: NodeFigures, rangeMs: number): Html {
  const { node, largest, withinMs, aboveMs, notKnownMs, exceedances } = figures;
  return html`<tr><td class="name">${nodeText(node)}</td>${errorCells(largest)}<td class="number">${share(withinMs, rangeMs)}</td><td class="number">${shareUp(aboveMs, rangeMs)}</td><td class="number">${shareUp(notKnownMs, rangeMs)}</td><td class="number">${exceedances.length}</td><td class="number">${countText(figures.steps)}</td><td class="number">${countText(figures.restarts)}</td></tr>
`;
}

function stateRow(figures: NodeFigures): Html {
  const { node, firstSampleMs, lastSampleMs } = figures;
  const samples =
    firstSampleMs === undefined || lastSampleMs === undefined
      ? "none"
      : `${shownTime(firstSampleMs)} – ${shownTime(lastSampleMs)}`;
  return html`<tr><td class="name">${nodeText(node)}</td><td class="text">${statesText(figures)}</td><td class="text">${sourcesText(figures.sources)}</td><td class="text">${samples}</td><td>${figures.judgedBy ?? "nothing"}</td></tr>
`;
}

function exceedanceSection(exceedances: readonly Exceedance[]): Html {
  if (exceedances.length === 0) {
    return html`<section><h2>Times above the limit</h2><p>None in the time that is known.</p></section>`;
  }
  const shown = exceedances.slice(0, MOST_EXCEEDANCES);
  const rest = exceedances.length - shown.length;
  return html`<section><h2>Times above the limit</h2><div class="wide"><table>
<thead><tr><th>Node</th><th>From</th><th>To</th><th class="number">Length</th><th class="number">Largest error</th><th>Sample of</th></tr></thead>
<tbody>${shown.map(exceedanceRow)}</tbody></table></div>
<p class="faint">${rest === 0 ? undefined : `${rest} more are in the CSV and JSON files. `}The peak goes back a window: an end can be late by as much, never early. A length of 0 is one sample with nothing known before it.</p></section>`;
}

function exceedanceRow({ node, fromMs, toMs, largest }: Exceedance): Html {
  return html`<tr><td class="name">${nodeText(node)}</td><td>${shownTime(fromMs)}</td><td>${shownTime(toMs)}</td><td class="number">${lengthText(toMs - fromMs)}</td>${errorCells(largest)}</tr>
`;
}

function errorCells(largest: ErrorAt | undefined): Html {
  return largest === undefined
    ? html`<td class="number">–</td><td>–</td>`
    : html`<td class="number">${milliseconds(largest.errorMs)}</td><td>${shownTime(largest.atMs)}</td>`;
}

function dataSection({ data, prometheus }: Report): Html {
  return html`<section><h2>The data</h2><dl>
${term("Backend", prometheus)}
${term("Samples", String(data.samples))}
${term("SHA-256 of the samples", data.sha256)}
</dl>
<div class="wide"><table>
<thead><tr><th>Query, in pieces</th><th class="number">Requests</th><th class="number">Series</th><th class="number">Samples</th></tr></thead>
<tbody>${data.asked.map(
    ({
      selector,
      requests,
      series,
      samples,
    }) => html`<tr><td class="text"><code>${selector}[…]</code></td><td class="number">${requests}</td><td class="number">${series}</td><td class="number">${samples}</td></tr>
`,
  )}</tbody></table></div></section>`;
}

function term(label: string, text: string): Html {
  return html`<dt>${label}</dt><dd>${text}</dd>`;
}

function number(label: string, value: string, note: string): Html {
  return html`<section><h2>${label}</h2><p>${value}</p><p class="note">${note}</p></section>`;
}

function statesText({ states, stateNotKnownMs }: Times): string {
  return [
    ...SYNC_STATES.map((state) => [state, states[state]] as const),
    ["not known", stateNotKnownMs] as const,
  ]
    .filter(([, timeMs]) => timeMs > 0)
    .map(([state, timeMs]) => `${state} ${lengthText(timeMs)}`)
    .join(", ");
}

function sourcesText(sources: readonly SourceTime[]): string {
  const texts = sources.map(({ name, address, timeMs }) => {
    const where = address === "" || address === name ? "" : ` (${address})`;
    return `${name === "" ? "none" : name}${where} ${lengthText(timeMs)}`;
  });
  return texts.length === 0 ? "not known" : texts.join(", ");
}

function countText(count: number | undefined): string {
  return count === undefined ? "not known" : String(count);
}

function nodeText({ cluster, name }: NodeName): string {
  return cluster === "" ? name : `${cluster}/${name}`;
}

/** `2026-10-01 08:00:00`, with milliseconds where there are any. */
function shownTime(timeMs: number): string {
  return timeText(timeMs).replace("T", " ").replace("Z", "").replace(".000", "");
}

const DAY_MS = 86_400_000;

/** `4.5 s`, `00:12:30`, `3 d 00:12:30`, with parts of a second where there are any. */
function lengthText(lengthMs: number): string {
  if (lengthMs < 60_000) {
    return `${lengthMs / 1000} s`;
  }
  const days = Math.floor(lengthMs / DAY_MS);
  const clock = new Date(lengthMs % DAY_MS).toISOString().slice(11, 23).replace(".000", "");
  return days === 0 ? clock : `${days} d ${clock}`;
}

const PERCENT_DECIMALS = 3;
const PERCENT_UNIT = 100 * 10 ** PERCENT_DECIMALS;

/** Rounded down, so that 100 % is never less than all. */
export function share(partMs: number, totalMs: number): string {
  return totalMs === 0 ? "–" : percent(Math.floor((partMs * PERCENT_UNIT) / totalMs));
}

/** Rounded up, so that 0 % is never more than nothing. */
function shareUp(partMs: number, totalMs: number): string {
  return totalMs === 0 ? "–" : percent(Math.ceil((partMs * PERCENT_UNIT) / totalMs));
}

function percent(units: number): string {
  return `${(units / 10 ** PERCENT_DECIMALS).toFixed(PERCENT_DECIMALS)} %`;
}
