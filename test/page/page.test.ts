// The document at `/`, made from facts: its content, and that everything is escaped.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import { html } from "../../src/page/html.ts";
import { PAGE_HEADERS, type PageContent, page } from "../../src/page/page.ts";
import { UNREACHABLE } from "../../src/summary/clock-facts.ts";
import { anyFacts, factsOf, sourceOf } from "../summary/facts.ts";

function contentOf(overrides: Partial<PageContent> = {}): PageContent {
  return {
    node: "node-1",
    version: "0.1.0",
    chronyAddress: "unix:///run/chrony/chronyd.sock",
    wallMs: 1_795_366_512_000,
    clock: factsOf(),
    peakWidthSeconds: 60,
    problem: undefined,
    steps: 0,
    lastStepSeconds: undefined,
    history: [{ second: 99, errorMs: 0.03 }],
    readingIntervalSeconds: 1,
    nowSecond: 100,
    push: { acceptedSecondsAgo: 12.3, failure: undefined, accepted: 120, failed: 1 },
    servesMetrics: true,
    ...overrides,
  };
}

/** The text that a reader sees, on one line. */
function textOf(content: PageContent): string {
  return page(content)
    .replace(/<style>.*<\/style>/s, "")
    .replace(/<[^>]+>/g, " ")
    .replaceAll("&#39;", "'")
    .replace(/\s+/g, " ");
}

function linksOf(content: PageContent): (string | undefined)[] {
  return [...page(content).matchAll(/href="(?<to>[^"]*)"/g)].map(({ groups }) => groups?.["to"]);
}

/** The beginning of every tag, in order. */
function elementsOf(content: PageContent): string[] | null {
  return page(content)
    .replace(/<style>.*<\/style>/s, "")
    .match(/<\/?[a-z!]+/gi);
}

describe("a template", () => {
  test("escapes text once", () => {
    const inner = html`<b title="${`"'`}">${"<&>"}</b>`;
    assert.equal(html`${inner}`.text, `<b title="&#34;&#39;">&#60;&#38;&#62;</b>`);
    assert.equal(html`${[inner, inner]}${undefined}${5}`.text, `${inner.text}${inner.text}5`);
  });
});

describe("the page", () => {
  test("of a healthy node shows everything that matters", () => {
    const text = textOf(contentOf());
    for (const words of [
      "The clock of node-1 Chrony Tracker 0.1.0",
      "✓ synchronised The true time is within the bound",
      "Error 0.031 ms",
      "Bound 0.035 ms",
      "Peak 0.052 ms the largest of both in the last 60 s: alerts use it",
      "Source PHC0 reference clock, stratum 0, answered 8 of 8 polls",
      "Reference age 3.2 s since chronyd's last update; stale beyond 64 s",
      "To be slewed 0.005 ms the clock is ahead",
      "Frequency 12.500 ppm too slow without chronyd's correction",
      "Steps 0 of the clock since the agent started",
      "PHC0 selected 0 8 s 8/8 5.0 s +0.0123 0.0304",
      "Last push 12 s ago accepted (120 accepted, 1 failed)",
      "2026-11-22 16:55:12 UTC by this clock",
    ]) {
      assert.ok(text.includes(words), `${words}\n${text}`);
    }
  });

  test("shows each source's own stratum, and no age for `stale` if there is none", () => {
    const [server, peer] = [
      sourceOf({ name: "a", mode: "client", stratum: 3 }),
      sourceOf({ name: "b", mode: "peer", stratum: 4, state: "unselected" }),
    ];
    const clock = factsOf({
      source: { address: server.address, name: "a" },
      sources: [server, peer],
      staleAfterSeconds: undefined,
    });
    const text = textOf(contentOf({ clock }));
    assert.match(text, /Source a server, stratum 3, answered/);
    assert.match(text, / a selected 3 8 s .* b combined 4 8 s /);
    assert.match(text, /Reference age 3\.2 s since chronyd's last update To be slewed/);
  });

  test("of a stopped chronyd shows no number of the clock, and why", () => {
    const text = textOf(
      contentOf({ clock: UNREACHABLE, problem: "There is no socket at /x.", history: [] }),
    );
    assert.match(text, /\? unreachable chronyd does not answer: .* There is no socket at \/x\./);
    assert.match(text, /Error – not known: chronyd does not answer Bound – not known/);
    assert.doesNotMatch(text.replace(/1 ms|0\.1 ms|0\.01 ms/g, ""), /\d ms/);
    assert.match(text, /Source – not known Reference age – not known/);
  });

  test("before the first poll shows that, and not a state", () => {
    const text = textOf(contentOf({ clock: undefined, history: [] }));
    assert.match(text, /… starting chronyd has not been polled yet\./);
    assert.doesNotMatch(text, /Error|synchronised/);
  });

  test("is not green above the default thresholds of status", () => {
    assert.match(page(contentOf()), /class="state good"/);
    const slewing = contentOf({ clock: factsOf({ boundMs: 75, peakMs: 80 }) });
    assert.match(page(slewing), /class="state warning"/);
    assert.match(textOf(slewing), /! synchronised The peak of 80\.000 ms is above 50 ms\./);
  });

  test("has a colour and a sign for each verdict: only a good clock is green", () => {
    const looks = [
      [factsOf(), "good", "✓ synchronised"],
      [factsOf({ boundMs: 75 }), "warning", "! synchronised"],
      [factsOf({ state: "stale" }), "warning", "! stale"],
      [factsOf({ boundMs: 300 }), "bad", "✗ synchronised"],
      [factsOf({ state: "local" }), "bad", "✗ local"],
      [UNREACHABLE, "bad", "? unreachable"],
      [undefined, "waiting", "… starting"],
    ] as const;
    for (const [clock, tone, title] of looks) {
      const start = `<section class="state ${tone}"><h2>${title}</h2>`;
      assert.ok(page(contentOf({ clock })).includes(start), title);
    }
  });

  test("has the use of a source in its colour, and numbers in columns", () => {
    const source = sourceOf({ state: "falseticker" });
    const document = page(contentOf({ clock: factsOf({ sources: [source] }) }));
    const row =
      '<tr><td class="name">PHC0</td><td class="bad word">falseticker</td><td class="number">0</td>';
    assert.ok(document.includes(row));
    assert.ok(document.includes('<th>Use</th><th class="number">Strat</th>'));
  });

  test("shows the steps, with their direction", () => {
    assert.match(
      textOf(contentOf({ steps: 2, lastStepSeconds: -1.5 })),
      /Steps 2 of the clock since the agent started, the last by -1500\.000 ms/,
    );
  });

  test("shows why a push failed, or that push is off", () => {
    const failure =
      "The collector at https://otel.example/v1/metrics?… was not reached: ECONNREFUSED.";
    const push = { acceptedSecondsAgo: undefined, failure, accepted: 0, failed: 3 };
    const text = textOf(contentOf({ push }));
    assert.match(
      text,
      /Last push failed The collector at https:\/\/otel\.example\/v1\/metrics\?… was not/,
    );
    assert.match(text, /Last accepted: never \(0 accepted, 3 failed\)/);
    assert.match(textOf(contentOf({ push: undefined })), /Last push off OTEL_METRICS_EXPORTER/);
    const none = { acceptedSecondsAgo: undefined, failure: undefined, accepted: 0, failed: 0 };
    assert.match(textOf(contentOf({ push: none })), /Last push – none yet/);
  });

  test("links to /metrics if it is served, and always to the others, with relative links", () => {
    assert.deepEqual(linksOf(contentOf()), ["metrics", "status", "livez", "readyz"]);
    assert.deepEqual(linksOf(contentOf({ servesMetrics: false })), ["status", "livez", "readyz"]);
  });

  test("reloads itself, runs no script and loads nothing", () => {
    const document = page(contentOf());
    assert.match(document, /<meta http-equiv="refresh" content="5">/);
    assert.doesNotMatch(
      document,
      /<script|<link|<img|<iframe|\son\w+=|\ssrc=|style="|url\(|@import/i,
    );
    const policy = PAGE_HEADERS["content-security-policy"] ?? "";
    const style = /<style>(?<text>.*)<\/style>/s.exec(document)?.groups?.["text"] ?? "";
    const hash = createHash("sha256").update(style).digest("base64");
    assert.ok(policy.startsWith(`default-src 'none'; style-src 'sha256-${hash}';`), policy);
    assert.doesNotMatch(policy, /unsafe|https?:|\*/);
  });

  test("has the same elements whatever the texts are, because all are escaped", () => {
    const evil = `"'><script>alert(1)</script><!--`;
    assert.deepEqual(
      elementsOf(contentOf({ node: evil, problem: evil })),
      elementsOf(contentOf({ node: "node-1", problem: "A sentence." })),
    );
    fc.assert(
      fc.property(anyFacts, fc.string(), (clock, node) => {
        const document = page(contentOf({ clock, node }));
        assert.doesNotMatch(document, /<script|undefined|NaN/);
      }),
    );
  });
});
