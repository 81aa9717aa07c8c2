// The table of exit codes, compared with the help texts and the exit codes of real processes.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { HELP as DEMO_HELP } from "../demo/command-line.ts";
import { HELP } from "../src/command-line.ts";
import { exitCodeHelp } from "../src/exit-codes.ts";
import { REPORT_HELP } from "../src/report/options.ts";
import { STATUS_HELP } from "../src/status/options.ts";
import { WAIT_HELP } from "../src/wait/options.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

describe("the help of each command has its rows, in 80 columns:", () => {
  const helps = [
    ["chrony-tracker", HELP],
    ["chrony-tracker status", STATUS_HELP],
    ["chrony-tracker wait", WAIT_HELP],
    ["chrony-tracker-report", REPORT_HELP],
    ["npm run demo", DEMO_HELP],
  ] as const;
  for (const [command, help] of helps) {
    test(command, () => {
      const rows = exitCodeHelp(command);
      assert.ok(rows !== "" && help.includes(rows), help);
      for (const row of rows.split("\n")) {
        assert.ok(row.length <= 80, row);
      }
    });
  }
});

describe("a process that writes to a full device reports it, and fails:", () => {
  const cases: [string, number][] = [
    ["status", 3],
    ["status --brief --watch", 3],
    ["status --help", 3],
    ["wait --help", 2],
    ["--help", 1],
    ["--version", 1],
  ];
  for (const [words, code] of cases) {
    test(words, () => {
      const { status, stderr } = spawnSync(
        "sh",
        ["-c", `"$0" src/main.ts ${words} > /dev/full`, process.execPath],
        { cwd: ROOT, encoding: "utf8", env: { PATH: process.env["PATH"] } },
      );
      assert.equal(status, code, stderr);
      assert.match(stderr, /^Standard output cannot be written: ENOSPC.*\n$/);
    });
  }
});

describe("a process ends with the code in the table:", () => {
  const cases: [string, number][] = [
    ["src/main.ts --help", 0],
    ["src/main.ts --nonsense", 2],
    ["src/main.ts status --nonsense", 3],
    ["src/main.ts wait --help", 0],
    ["src/main.ts wait --nonsense", 2],
    ["src/report/main.ts --help", 0],
    ["src/report/main.ts --nonsense", 2],
    ["demo/main.ts --help", 0],
    ["demo/main.ts --nonsense", 2],
  ];
  for (const [words, code] of cases) {
    test(words, () => {
      const { status } = spawnSync(process.execPath, words.split(" "), { cwd: ROOT });
      assert.equal(status, code);
    });
  }

  test("an invalid setting", () => {
    const env = { PATH: process.env["PATH"], SLEEP_INTERVAL: "often" };
    const { status } = spawnSync(process.execPath, ["src/main.ts"], { cwd: ROOT, env });
    assert.equal(status, 2);
  });
});
