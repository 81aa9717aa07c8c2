/**
 * Every query of every dashboard in a Prometheus with the series of real parts: three nodes that are pushed and scraped,
 * two that are only scraped, and an incident on three of them.
 */
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import type { Dashboard, Panel } from "@grafana/grafana-foundation-sdk/dashboard";
import type { Dataquery } from "@grafana/grafana-foundation-sdk/prometheus";
import { recordingGroup } from "../../alerts/prometheus.ts";
import { DASHBOARDS } from "../../grafana/dashboards.ts";
import { scrape, scrapeInState } from "../agent/scrape.ts";
import { folderOf } from "../parts/scratch-folder.ts";
import { suiteScope } from "../parts/suite-scope.ts";
import { waitFor } from "../parts/wait-for.ts";
import { labelVariablesOf, panelsOf, queriesOf, run, untilData } from "./dashboard-queries.ts";
import { type Fleet, PUSHING_CLUSTER, SCRAPED_CLUSTER, startFleet } from "./fleet.ts";

const STEPPED = "aks-pool-1";
const DEAD = "aks-pool-2";
const WELL = "aks-pool-5";
const SCRAPED = "edge-1";
const SCRAPED_WELL = "edge-2";
const NODES = [STEPPED, DEAD, WELL, SCRAPED, SCRAPED_WELL];
const STEP_MS = 5_000;
const UNTIL_TOLD_MS = 60_000;
/** Longer than a pushed sample takes to arrive. */
const RECORDED_EVERY_SECONDS = 5;

/** Panels that need an agent that pushes, or the collector. */
const BY_PUSH_ONLY =
  /chrony_collector_offset_seconds|chrony_tracker_(exports|last_export|push_age|backlog)|\botelcol_/;

/**
 * The shipped recordings, every five seconds; a rule that fires for a node whose chronyd is stopped, and rules in place
 * of kube-state-metrics.
 *
 * @param nodes the labels of the nodes
 */
function rulesWith(nodes: readonly Readonly<Record<string, string>>[]): string {
  const unreachable = {
    alert: "ChronydUnreachable",
    expr: 'max by (cluster, k8s_node_name) (chrony_sync_state{state="unreachable"}) == 1',
    labels: { severity: "critical" },
  };
  const known = nodes.map((labels) => ({ record: "kube_node_info", expr: "vector(1)", labels }));
  return JSON.stringify({
    groups: [
      recordingGroup(`${RECORDED_EVERY_SECONDS}s`),
      { name: "rules of the test", interval: "1s", rules: [unreachable, ...known] },
    ],
  });
}

const LINUX = { os_image: "Ubuntu 22.04.5 LTS" };
const WINDOWS = { os_image: "Windows Server 2022 Datacenter" };

/** With the labels of Azure's add-on. One of them is expected to report. */
const NODES_OF_THE_CLUSTER = [
  { cluster: PUSHING_CLUSTER, node: STEPPED, ...LINUX },
  { cluster: PUSHING_CLUSTER, node: "akswin-1", ...WINDOWS },
  { cluster: PUSHING_CLUSTER, node: "virtual-node-aci-linux" },
];

/** With the labels of a cluster's own Prometheus. Three are expected to report. */
const NODES_WITHOUT_CLUSTER = [
  { node: STEPPED, ...LINUX },
  { node: DEAD, ...LINUX },
  { node: "aks-pool-3", ...LINUX },
  { node: "akswin-1", ...WINDOWS },
];

describe("every query finds data", () => {
  const scope = suiteScope();
  let fleet: Fleet;
  let rules: string;
  const startSeconds = Date.now() / 1000;

  before(async () => {
    rules = join(await folderOf(scope), "rules.yaml");
    await writeFile(rules, rulesWith(NODES_OF_THE_CLUSTER));
    fleet = await startFleet(
      scope,
      [
        { name: STEPPED, ways: "push and pull" },
        { name: DEAD, ways: "push and pull" },
        { name: WELL, ways: "push and pull" },
        { name: SCRAPED, ways: "pull" },
        { name: SCRAPED_WELL, ways: "pull" },
      ],
      [rules],
    );
    await untilAllReport();
    for (const name of [STEPPED, SCRAPED]) {
      await fleet.node(name).agent.shiftWallClock(STEP_MS);
    }
    await fleet.node(DEAD).chronyd.stop();
    await Promise.all([STEPPED, SCRAPED].map(untilStepIsTold));
    await untilStepsAreRecorded();
    await untilAWriteFails();
  });

  /** Long enough for a recording before the next step. */
  async function untilAllReport(): Promise<void> {
    const query = `chrony_clock_error_peak_ms offset ${3 * RECORDED_EVERY_SECONDS}s`;
    await waitFor(
      "all nodes by each of their ways",
      async () => (await fleet.prometheus.query(query)).length === 8,
      UNTIL_TOLD_MS,
    );
  }

  async function untilStepIsTold(name: string): Promise<void> {
    await waitFor(
      `the step of ${name}`,
      async () => {
        const found = await fleet.prometheus.query(
          `chrony_clock_steps_total{k8s_node_name="${name}"} == 1`,
        );
        return found.length === (name === SCRAPED ? 1 : 2);
      },
      UNTIL_TOLD_MS,
    );
  }

  /** If Prometheus is down at that moment, it records no step. */
  async function untilStepsAreRecorded(): Promise<void> {
    await waitFor(
      "the record of both steps",
      async () => {
        const found = await fleet.prometheus.query(
          "sum_over_time(cluster_node:chrony_clock_steps:delta1m[5m]) == 1",
        );
        return found.length === 2;
      },
      UNTIL_TOLD_MS,
    );
  }

  /** The collector has this counter only after the first point that it could not write. */
  async function untilAWriteFails(): Promise<void> {
    const { agent } = fleet.node(STEPPED);
    await fleet.prometheus.stop();
    await waitFor("a failed push", async () => {
      const { value } = await scrape(agent);
      return (value("chrony_tracker_exports_total", { result: "failure" }) ?? 0) > 0;
    });
    await fleet.prometheus.restart();
    await scrapeInState(agent, "synchronised");
  }

  /** The numbers of a panel now, by state if they have one. */
  async function now(title: string, name: string): Promise<[string, number | undefined][]> {
    const { query } = queryOf(title, name);
    const results = await run(
      fleet.prometheus.url,
      { ...query, instant: true },
      { cluster: PUSHING_CLUSTER, node: STEPPED, startSeconds, endSeconds: Date.now() / 1000 },
    );
    return results.map(({ labels, values }) => [labels["state"] ?? "", values[0]]);
  }

  for (const [fileName, build] of Object.entries(DASHBOARDS)) {
    const dashboard = build();

    for (const { name, series, label } of labelVariablesOf(dashboard)) {
      test(`${fileName}: the variable ${name} has values`, async () => {
        const parameters = new URLSearchParams({
          "match[]": series.replaceAll("$cluster", ".*"),
          start: String(startSeconds),
        });
        const response = await fetch(
          `${fleet.prometheus.url}/api/v1/label/${label}/values?${parameters.toString()}`,
        );
        const { data }: { data: string[] } = JSON.parse(await response.text());
        const expected = label === "cluster" ? [PUSHING_CLUSTER, SCRAPED_CLUSTER] : NODES;
        assert.deepEqual(data.toSorted(), expected.toSorted());
      });
    }

    for (const { panel, query } of allQueries(dashboard)) {
      const what = `${fileName}: ${panel.title}, query ${query.refId}`;

      test(`${what}, of nodes that are pushed and scraped`, async () => {
        const results = await untilData(fleet.prometheus.url, query, {
          cluster: PUSHING_CLUSTER,
          node: STEPPED,
          startSeconds,
        });
        for (const { labels } of results) {
          assert.equal(labels["job"], undefined, "the ways must have become one");
        }
      });

      if (!BY_PUSH_ONLY.test(query.expr) && !query.expr.includes("ALERTS")) {
        test(`${what}, of a node that is only scraped`, async () => {
          await untilData(fleet.prometheus.url, query, {
            cluster: SCRAPED_CLUSTER,
            node: SCRAPED,
            startSeconds,
          });
        });
      }
    }

    test(`${fileName}: the description of a panel that is empty by pull says so`, () => {
      for (const panel of panelsOf(dashboard)) {
        if (queriesOf(panel).every(({ expr }) => BY_PUSH_ONLY.test(expr))) {
          assert.match(`${panel.title}: ${panel.description}`, /push only|collector's own metrics/);
        }
      }
    });
  }

  test("a node that is pushed and scraped counts once, and one without chronyd is not healthy", async () => {
    await waitFor("the counts", async () => {
      assert.deepEqual(await now("Nodes", "A"), [["", 3]]);
      assert.deepEqual(await now("Nodes", "B"), [["", 1]]);
      assert.deepEqual(await now("Not synchronised", "A"), [["", 1]]);
      assert.deepEqual(await now("Error not known", "A"), [["", 1]]);
      assert.deepEqual(await now("Steps", "A"), [["", 1]]);
      assert.deepEqual(await now("Alerts firing", "A"), [["", 1]]);
      assert.deepEqual(Object.fromEntries(await now("Nodes by state", "A")), {
        synchronised: 2,
        stale: 0,
        stepped: 0,
        local: 0,
        unsynchronised: 0,
        unreachable: 1,
      });
      return true;
    });
  });

  test("`no alert` is shown only if the data source has the series ALERTS", async () => {
    const { query } = queryOf("Alerts firing", "A");
    const alertsAt = async (cluster: string, endSeconds: number) => {
      const chosen = { cluster, node: STEPPED, startSeconds: startSeconds - 60, endSeconds };
      const results = await run(fleet.prometheus.url, query, chosen);
      return results.map(({ values }) => values);
    };
    await waitFor("an alert of the other cluster", async () => {
      assert.deepEqual(await alertsAt(SCRAPED_CLUSTER, Date.now() / 1000), [[0]]);
      return true;
    });
    assert.deepEqual(await alertsAt(SCRAPED_CLUSTER, startSeconds), []);
  });

  test("the table begins with the node whose error is not known", async () => {
    const { query } = queryOf("The 20 worst nodes", "rank");
    const results = await untilData(fleet.prometheus.url, query, {
      cluster: ".*",
      node: STEPPED,
      startSeconds,
    });
    assert.equal(results.length, NODES.length);
    const [worst] = results.toSorted((one, other) => (other.values[0] ?? 0) - (one.values[0] ?? 0));
    assert.equal(worst?.labels["k8s_node_name"], DEAD);
  });

  test("nodes of kube-state-metrics without a cluster are not added to those that reported", async () => {
    await writeFile(rules, rulesWith(NODES_WITHOUT_CLUSTER));
    fleet.prometheus.process.signal("SIGHUP");
    await waitFor("the other nodes", async () => {
      assert.deepEqual(await now("Nodes", "B"), [["", 3]]);
      return true;
    });
  });
});

type PanelQuery = {
  readonly panel: Panel;
  readonly query: Dataquery;
};

function allQueries(dashboard: Dashboard): PanelQuery[] {
  return panelsOf(dashboard).flatMap((panel) =>
    queriesOf(panel).map((query) => ({ panel, query })),
  );
}

/** A query of the overview, by the panel's title. */
function queryOf(title: string, refId: string): PanelQuery {
  const found = Object.values(DASHBOARDS)
    .flatMap((build) => allQueries(build()))
    .find(({ panel, query }) => panel.title === title && query.refId === refId);
  assert.ok(found, `no panel ${title} has a query ${refId}`);
  return found;
}
