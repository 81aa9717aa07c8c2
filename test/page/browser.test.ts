// The page at `/` of a real agent with a real chronyd, by HTTP and in a real Chromium.

import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { get, scrapeInState } from "../agent/scrape.ts";
import { type Agent, startAgentBeside } from "../parts/agent.ts";
import type { Chronyd } from "../parts/chronyd.ts";
import { startFollower } from "../parts/follower.ts";
import { freePort } from "../parts/free-port.ts";
import { suiteScope } from "../parts/suite-scope.ts";
import { waitFor } from "../parts/wait-for.ts";
import { findChromium, startBrowser } from "./browser.ts";

/** A name that must be escaped. */
const NODE = `node-1<script>document.title="broken"</script>`;

describe("the page of an agent", () => {
  const scope = suiteScope();
  let follower: Chronyd;
  let agent: Agent;
  let collectorPort: number;

  before(async () => {
    follower = await startFollower(scope);
    collectorPort = await freePort();
    agent = await startAgentBeside(scope, follower, {
      OTEL_METRICS_EXPORTER: "otlp,prometheus",
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${collectorPort}`,
      OTEL_METRIC_EXPORT_INTERVAL: "1000",
      OTEL_RESOURCE_ATTRIBUTES: `k8s.node.name=${encodeURIComponent(NODE)}`,
    });
    await scrapeInState(agent, "synchronised");
  });

  /** Requests the page until it matches. */
  async function untilPage(pattern: RegExp): Promise<string> {
    return await waitFor(`the page to say ${pattern}`, async () => {
      const { body } = await get(agent, "/");
      return pattern.test(body) && body;
    });
  }

  test("is served with a policy that allows no content from elsewhere, and must not be cached", async () => {
    const { status, headers } = await get(agent, "/");
    assert.equal(status, 200);
    assert.equal(headers.get("content-type"), "text/html; charset=utf-8");
    assert.equal(headers.get("cache-control"), "no-store");
    assert.equal(headers.get("x-content-type-options"), "nosniff");
    assert.match(
      headers.get("content-security-policy") ?? "",
      /^default-src 'none'; style-src 'sha/,
    );
    assert.equal((await get(agent, "/metrics")).headers.get("content-security-policy"), null);
  });

  test("shows the source, and why the last push failed", async () => {
    const page = await untilPage(/was not reached/);
    assert.match(
      page,
      /<dd>127\.0\.0\.1 <span class="faint">server, stratum 1, answered \d of 8 polls<\/span><\/dd>/,
    );
    assert.match(page, new RegExp(`http://127\\.0\\.0\\.1:${collectorPort}/v1/metrics was not`));
    assert.match(page, /Last accepted: never \(0 accepted/);
  });

  test("has a drawing and its colours in light and dark, fits a phone, and reloads itself", async (t) => {
    const chromium = findChromium();
    if (chromium === undefined) {
      t.skip(
        "needs chromium on the path (Debian: apt-get install chromium), or CHROMIUM=/its/path",
      );
      return;
    }
    const browser = await startBrowser(chromium);
    t.after(() => browser.stop());
    await browser.open(agent.pullUrl);
    assert.equal(await browser.evaluate("document.title"), `synchronised: the clock of ${NODE}`);
    assert.equal(
      await browser.evaluate("document.querySelector('h1').textContent"),
      `The clock of ${NODE}`,
    );
    assert.equal(await browser.evaluate("document.scripts.length"), 0);
    assert.equal(await browser.evaluate("document.querySelectorAll('svg .line').length > 0"), true);

    const looks = async (scheme: string) => {
      const features = [{ name: "prefers-color-scheme", value: scheme }];
      await browser.send("Emulation.setEmulatedMedia", { features });
      return String(
        await browser.evaluate(`[
          getComputedStyle(document.body).backgroundColor,
          getComputedStyle(document.querySelector(".state h2")).color,
        ].join(" ")`),
      );
    };
    assert.equal(await looks("light"), "rgb(246, 247, 249) rgb(20, 108, 52)");
    assert.equal(await looks("dark"), "rgb(18, 22, 27) rgb(91, 209, 132)");

    for (const width of [320, 390, 1280]) {
      const metrics = { width, height: 800, deviceScaleFactor: 1, mobile: width < 1000 };
      await browser.send("Emulation.setDeviceMetricsOverride", metrics);
      const needed = Number(await browser.evaluate("document.documentElement.scrollWidth"));
      assert.ok(needed <= width, `${needed} of ${width} pixels`);
    }

    await follower.freeze();
    try {
      await scrapeInState(agent, "unreachable");
      await waitFor("the page to reload itself", async () => {
        const state = await browser.evaluate("document.querySelector('.state h2').textContent");
        return state === "? unreachable";
      });
      const numbers = await browser.evaluate("document.querySelector('.numbers').textContent");
      assert.doesNotMatch(String(numbers), /\d/);
      assert.equal(await browser.evaluate("document.querySelectorAll('svg .withheld').length"), 1);
    } finally {
      await follower.thaw();
    }
    assert.deepEqual(browser.complaints(), []);
  });
});
