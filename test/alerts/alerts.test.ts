// The files of the alerts: promtool (Debian's) checks them, and plays the histories of *.test.yaml, in
// which they fire or do not. Also what each backend requires of its file, and the runbook.

import assert from "node:assert/strict";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { parse, stringify } from "yaml";
import { azureRuleGroups, isoDuration } from "../../alerts/azure.ts";
import { derivedFiles } from "../../alerts/files.ts";
import { grafanaProvisioning } from "../../alerts/grafana.ts";
import { recordings, withoutRecordings } from "../../alerts/recordings.ts";
import { ALERT_GROUPS } from "../../alerts/rules.ts";
import { METRICS } from "../../src/metrics/catalogue.ts";
import { bringPrometheus, progressToStandardError } from "../parts/bring.ts";
import { runToEnd } from "../parts/run-to-end.ts";
import { folderOf } from "../parts/scratch-folder.ts";
import { INCIDENTS } from "./incidents.ts";
import { LESS_GARBAGE_COLLECTION } from "./play-incidents.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const histories = (await readdir(join(ROOT, "test/alerts"))).filter((name) =>
  name.endsWith(".test.yaml"),
);
const alerts = ALERT_GROUPS.flatMap((group) => group.alerts);
const [anyAlert] = alerts;
assert.ok(anyAlert);

/** Metrics that alerts may use and that are not in the agent's catalogue. */
const OTHER_METRICS = [
  "chrony_collector_offset_seconds",
  "chrony_tracker_backlog_dropped_points_total",
  "kube_node_info",
  "kube_node_spec_taint",
  "kube_node_status_condition",
  "otelcol_process_uptime",
  "otelcol_processor_filter_datapoints_filtered",
];

describe("the alerts' files", () => {
  let promtool: string;

  before(async () => {
    ({ promtool } = await bringPrometheus(progressToStandardError));
  });

  const run = (...args: string[]) =>
    runToEnd({
      name: `promtool ${args.join(" ")}`,
      command: promtool,
      args,
      cwd: ROOT,
      env: { ...process.env, ...LESS_GARBAGE_COLLECTION },
      timeoutMs: 240_000,
    });

  for (const [path, text] of derivedFiles(ALERT_GROUPS)) {
    test(`${path} agrees with alerts/rules.ts`, async () => {
      const written = await readFile(join(ROOT, path), "utf8").catch(() => "");
      assert.ok(written === text, `${path} is not what it should be: run npm run alerts`);
    });
  }

  test("promtool finds nothing wrong with the rules", async () => {
    const output = await run("check", "rules", "--lint-fatal", "alerts/chrony-tracker.rules.yaml");
    assert.match(output, new RegExp(`SUCCESS: ${alerts.length + recordings().length} rules found`));
  });

  test("promtool can parse what Grafana gets in place of recordings", async (t) => {
    const rules = ALERT_GROUPS.flatMap((group) => group.alerts).map(({ name, expression }) => ({
      alert: name,
      expr: withoutRecordings(expression),
    }));
    const file = join(await folderOf(t), "rules.yaml");
    await writeFile(file, stringify({ groups: [{ name: "for Grafana", rules }] }));
    assert.match(
      await run("check", "rules", file),
      new RegExp(`SUCCESS: ${rules.length} rules found`),
    );
  });

  for (const file of histories) {
    test(`the alerts fire as in ${file}`, async () => {
      assert.match(await run("test", "rules", join("test/alerts", file)), /SUCCESS/);
    });
  }
});

describe("each alert", () => {
  for (const { name, expression, subject } of alerts) {
    test(`${name} fires in some history, and its series carry the labels of a ${subject}`, async () => {
      const labels = (await firedInHistories()).filter((text) =>
        text.includes(`alertname="${name}"`),
      );
      const inIncidents = INCIDENTS.some(({ expected }) =>
        [3, 60].some((size) => name in expected(size)),
      );
      assert.ok(labels.length > 0 || inIncidents, "it fires in no history");
      for (const text of labels) {
        assert.equal(text.includes("k8s_node_name="), subject === "node", text);
      }
    });

    test(`${name} queries existing metrics, and does not select by job`, () => {
      const known = new Set([
        ...METRICS.map((metric) => metric.name),
        ...OTHER_METRICS,
        ...recordings().map((recording) => recording.name),
      ]);
      const asked =
        expression.match(/\b(?:cluster[a-z_]*:\w+:\w+|(?:chrony|kube|otelcol)_[a-z_]+)\b/g) ?? [];
      assert.notDeepEqual(asked, []);
      assert.deepEqual(
        asked.filter((metric) => !known.has(metric)),
        [],
      );
      assert.doesNotMatch(expression, /(?:^|[^a-z_])\{|__name__/, "a selector without a name");
      assert.doesNotMatch(expression, /\bjob\b/);
      assert.doesNotMatch(expression, /\$/, "Grafana would take it for a variable");
    });
  }

  test("has a section of the runbook, and each section has its alert", async () => {
    const runbook = await readFile(join(ROOT, "docs/runbook.md"), "utf8");
    const [, sections = ""] = runbook.split(
      "<!-- alerts: compared with alerts/rules.ts by a test -->",
    );
    const headings = [...sections.matchAll(/^### (.+)$/gm)].map(([, heading]) => heading);
    assert.deepEqual(
      headings,
      alerts.map(({ name }) => name),
    );
  });
});

describe("for Azure", () => {
  test("a group of 20 rules is made, and one of 21 is rejected with the reason", () => {
    const full = Array.from({ length: 20 }, () => anyAlert);
    assert.equal(azureRuleGroups([{ name: "full", alerts: full }])[1]?.rules.length, 20);
    assert.throws(
      () => azureRuleGroups([{ name: "overfull", alerts: [...full, anyAlert] }]),
      /overfull has 21 rules, and Azure allows 20 in a group/,
    );
  });

  test("a group's name that Azure does not allow is rejected", () => {
    assert.throws(() => azureRuleGroups([{ name: "a/b", alerts: [anyAlert] }]), /Rename it/);
  });

  test("durations are ISO 8601, and an invalid one is rejected", () => {
    assert.deepEqual(["90s", "10m", "1h"].map(isoDuration), ["PT90S", "PT10M", "PT1H"]);
    for (const wrong of ["10", "10min", "1h30m", ""]) {
      assert.throws(() => isoDuration(wrong), /alerts\/thresholds\.ts/);
    }
  });

  test("severities are 1 to 3, and each alert resolves by itself", () => {
    const rules = azureRuleGroups(ALERT_GROUPS).flatMap((group) => group.rules);
    for (const rule of rules) {
      if (!("alert" in rule)) {
        continue;
      }
      const expected = { critical: 1, warning: 2, info: 3 }[String(rule.labels["severity"])];
      assert.equal(rule.severity, expected, rule.alert);
      assert.equal(rule.resolveConfiguration.autoResolved, true);
    }
  });
});

describe("for Grafana", () => {
  test("nothing contains a $, which provisioning would read as an environment variable", () => {
    assert.doesNotMatch(JSON.stringify(grafanaProvisioning(ALERT_GROUPS)), /\$/);
  });

  test("recordings are replaced by their expressions, because Grafana has none", () => {
    const text = JSON.stringify(grafanaProvisioning(ALERT_GROUPS));
    for (const { name } of recordings()) {
      assert.ok(!text.includes(name), name);
    }
    assert.match(text, /count_over_time\(\(.*?\)\[2h:1m\]\) >= 3/);
  });

  test("an alert whose uid would be too long is rejected", () => {
    const long = { ...anyAlert, name: "A".repeat(34) };
    assert.throws(
      () => grafanaProvisioning([{ name: "g", alerts: [long] }]),
      /Shorten the alert's name/,
    );
  });
});

/** The labels of every alert that fires in some history. */
async function firedInHistories(): Promise<string[]> {
  const files = await Promise.all(
    histories.map((file) => readFile(join(ROOT, "test/alerts", file), "utf8")),
  );
  return files.flatMap((text) => {
    const content: HistoryFile = parse(text, { merge: true });
    return content.tests
      .flatMap(({ promql_expr_test }) => promql_expr_test)
      .flatMap(({ exp_samples }) => exp_samples.map(({ labels }) => labels));
  });
}

type HistoryFile = {
  readonly tests: readonly {
    readonly promql_expr_test: readonly {
      readonly exp_samples: readonly { readonly labels: string }[];
    }[];
  }[];
};
