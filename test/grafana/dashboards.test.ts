/** The dashboards in grafana/dashboards/: what Grafana, Azure and operators rely on. */
import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { describe, test } from "node:test";
import type { Dashboard, GridPos } from "@grafana/grafana-foundation-sdk/dashboard";
import { DASHBOARDS, dashboardPath, dashboardText } from "../../grafana/dashboards.ts";
import { overview } from "../../grafana/overview.ts";
import { recorded } from "../../grafana/query.ts";
import { labelVariablesOf, panelsOf, queriesOf } from "./dashboard-queries.ts";

test("there is one file for each dashboard", async () => {
  const found = await readdir(dirname(dashboardPath("any")));
  assert.deepEqual(found.toSorted(), Object.keys(DASHBOARDS).toSorted());
});

test("each dashboard has its own address, and links lead only to these", () => {
  const built = Object.values(DASHBOARDS).map((dashboard) => dashboard());
  const uids = built.map(({ uid }) => uid);
  assert.equal(new Set(uids).size, built.length);
  const linked = [...JSON.stringify(built).matchAll(/\/d\/([\w-]+)/g)];
  assert.ok(linked.length > 0);
  for (const [, uid] of linked) {
    assert.ok(uids.includes(uid), `no dashboard has the uid ${uid}`);
  }
});

for (const [fileName, build] of Object.entries(DASHBOARDS)) {
  describe(fileName, () => {
    const dashboard = build();
    const panels = panelsOf(dashboard);

    test("agrees with its source (npm run dashboards)", async () => {
      assert.equal(await readFile(dashboardPath(fileName), "utf8"), dashboardText(dashboard));
    });

    test("every panel has a description and a unit", () => {
      for (const { title, description, fieldConfig } of panels) {
        assert.ok(title, "a panel without a title");
        assert.ok((description ?? "").length > 20, `${title} needs a description`);
        assert.ok(fieldConfig?.defaults.unit, `${title} needs a unit`);
      }
    });

    test("every panel queries the chosen data source, and its queries have unique names", () => {
      for (const panel of panels) {
        const queries = queriesOf(panel);
        assert.ok(queries.length > 0, `${panel.title} asks nothing`);
        for (const { datasource } of [panel, ...queries]) {
          assert.deepEqual(datasource, { type: "prometheus", uid: "$datasource" }, panel.title);
        }
        const names = queries.map(({ refId }) => refId);
        assert.equal(new Set(names).size, names.length, `${panel.title}: ${names.join(" ")}`);
      }
    });

    test("no two panels have the same id or the same place", () => {
      const all = dashboard.panels ?? [];
      assert.equal(new Set(all.map(({ id }) => id)).size, all.length);
      const places = all.map(({ title, gridPos }) => ({ title, ...placeOf(gridPos) }));
      for (const [index, place] of places.entries()) {
        assert.ok(place.x >= 0 && place.x + place.w <= 24, `${place.title} is beyond the edge`);
        const other = places.slice(index + 1).find((one) => overlap(place, one));
        assert.equal(other, undefined, `${place.title} and ${other?.title} overlap`);
      }
    });

    test("every selector has a metric name, because Azure's data source rejects one without", () => {
      for (const expression of expressionsOf(dashboard)) {
        for (const [, before] of withoutStrings(expression).matchAll(/(\w*)\{/g)) {
          assert.notEqual(before, "", `a selector without a metric name in ${expression}`);
        }
      }
    });

    test("the description of a panel that is empty without the recording rules says so", () => {
      for (const panel of panels) {
        if (queriesOf(panel).some(({ expr }) => /\bcluster\w*:/.test(expr))) {
          assert.match(panel.description ?? "", /Needs the recording rules/, panel.title);
        }
      }
    });

    test("no query uses job, which differs by push and by pull", () => {
      for (const expression of expressionsOf(dashboard)) {
        assert.doesNotMatch(expression, /\bjob\b/);
      }
    });
  });
}

describe("Azure's limit of what a query may cost, for a week of 5,000 nodes", () => {
  test("is kept by every query, and one that exceeds it is rejected", () => {
    const dashboard = overview();
    dashboardText(dashboard);
    const graph = panelsOf(dashboard).find(({ type }) => type === "timeseries");
    const [query] = graph === undefined ? [] : queriesOf(graph);
    assert.ok(query);
    query.expr =
      'max by (cluster, k8s_node_name) (chrony_clock_error_peak_ms{cluster=~"$cluster"})';
    assert.throws(
      () => dashboardText(dashboard),
      /"Largest clock error: .*" costs \d+ at 5000 nodes, and Azure allows 15000: .* Use a recording/,
    );
  });

  test("a query of an unknown recording is rejected", () => {
    assert.throws(
      () => recorded("cluster:chrony_up:sum"),
      /has no recording cluster:chrony_up:sum/,
    );
  });
});

/** The queries of all panels and of all variables. */
function expressionsOf(dashboard: Dashboard): string[] {
  return [
    ...panelsOf(dashboard).flatMap((panel) => queriesOf(panel).map(({ expr }) => expr)),
    ...labelVariablesOf(dashboard).map(({ series }) => series),
  ];
}

/** PromQL with empty strings, so that their content is not read as PromQL. */
function withoutStrings(promql: string): string {
  return promql.replaceAll(/"(?:[^"\\]|\\.)*"/g, '""');
}

function placeOf(place: GridPos | undefined): GridPos {
  assert.ok(place, "a panel without a place");
  return place;
}

function overlap(one: GridPos, other: GridPos): boolean {
  return (
    one.x < other.x + other.w &&
    other.x < one.x + one.w &&
    one.y < other.y + other.h &&
    other.y < one.y + one.h
  );
}
