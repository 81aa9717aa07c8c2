// A month in a real Prometheus. Each figure was computed by hand (played-month.ts).

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { type Prometheus, startPrometheus } from "../parts/prometheus.ts";
import { folderOf } from "../parts/scratch-folder.ts";
import { suiteScope } from "../parts/suite-scope.ts";
import {
  EXPECTED,
  EXPECTED_EXCEEDANCES,
  FROM,
  HOSTILE_NAME,
  TO,
  timeOf,
  WINDOW_SECONDS,
  writeMonth,
} from "./played-month.ts";
import { type NodeJson, type ReportJson, reportJson, runReport } from "./run-report.ts";

const RANGE_SECONDS = (Date.parse(TO) - Date.parse(FROM)) / 1000;

describe("the report of a month", () => {
  const scope = suiteScope();
  let prometheus: Prometheus;
  let folder: string;
  let json: ReportJson;

  const args = (more: readonly string[] = []) => [
    `--prometheus=${prometheus.url}`,
    "--cluster=month",
    `--peak-window=${WINDOW_SECONDS}`,
    "--within=10",
    ...more,
  ];

  before(async () => {
    folder = await folderOf(scope);
    const samplesFile = join(folder, "month.txt");
    await writeMonth(samplesFile);
    prometheus = await startPrometheus(scope, { samplesFile });
    const run = await runReport(
      folder,
      args([`--from=${FROM}`, `--to=${TO}`, "--expect=a-steady,i-never"]),
    );
    assert.deepEqual([run.code, run.stderr], [0, ""]);
    json = await reportJson(folder);
  });

  const nodeOf = (name: string): NodeJson => {
    const node = json.nodes.find((one) => one.node === name);
    assert.ok(node !== undefined, name);
    return node;
  };

  for (const [name, expected] of Object.entries(EXPECTED)) {
    test(`of ${name}`, () => {
      const { state_seconds, within_seconds, seconds, within_share, ...node } = nodeOf(name);
      const { states, ...figures } = expected as { states: object };
      for (const [key, value] of Object.entries(figures)) {
        assert.deepEqual(node[key], value, key);
      }
      const inStates = Object.entries(state_seconds).filter(([, length]) => length > 0);
      const expectedStates = Object.entries(states).filter(([, length]) => length > 0);
      assert.deepEqual(Object.fromEntries(inStates), Object.fromEntries(expectedStates));
      const { above_seconds, not_known_seconds } = figures as unknown as Record<string, number>;
      assert.equal(seconds, RANGE_SECONDS);
      const within = RANGE_SECONDS - (above_seconds ?? 0) - (not_known_seconds ?? 0);
      assert.equal(within_seconds, within);
      assert.equal(within_share, within / RANGE_SECONDS);
    });
  }

  test("counts the whole time of an expected node without samples as not known", () => {
    const never = nodeOf("i-never");
    assert.equal(never["not_known_seconds"], RANGE_SECONDS);
    assert.equal(never["within_seconds"], 0);
    assert.equal(never["largest_error_ms"], null);
    assert.ok(
      json.data.lacks.includes("The backend has no sample of node i-never, which was expected."),
      json.data.lacks.join("\n"),
    );
  });

  test("names the node without metrics that others have, and the consequence", () => {
    const other = "for g-other-exporter.";
    assert.deepEqual(json.data.lacks.slice(0, -1), [
      `The backend has no sample of chrony_clock_error_peak_ms ${other} Error and bound are used instead, which do not cover the time between two samples.`,
      `The backend has no sample of chrony_sync_state ${other} States are not known there.`,
      `The backend has no sample of chrony_clock_steps_total ${other} Steps are not known there.`,
      `The backend has no sample of chrony_tracker_readings_total ${other} Restarts of the agent are not known: the time before its first sample after one may count as known.`,
      `The backend has no sample of chrony_tracking_info ${other} Sources are not known there.`,
    ]);
  });

  test("names each time above the limit, in order", () => {
    assert.deepEqual(json.exceedances, EXPECTED_EXCEEDANCES);
  });

  test("has the sums of all nodes", () => {
    const sum = (key: string) => json.nodes.reduce((total, node) => total + Number(node[key]), 0);
    const { fleet } = json;
    assert.equal(fleet["nodes"], 9);
    assert.equal(fleet["seconds"], 9 * RANGE_SECONDS);
    // 600 of a, 3000 of c, 600 of e, 600 of g.
    assert.equal(fleet["above_seconds"], 4800);
    // b, c, d, f, g, the hostile one and the one that never was.
    const notKnown = 1200 + 25_200 + 41 * 86_400 + 2400 + (RANGE_SECONDS - 6000) + RANGE_SECONDS;
    assert.equal(fleet["not_known_seconds"], notKnown);
    assert.equal(fleet["within_seconds"], 9 * RANGE_SECONDS - 4800 - notKnown);
    assert.equal(fleet["within_seconds"], sum("within_seconds"));
    assert.equal(fleet["largest_error_ms"], 900);
    assert.equal(fleet["largest_error_at"], timeOf(100));
    assert.deepEqual(fleet["largest_error_node"], { cluster: "month", node: "b-restarts" });
    assert.equal(fleet["steps"], 11);
    assert.equal(fleet["agent_restarts"], 2);
  });

  test("leaves other clusters out", () => {
    assert.equal(json.nodes.length, 9);
    assert.ok(json.nodes.every(({ cluster }) => cluster === "month" || cluster === undefined));
  });

  test("adds the declared error of the reference to each error", async () => {
    const run = await runReport(
      folder,
      args([
        `--from=${timeOf(990)}`,
        `--to=${timeOf(1010)}`,
        "--reference-error=9.96",
        "--output=reference",
      ]),
    );
    assert.equal(run.code, 0, run.stderr);
    const { nodes, fleet } = await reportJson(folder, "reference");
    const steady = nodes.find(({ node }) => node === "a-steady");
    assert.equal(steady?.["largest_error_ms"], 22.46);
    // 0.05 and 9.96 are more than 10.
    assert.equal(steady?.["above_seconds"], 20 * 600);
    assert.equal(fleet["within_seconds"], 0);
  });

  test("of a range that is no multiple of anything clips at both ends", async () => {
    const from = new Date(Date.parse(timeOf(999)) + 123_456).toISOString();
    const to = new Date(Date.parse(timeOf(1000)) - 1).toISOString();
    const run = await runReport(folder, args([`--from=${from}`, `--to=${to}`, "--output=clipped"]));
    assert.equal(run.code, 0, run.stderr);
    const steady = (await reportJson(folder, "clipped")).nodes.find(
      ({ node }) => node === "a-steady",
    );
    assert.equal(steady?.["above_seconds"], 600 - 123.456 - 0.001);
    assert.equal(steady?.["not_known_seconds"], 0);
    assert.equal(steady?.["largest_error_ms"], 12.5);
  });

  test("gives its samples, of which another Prometheus makes the same report", async (t) => {
    const range = [`--from=${timeOf(140)}`, `--to=${timeOf(284)}`];
    const given = await runReport(folder, args([...range, "--samples", "--output=given"]));
    assert.equal(given.code, 0, given.stderr);
    const first = await reportJson(folder, "given");
    const samplesFile = join(folder, "given.samples");
    const bytes = await readFile(samplesFile);
    assert.equal(first.data.sha256, createHash("sha256").update(bytes).digest("hex"));
    assert.equal(first.data.samples, bytes.toString().trimEnd().split("\n").length - 1);

    const other = await startPrometheus(t, { samplesFile });
    const again = await runReport(folder, [
      ...args([...range, "--output=again"]).slice(1),
      `--prometheus=${other.url}`,
    ]);
    assert.equal(again.code, 0, again.stderr);
    const second = await reportJson(folder, "again");
    assert.equal(second.data.sha256, first.data.sha256);
    // Samples are written in lower case.
    assert.deepEqual(
      second.nodes,
      JSON.parse(JSON.stringify(first.nodes).replaceAll("PHC0", "phc0")),
    );
    assert.deepEqual(second.exceedances, first.exceedances);
  });

  test("names what the backend lacks", async () => {
    const run = await runReport(
      folder,
      args(["--from=2025-09-20", "--to=2025-10-01T00:20:00Z", "--output=before"]),
    );
    assert.equal(run.code, 0, run.stderr);
    const { data, nodes } = await reportJson(folder, "before");
    assert.ok(
      data.lacks.includes("The backend has no sample of any node before 2025-09-30T23:55:00.000Z."),
      data.lacks.join("\n"),
    );
    const steady = nodes.find(({ node }) => node === "a-steady");
    assert.equal(steady?.["within_seconds"], 1200);
    assert.equal(steady?.["not_known_seconds"], 11 * 86_400);

    const empty = await runReport(
      folder,
      args(["--from=2025-01-01", "--to=2025-01-02", "--output=empty"]),
    );
    assert.equal(empty.code, 0, empty.stderr);
    const nothing = await reportJson(folder, "empty");
    assert.deepEqual(nothing.data.lacks, [
      "The backend has no sample of any of these metrics in this range.",
    ]);
    assert.equal(nothing.fleet["within_share"], null);
  });

  test("overwrites nothing", async () => {
    const run = await runReport(folder, args([`--from=${FROM}`, `--to=${TO}`]));
    assert.equal(run.code, 1);
    assert.equal(
      run.stderr,
      "chrony-report.html exists already, and a report overwrites nothing: name another with --output.\n",
    );
  });

  test("escapes labels in HTML, so that nothing is run or loaded", async () => {
    const page = await readFile(join(folder, "chrony-report.html"), "utf8");
    assert.ok(!/<script|<img|<link|<iframe|\son\w+=|javascript:|url\(|@import/i.test(page));
    assert.ok(page.includes("=1+1&#34;;&#60;script&#62;alert(&#34;x&#34;)&#60;/script&#62;"));
    const text = page
      .replace(/<style>.*<\/style>/s, "")
      .replace(/<[^>]+>/g, " ")
      .replace(/\s+/g, " ");
    // Shares are rounded against the node: 2678400 - 600 of 2678400.
    assert.match(
      text,
      /month\/a-steady 12\.500 ms 2025-10-07 22:40:00 99\.977 % 0\.023 % 0\.000 %/,
    );
    assert.match(text, /Error of the reference 0 ms: none was declared/);
    assert.ok(text.includes(json.data.sha256));
    assert.ok(text.includes(json.version));
  });

  test("has CSV in which no cell is a formula", async () => {
    const nodes = await readFile(join(folder, "chrony-report-nodes.csv"), "utf8");
    const rows = nodes.trimEnd().split("\r\n");
    assert.equal(rows.length, 10);
    const hostile = rows.find((row) => row.includes("1+1"));
    const quoted = `"'${HOSTILE_NAME.replaceAll('"', '""')}"`;
    assert.ok(hostile?.startsWith(`month,${quoted},peak,0.05,`), hostile);
    for (const cell of rows.flatMap((row) => row.split(","))) {
      assert.ok(!/^"?[=+@\t]/.test(cell), cell);
    }
    const exceedances = await readFile(join(folder, "chrony-report-exceedances.csv"), "utf8");
    assert.equal(
      exceedances.split("\r\n")[1],
      `month,g-other-exporter,${timeOf(9)},${timeOf(10)},600,50,${timeOf(10)}`,
    );
  });
});
