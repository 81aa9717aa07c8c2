// The table of npm run bench. Its measurements are not tested, because tests have no time limits.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { median } from "../../tools/bench/process-figures.ts";
import { isWithinBudget, type Row, tableOf } from "../../tools/bench/row.ts";

const BENCH = fileURLToPath(new URL("../../tools/bench.ts", import.meta.url));
const CPU: Row = { figure: "CPU", value: 0.61, unit: "ms/s", budget: { value: 0.5 } };
const MEMORY: Row = {
  figure: "memory",
  value: 62.04,
  unit: "MiB",
  reference: { name: "bare", value: 50 },
  budget: { ratio: 1.3 },
};

test("a budget is a value, or a ratio to the reference of the same run", () => {
  assert.equal(isWithinBudget(CPU), false);
  assert.equal(isWithinBudget(MEMORY), true);
  assert.equal(isWithinBudget({ ...MEMORY, reference: { name: "bare", value: 47 } }), false);
  assert.equal(isWithinBudget({ figure: "push", value: 3, unit: "ms" }), undefined);
});

test("the table names value, reference, ratio and budget", () => {
  assert.equal(
    tableOf([CPU, MEMORY]),
    [
      "| figure | agent | reference | ratio | budget | met |",
      "| --- | --- | --- | --- | --- | --- |",
      "| CPU | 0.61 ms/s |  |  | ≤ 0.5 ms/s | **no** |",
      "| memory | 62 MiB | bare: 50 MiB | 1.24 × | ≤ 1.3 × | yes |",
      "",
    ].join("\n"),
  );
});

test("a median is the middle, or the mean of the two in the middle", () => {
  assert.deepEqual([median([3, 1, 2]), median([4, 1, 3, 2]), median([5])], [2, 2.5, 5]);
});

test("npm run bench rejects an invalid window", () => {
  const { status, stderr } = spawnSync(process.execPath, [BENCH, "--window", "0"], {
    encoding: "utf8",
  });
  assert.equal(status, 2);
  assert.match(stderr, /^--window is 0: expected seconds, 1 or more\.$/m);
});
