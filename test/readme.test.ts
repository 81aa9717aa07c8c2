// The tables of README.md against the code that they describe.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { COLLECTOR_OFFSET, METRICS } from "../src/metrics/catalogue.ts";
import { SETTING_DESCRIPTIONS } from "../src/settings.ts";

const readme = await readFile(new URL("../README.md", import.meta.url), "utf8");

/** The rows of the table below a comment, without its head: the text of each cell. */
function tableBelow(comment: string): string[][] {
  const [, below = ""] = readme.split(comment);
  const table = below.slice(below.indexOf("|"), below.indexOf("\n\n"));
  return table
    .trim()
    .split("\n")
    .slice(2)
    .map((row) =>
      row
        .split(/(?<!\\)\|/)
        .slice(1, -1)
        .map((cell) => cell.trim().replaceAll("\\|", "|")),
    );
}

test("the README's settings are those of src/settings.ts, in order", () => {
  assert.deepEqual(
    tableBelow("<!-- settings: compared with src/settings.ts by a test -->"),
    SETTING_DESCRIPTIONS.map((setting) => [
      setting.names.map((name) => `\`${name}\``).join(", "),
      setting.default,
      setting.explanation,
    ]),
  );
});

test("the README's metrics are those of src/metrics/catalogue.ts, in order", () => {
  assert.deepEqual(
    tableBelow("<!-- metrics: compared with src/metrics/catalogue.ts by a test -->"),
    [
      ...METRICS.map((metric) => [
        `\`${metric.name}\`${"labels" in metric ? ` {${metric.labels.join(", ")}}` : ""}`,
        metric.kind,
        metric.help,
      ]),
      [
        `\`${COLLECTOR_OFFSET.name}\``,
        "gauge",
        `${COLLECTOR_OFFSET.help} Push only; the collector makes it.`,
      ],
    ],
  );
});
