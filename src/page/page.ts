/**
 * The page at `/`, for a person who forwards a port to an agent: one document that loads nothing and runs no script.
 */
import { createHash } from "node:crypto";
import type { PushFacts } from "../summary/agent-report.ts";
import type { ClockFacts, SourceFacts } from "../summary/clock-facts.ts";
import {
  chronydRows,
  errorRows,
  pushRow,
  type Row,
  SOURCE_COLUMNS,
  SOURCE_COLUMNS_NOTE,
  utcCheckRows,
} from "../summary/clock-rows.ts";
import { signedMilliseconds } from "../summary/quantities.ts";
import { USE_WORDS } from "../summary/source-words.ts";
import { conclusion } from "../summary/state-words.ts";
import { DEFAULT_THRESHOLDS } from "../summary/thresholds.ts";
import { judge, type Verdict } from "../summary/verdict.ts";
import { errorDrawing } from "./error-drawing.ts";
import type { ErrorHistory } from "./error-history.ts";
import { Html, html } from "./html.ts";
import { STYLE } from "./style.ts";

/** The content of the page. */
export type PageContent = {
  readonly node: string;
  readonly version: string;
  /** As in CHRONY_ADDRESS. */
  readonly chronyAddress: string;
  /** The node's clock, which is under test: milliseconds since 1970. */
  readonly wallMs: number;
  /** `undefined` before the first poll has ended. */
  readonly clock: ClockFacts | undefined;
  /** The width of the peak's window. */
  readonly peakWidthSeconds: number;
  /** Why chronyd did not answer the last poll, as a sentence. */
  readonly problem: string | undefined;
  /** Steps of the wall clock since the agent started. */
  readonly steps: number;
  /** Positive is forward. */
  readonly lastStepSeconds: number | undefined;
  readonly history: ErrorHistory;
  /** Between two polls of chronyd. */
  readonly readingIntervalSeconds: number;
  /** Monotonic time, in whole seconds. */
  readonly nowSecond: number;
  /** `undefined` when the agent does not push. */
  readonly push: PushFacts | undefined;
  readonly servesMetrics: boolean;
};

const REFRESH_SECONDS = 5;

/** Nothing may be loaded, run, embedded or sent, except the one style, by its hash. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${createHash("sha256").update(STYLE).digest("base64")}'`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** The headers of the page. */
export const PAGE_HEADERS: Readonly<Record<string, string>> = {
  "content-security-policy": CONTENT_SECURITY_POLICY,
  "cache-control": "no-store",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
};

/** The page as a document. */
export function page(content: PageContent): string {
  const { node, version, clock, wallMs } = content;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="refresh" content="${REFRESH_SECONDS}">
<title>${clock?.state ?? "starting"}: the clock of ${node}</title>
<style>${new Html(STYLE)}</style>
</head>
<body>
<header><h1>The clock of ${node}</h1><span class="faint">Chrony Tracker ${version}</span></header>
<main>
${stateSection(content)}
${clock === undefined ? undefined : numbers(clock, content.peakWidthSeconds)}
${drawing(content)}
<section><h2>chronyd</h2><dl>${clockRows(content)}</dl></section>
${clock?.sources === undefined ? undefined : sourceTable(clock.sources)}
<section><h2>Push to the collector</h2><dl>${rowHtml(pushRow(content.push))}</dl></section>
</main>
<footer>
<nav>${metricsLink(content.servesMetrics)}<a href="status">/status</a> this page as JSON · <a href="livez">/livez</a> whether the agent works · <a href="readyz">/readyz</a> whether it is ready</nav>
<p>${new Date(wallMs).toISOString().slice(0, 19).replace("T", " ")} UTC by this clock. The page reloads every ${REFRESH_SECONDS} s.</p>
</footer>
</body>
</html>
`.text;
}

/** A sign for each verdict, in addition to its colour, for readers who do not see colours. */
const LOOKS: Readonly<Record<Verdict, { readonly tone: string; readonly sign: string }>> = {
  ok: { tone: "good", sign: "✓" },
  warning: { tone: "warning", sign: "!" },
  critical: { tone: "bad", sign: "✗" },
  unknown: { tone: "bad", sign: "?" },
};

function stateSection({ clock, problem }: PageContent): Html {
  if (clock === undefined) {
    return html`<section class="state waiting"><h2>… starting</h2><p>chronyd has not been polled yet.</p></section>`;
  }
  const { verdict, reason } = judge(clock, DEFAULT_THRESHOLDS);
  const { tone, sign } = LOOKS[verdict];
  const sentences = [reason, conclusion(clock), problem];
  return html`<section class="state ${tone}"><h2>${sign} ${clock.state}</h2>${sentences.map(paragraph)}</section>`;
}

function paragraph(sentence: string | undefined): Html {
  return sentence === undefined ? html`` : html`<p>${sentence}</p>`;
}

function numbers(clock: ClockFacts, peakWidthSeconds: number): Html {
  return html`<div class="numbers">
${errorRows(clock, peakWidthSeconds).map(number)}</div>`;
}

function number({ label, value = "–", note }: Row): Html {
  return html`<section><h2>${label}</h2><p>${value}</p><p class="note">${note}</p></section>
`;
}

/** After this many missing polls the newest one is too old (clock/assessment.ts). */
const READINGS_UNTIL_UNREACHABLE = 3;

function drawing({ history, nowSecond, readingIntervalSeconds }: PageContent): Html {
  const longestPauseSeconds = 1 + READINGS_UNTIL_UNREACHABLE * readingIntervalSeconds;
  const isWithheldSomewhere = history.some(({ errorMs }) => errorMs === undefined);
  return html`<figure>${errorDrawing(history, nowSecond, longestPauseSeconds)}
<figcaption>The larger of error and bound over the last ten minutes, on a logarithmic scale.${isWithheldSomewhere ? " Grey: not known." : ""}</figcaption></figure>`;
}

function clockRows({ clock, chronyAddress, steps, lastStepSeconds }: PageContent): Html[] {
  const last =
    lastStepSeconds === undefined
      ? ""
      : `, the last by ${signedMilliseconds(1000 * lastStepSeconds)}`;
  const rows: Row[] = [
    ...(clock === undefined ? [] : chronydRows(clock)),
    ...(clock === undefined ? [] : utcCheckRows(clock)),
    { label: "Steps", value: String(steps), note: `of the clock since the agent started${last}` },
    { label: "Asked at", value: chronyAddress, note: "" },
  ];
  return rows.map(rowHtml);
}

function rowHtml({ label, value = "–", note, tone }: Row): Html {
  const shown = tone === undefined ? value : html`<span class="${tone} word">${value}</span>`;
  return html`<dt>${label}</dt><dd>${shown} <span class="faint">${note}</span></dd>
`;
}

function sourceTable(sources: readonly SourceFacts[]): Html {
  return sources.length === 0
    ? html`<section><h2>Its sources</h2><p>None, or their names are not resolved yet.</p></section>`
    : html`<section><h2>Its sources</h2><div class="wide"><table>
<thead><tr><th>Source</th><th>Use</th>${SOURCE_COLUMNS.map(({ title }) => html`<th class="number">${title}</th>`)}</tr></thead>
<tbody>${sources.map(sourceRow)}</tbody></table></div>
<p class="faint">${SOURCE_COLUMNS_NOTE}</p></section>`;
}

function sourceRow(source: SourceFacts): Html {
  const { text, tone } = USE_WORDS[source.state];
  const cells = SOURCE_COLUMNS.map((column) => column.text(source));
  return html`<tr><td class="name">${source.name}</td><td class="${tone} word">${text}</td>${cells.map((cell) => html`<td class="number">${cell}</td>`)}</tr>
`;
}

function metricsLink(isServed: boolean): Html {
  return isServed ? html`<a href="metrics">/metrics</a> every number · ` : html``;
}
