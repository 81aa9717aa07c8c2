// The rules in a real Prometheus, with the series of a real chronyd, agent and collector, by push and by pull.
// Only kube-state-metrics is a fake.

import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { parse, stringify } from "yaml";
import { recordingGroup, rulesFile } from "../../alerts/prometheus.ts";
import { recordings } from "../../alerts/recordings.ts";
import { ALERT_GROUPS, type AlertGroup } from "../../alerts/rules.ts";
import { type Chronyd, startChronyd } from "../parts/chronyd.ts";
import { followerConfiguration, timeServerConfiguration } from "../parts/chronyd-configuration.ts";
import { CLUSTER } from "../parts/collector.ts";
import { startFollower } from "../parts/follower.ts";
import { freePort, freeUdpPort } from "../parts/free-port.ts";
import type { Owner } from "../parts/owner.ts";
import { type Path, scrapeConfig, startPath } from "../parts/path.ts";
import { startPrometheus } from "../parts/prometheus.ts";
import { folderOf } from "../parts/scratch-folder.ts";
import { suiteScope } from "../parts/suite-scope.ts";
import { waitFor } from "../parts/wait-for.ts";
import { startFakeKubeStateMetrics } from "./fake-kube-state-metrics.ts";

const NODE = "node-1";
const SHIPPED_RULES = fileURLToPath(
  new URL("../../alerts/chrony-tracker.rules.yaml", import.meta.url),
);
const EVALUATIONS = 10;

/** A path whose Prometheus evaluates these rules every second, with the usual chronyd or another one. */
async function startRuledPath(
  owner: Owner,
  rules: string,
  scrapeConfigs: readonly object[] = [],
  chronyd?: Chronyd,
): Promise<Path> {
  const pullPort = await freePort();
  const prometheus = await startPrometheus(owner, {
    ruleFiles: [rules],
    evaluationInterval: "1s",
    scrapeConfigs: [...scrapeConfigs, scrapeConfig([{ node: NODE, port: pullPort }])],
  });
  const settings = { OTEL_EXPORTER_PROMETHEUS_PORT: String(pullPort) };
  return await startPath(owner, {
    node: NODE,
    prometheus,
    settings,
    ...(chronyd !== undefined && { chronyd }),
  });
}

describe("the shipped rules with a healthy node", () => {
  const scope = suiteScope();
  let path: Path;

  before(async () => {
    const kubeStateMetrics = await startFakeKubeStateMetrics(scope, CLUSTER, [NODE]);
    const rules = join(await folderOf(scope), "rules.yaml");
    const [, ...shipped] = (parse(await readFile(SHIPPED_RULES, "utf8")) as { groups: object[] })
      .groups;
    // Recordings once a second, so that the test does not wait for minutes.
    await writeFile(rules, stringify({ groups: [recordingGroup("1s"), ...shipped] }));
    path = await startRuledPath(scope, rules, [kubeStateMetrics.scrapeConfig]);
  });

  test("are all evaluated without an error, and no alert is pending", async () => {
    await waitFor("both ways to report, and the fake to be scraped", async () => {
      const errors = await path.prometheus.query("chrony_clock_error_peak_ms");
      const nodes = await path.prometheus.query("kube_node_info");
      return errors.length === 2 && nodes.length === 1;
    });
    const sinceMs = Date.now();
    const seen = new Set<string>();
    const rules = await waitFor(
      `every group to be evaluated ${EVALUATIONS} times more`,
      async () => {
        const groups = await ruleGroups(path);
        for (const { lastEvaluation } of groups) {
          if (Date.parse(lastEvaluation) > sinceMs) {
            seen.add(lastEvaluation);
          }
        }
        return seen.size >= EVALUATIONS * groups.length && groups.flatMap((group) => group.rules);
      },
      60_000,
    );
    assert.deepEqual(
      rules.filter(({ health }) => health !== "ok").map(({ name, lastError }) => [name, lastError]),
      [],
    );
    const alerts = ALERT_GROUPS.flatMap((group) => group.alerts);
    assert.equal(rules.length, alerts.length + recordings().length);
    // Prometheus has ALERTS also for pending alerts.
    assert.deepEqual(await path.prometheus.query("last_over_time(ALERTS[1h])"), []);
  });
});

describe("the rules with seconds in place of minutes", () => {
  const scope = suiteScope();
  let path: Path;

  before(async () => {
    const rules = join(await folderOf(scope), "rules.yaml");
    await writeFile(rules, stringify(rulesFile(ALERT_GROUPS.map(compressed))));
    path = await startRuledPath(scope, rules);
  });

  test("fire once for both ways, with a sentence, while chronyd is stopped", async () => {
    await waitFor("a healthy start", async () => {
      const states = await path.prometheus.query('chrony_sync_state{state="synchronised"} == 1');
      return states.length === 2;
    });
    await path.chronyd.stop();

    const firing = await waitFor(
      "ChronydUnreachable to fire",
      async () => {
        const found = await firingAlerts(path, "ChronydUnreachable");
        return found.length > 0 && found;
      },
      60_000,
    );
    assert.deepEqual(
      firing.map(({ labels }) => labels),
      [
        {
          alertname: "ChronydUnreachable",
          cluster: CLUSTER,
          k8s_node_name: NODE,
          severity: "warning",
        },
      ],
    );
    const [alert] = firing;
    assert.equal(
      alert?.annotations["summary"],
      `Node ${NODE} of cluster ${CLUSTER}: ${summaryOf("ChronydUnreachable")}`,
    );
    assert.match(
      alert?.annotations["description"] ?? "",
      /^Value: (?:0\.\d+|1) \(the share of the last five minutes in this state\)\.$/,
    );
    assert.match(alert?.annotations["runbook_url"] ?? "", /runbook\.md#chronydunreachable$/);

    await path.chronyd.restart();
    await waitFor(
      "ChronydUnreachable to end",
      async () => (await firingAlerts(path, "ChronydUnreachable")).length === 0,
      60_000,
    );
  });
});

describe("the rules with seconds in place of minutes fire once for both ways", {
  concurrency: true,
}, () => {
  const cases = [
    {
      name: "ClockErrorCritical",
      severity: "critical",
      of: "a clock that is 300 ms off and slewed, whose error is small",
      start: (owner: Owner) => startFollower(owner, { offsetSeconds: 0.3 }),
    },
    {
      name: "TimeSourceRunsFree",
      severity: "warning",
      of: "a source that follows its own clock, though all numbers are small",
      start: startFollowerOfLocal,
    },
  ];
  for (const { name, severity, of, start } of cases) {
    test(`${name}: of ${of}`, async (t) => {
      const rules = join(await folderOf(t), "rules.yaml");
      await writeFile(rules, stringify(rulesFile(ALERT_GROUPS.map(compressed))));
      const path = await startRuledPath(t, rules, [], await start(t));
      const firing = await waitFor(
        `${name} to fire`,
        async () => {
          const found = await firingAlerts(path, name);
          return found.length > 0 && found;
        },
        60_000,
      );
      assert.deepEqual(
        firing.map(({ labels }) => labels),
        [{ alertname: name, cluster: CLUSTER, k8s_node_name: NODE, severity }],
      );
      for (const way of ["push", "pull"] as const) {
        assert.equal(await path.value("chrony_sync_state", way, { state: "synchronised" }), 1);
        const errorMs = await path.value("chrony_clock_error_ms", way);
        assert.ok(errorMs !== undefined && errorMs < 50, `the error is ${errorMs} ms by ${way}`);
      }
    });
  }
});

/** A chronyd whose server has no source, and serves its own clock. */
async function startFollowerOfLocal(owner: Owner): Promise<Chronyd> {
  const ntpPort = await freeUdpPort();
  await startChronyd(owner, { configuration: timeServerConfiguration(ntpPort) });
  const chronyd = await startChronyd(owner, { configuration: followerConfiguration(ntpPort) });
  await chronyd.waitUntilSynchronised();
  return chronyd;
}

function summaryOf(alertName: string): string | undefined {
  return ALERT_GROUPS.flatMap(({ alerts }) => alerts).find(({ name }) => name === alertName)
    ?.summary;
}

/** The same alerts sixty times as fast, because the agents of the tests push every second. */
function compressed({ name, alerts }: AlertGroup): AlertGroup {
  return {
    name,
    alerts: alerts.map((alert) => ({
      ...alert,
      expression: faster(alert.expression),
      ...(alert.for === undefined ? {} : { for: faster(alert.for) }),
    })),
  };
}

function faster(text: string): string {
  return text.replaceAll(/\b(\d+)m\b/g, "$1s").replaceAll(/\b(\d+)h\b/g, "$1m");
}

type Rule = {
  readonly name: string;
  readonly health: string;
  readonly lastError?: string;
};

async function ruleGroups(
  path: Path,
): Promise<readonly { readonly lastEvaluation: string; readonly rules: readonly Rule[] }[]> {
  const response = await fetch(`${path.prometheus.url}/api/v1/rules`);
  const answer: {
    data: { groups: { lastEvaluation: string; rules: Rule[] }[] };
  } = JSON.parse(await response.text());
  return answer.data.groups;
}

type FiringAlert = {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
};

async function firingAlerts(path: Path, name: string): Promise<FiringAlert[]> {
  const response = await fetch(`${path.prometheus.url}/api/v1/alerts`);
  const answer: { data: { alerts: (FiringAlert & { state: string })[] } } = JSON.parse(
    await response.text(),
  );
  return answer.data.alerts.filter(
    ({ labels, state }) => labels["alertname"] === name && state === "firing",
  );
}
