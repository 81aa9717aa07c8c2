/**
 * The page at `/`, for a person who forwards a port to an agent: one document that needs nothing
 * from elsewhere and runs no script.
 */
import { createHash } from "node:crypto";
import type { PushFacts } from "../summary/agent-report.ts";
import { type ClockFacts, followedSource, type SourceFacts } from "../summary/clock-facts.ts";
import {
  duration,
  interval,
  milliseconds,
  partsPerMillion,
  signedMilliseconds,
} from "../summary/quantities.ts";
import { MODE_WORDS, USE_WORDS } from "../summary/source-words.ts";
import { conclusion } from "../summary/state-words.ts";
import { DEFAULT_THRESHOLDS } from "../summary/thresholds.ts";
import { judge, type Verdict } from "../summary/verdict.ts";
import { errorDrawing } from "./error-drawing.ts";
import type { ErrorHistory } from "./error-history.ts";
import { Html, html } from "./html.ts";
import { STYLE } from "./style.ts";

/** All that the page tells. */
export type PageContent = {
  readonly node: string;
  readonly version: string;
  /** As in CHRONY_ADDRESS. */
  readonly chronyAddress: string;
  /** The node's clock, which is under test: milliseconds since 1970. */
  readonly wallMs: number;
  /** `undefined` before the first reading ended. */
  readonly clock: ClockFacts | undefined;
  /** How far back the peak goes. */
  readonly peakWidthSeconds: number;
  /** Why chronyd did not answer the last reading, as a sentence. */
  readonly problem: string | undefined;
  /** Steps of the wall clock since the agent started. */
  readonly steps: number;
  /** Positive is forward. */
  readonly lastStepSeconds: number | undefined;
  readonly history: ErrorHistory;
  /** Between two readings of chronyd. */
  readonly readingIntervalSeconds: number;
  /** Monotonic time, in whole seconds. */
  readonly nowSecond: number;
  /** `undefined` when the agent does not push. */
  readonly push: PushFacts | undefined;
  readonly servesMetrics: boolean;
};

const REFRESH_SECONDS = 5;

/** Nothing may be loaded, run, embedded or sent; the one style is known by its hash. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${createHash("sha256").update(STYLE).digest("base64")}'`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** What the page is served with. */
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
<section><h2>Push to the collector</h2><dl>${pushRows(content.push)}</dl></section>
</main>
<footer>
<nav>${metricsLink(content.servesMetrics)}<a href="status">/status</a> this page as JSON · <a href="livez">/livez</a> whether the agent works · <a href="readyz">/readyz</a> whether it has begun</nav>
<p>${new Date(wallMs).toISOString().slice(0, 19).replace("T", " ")} UTC by this clock. The page reloads every ${REFRESH_SECONDS} s.</p>
</footer>
</body>
</html>
`.text;
}

/** How a verdict looks, beside its colour: a sign that needs no colour. */
const LOOKS: Readonly<Record<Verdict, { readonly tone: string; readonly sign: string }>> = {
  ok: { tone: "good", sign: "✓" },
  warning: { tone: "warning", sign: "!" },
  critical: { tone: "bad", sign: "✗" },
  unknown: { tone: "bad", sign: "?" },
};

function stateSection({ clock, problem }: PageContent): Html {
  if (clock === undefined) {
    return html`<section class="state waiting"><h2>… starting</h2><p>chronyd was not asked yet.</p></section>`;
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
${number("Error now", clock.errorMs, "with the offset of chronyd's last update")}
${number("Bound", clock.boundMs, "with the offset still to be slewed: rely on this one")}
${number("Peak", clock.peakMs, `the largest of both in the last ${duration(peakWidthSeconds)}: it is judged`)}
</div>`;
}

function number(name: string, valueMs: number | undefined, note: string): Html {
  const [text, below] =
    valueMs === undefined ? ["–", "withheld: not known"] : [milliseconds(valueMs), note];
  return html`<section><h2>${name}</h2><p>${text}</p><p class="note">${below}</p></section>`;
}

/** As many readings may fail to come before the newest one counts for nothing (clock/assessment.ts). */
const READINGS_UNTIL_UNREACHABLE = 3;

function drawing({ history, nowSecond, readingIntervalSeconds }: PageContent): Html {
  const longestPauseSeconds = 1 + READINGS_UNTIL_UNREACHABLE * readingIntervalSeconds;
  const isWithheldSomewhere = history.some(({ errorMs }) => errorMs === undefined);
  return html`<figure>${errorDrawing(history, nowSecond, longestPauseSeconds)}
<figcaption>The larger of error and bound over the last ten minutes, on a logarithmic scale.${isWithheldSomewhere ? " Grey: withheld, not known." : ""}</figcaption></figure>`;
}

function clockRows({ clock, chronyAddress, steps, lastStepSeconds }: PageContent): Html[] {
  const stepsText =
    steps === 0 || lastStepSeconds === undefined
      ? "none since the agent started"
      : `${steps} since the agent started, the last by ${signedMilliseconds(1000 * lastStepSeconds)}`;
  return [
    ...(clock === undefined || clock.state === "unreachable" ? [] : knownRows(clock)),
    row("Steps of the clock", stepsText),
    row("Asked at", chronyAddress),
  ];
}

function knownRows(clock: ClockFacts): Html[] {
  const { referenceAgeSeconds, staleAfterSeconds, tracking } = clock;
  return [
    row("Source", sourceText(clock)),
    row(
      "Reference age",
      referenceAgeSeconds === undefined
        ? "not known"
        : `${duration(referenceAgeSeconds)}${staleAfterSeconds === undefined ? "" : ` (stale beyond ${duration(staleAfterSeconds)})`}`,
    ),
    row("Still to be slewed", offsetText(tracking?.systemTimeOffsetSeconds)),
    row("Frequency", frequencyText(tracking?.frequencyPpm)),
  ];
}

function sourceText(clock: ClockFacts): string {
  const { source, upstreamIsLocal } = clock;
  if (source === undefined) {
    return "none";
  }
  const details = followedSource(clock);
  return [
    source.name,
    ...(details === undefined
      ? []
      : [
          MODE_WORDS[details.mode],
          `stratum ${details.stratum}`,
          `answered ${details.answeredOfLastEight} of the last 8 polls`,
        ]),
    upstreamIsLocal === true ? "follows its own clock" : undefined,
  ]
    .filter((part) => part !== undefined)
    .join(", ");
}

function offsetText(seconds: number | undefined): string {
  if (seconds === undefined || seconds === 0) {
    return seconds === undefined ? "not known" : "nothing";
  }
  return `${milliseconds(1000 * Math.abs(seconds))}, the clock is ${seconds > 0 ? "behind" : "ahead"}`;
}

function frequencyText(ppm: number | undefined): string {
  if (ppm === undefined || ppm === 0) {
    return ppm === undefined ? "not known" : "chronyd corrects nothing";
  }
  return `${partsPerMillion(Math.abs(ppm))} too ${ppm > 0 ? "fast" : "slow"} without chronyd's correction`;
}

function sourceTable(sources: readonly SourceFacts[]): Html {
  return sources.length === 0
    ? html`<section><h2>Its sources</h2><p>None, or none whose name has an address yet.</p></section>`
    : html`<section><h2>Its sources</h2><div class="wide"><table>
<thead><tr><th>Source</th><th>Use</th><th class="number">Stratum</th><th class="number">Poll</th><th class="number">Reach</th><th class="number">Heard</th><th class="number">Offset</th><th class="number">±</th></tr></thead>
<tbody>${sources.map(sourceRow)}</tbody></table></div>
<p class="faint">Heard: how long ago. Offset: + the clock is ahead of the source, - behind.</p></section>`;
}

function sourceRow(source: SourceFacts): Html {
  const { text, tone } = USE_WORDS[source.state];
  const cells = [
    String(source.stratum),
    interval(source.pollSeconds),
    `${source.answeredOfLastEight}/8`,
    textOr("never", source.lastSampleAgeSeconds, duration),
    textOr("–", source.offsetSeconds, (seconds) => signedMilliseconds(1000 * seconds)),
    textOr("–", source.offsetErrorSeconds, (seconds) => milliseconds(1000 * seconds)),
  ];
  return html`<tr><td class="name">${source.name}</td><td class="${tone} word">${text}</td>${cells.map((cell) => html`<td class="number">${cell}</td>`)}</tr>
`;
}

function textOr(
  missing: string,
  value: number | undefined,
  text: (value: number) => string,
): string {
  return value === undefined ? missing : text(value);
}

function pushRows(push: PushFacts | undefined): Html[] {
  if (push === undefined) {
    return [row("Last push", "Off: OTEL_METRICS_EXPORTER does not name otlp.")];
  }
  const { acceptedSecondsAgo, failure, accepted, failed } = push;
  const last =
    accepted + failed === 0
      ? html`none yet`
      : failure === undefined
        ? html`<span class="good word">accepted</span>`
        : html`<span class="bad word">failed:</span> ${failure}`;
  const lastAccepted =
    acceptedSecondsAgo === undefined ? "never" : `${duration(acceptedSecondsAgo)} ago`;
  return [
    row("Last push", last),
    row("Last accepted", lastAccepted),
    row("Since the start", `${accepted} accepted, ${failed} failed`),
  ];
}

function row(name: string, value: string | Html): Html {
  return html`<dt>${name}</dt><dd>${value}</dd>
`;
}

function metricsLink(isServed: boolean): Html {
  return isServed ? html`<a href="metrics">/metrics</a> every number · ` : html``;
}
