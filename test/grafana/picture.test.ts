/** The picture of the README: drawn by `npm run picture`, which takes six minutes. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { overview } from "../../grafana/overview.ts";
import { html } from "../../src/page/html.ts";
import { drawDashboard } from "../../tools/picture/drawing.ts";
import { panelsOf } from "./dashboard-queries.ts";

const PICTURE = new URL("../../docs/overview.svg", import.meta.url);

test("it shows the panels that the overview has now: else draw it again", async () => {
  const drawn = await readFile(PICTURE, "utf8");
  for (const { title = "" } of panelsOf(overview())) {
    assert.ok(drawn.includes(html`>${title}</text>`.text), `${title} is not in docs/overview.svg`);
  }
});

test("what comes out of a Prometheus is drawn as text and cannot become a part of the picture", () => {
  const dashboard = overview();
  const table = panelsOf(dashboard).find(({ type }) => type === "table");
  const labels = { cluster: "blue", k8s_node_name: "<script>alert(1)</script>" };
  const drawn = drawDashboard(
    dashboard,
    {
      startSeconds: 0,
      endSeconds: 60,
      results: { [table?.id ?? 0]: { peak: [{ labels, values: [1.5], timesSeconds: [60] }] } },
    },
    "a caption",
  );
  assert.match(drawn, /1\.5 ms/);
  assert.match(drawn, /&#60;script&#62;/);
  assert.doesNotMatch(drawn, /<script/);
});
