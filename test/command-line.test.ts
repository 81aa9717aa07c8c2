// The command line, and the text of --help.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { HELP, parseCommandLine } from "../src/command-line.ts";
import { SETTING_DESCRIPTIONS } from "../src/settings.ts";

describe("the command line", () => {
  test("without args runs the agent", () => {
    assert.deepEqual(parseCommandLine([]), { kind: "run" });
  });

  test("accepts --help and --version alone", () => {
    assert.deepEqual(parseCommandLine(["--help"]), { kind: "help" });
    assert.deepEqual(parseCommandLine(["-h"]), { kind: "help" });
    assert.deepEqual(parseCommandLine(["--version"]), { kind: "version" });
  });

  test("accepts a command with its own arguments", () => {
    assert.deepEqual(parseCommandLine(["status", "--json", "-w", "5"]), {
      kind: "status",
      args: ["--json", "-w", "5"],
    });
    assert.deepEqual(parseCommandLine(["wait", "--help"]), { kind: "wait", args: ["--help"] });
  });

  const misuses = [["--verbose"], ["start"], [""], ["--help", "me"], ["--version", "--help"]];
  for (const args of misuses) {
    test(`${JSON.stringify(args)} is an error, which lists what is allowed`, () => {
      const command = parseCommandLine(args);
      assert.ok(command.kind === "usage error");
      assert.ok(command.problem.startsWith(`Unknown argument: ${args.join(" ")}. Use `));
      assert.match(command.problem, /--help or --version; settings are environment variables\.$/);
    });
  }
});

test("report is another program, which is named", () => {
  const command = parseCommandLine(["report", "--from", "2026-10-01"]);
  assert.ok(command.kind === "usage error");
  assert.match(command.problem, /npm run report, or node dist\/chrony-tracker-report\.cjs/);
});

describe("--help", () => {
  for (const { names, explanation, default: fallback } of SETTING_DESCRIPTIONS) {
    test(`explains ${names.join(" and ")}`, () => {
      const lines = `${names.join(", ")}\n    ${explanation}\n    Default: ${fallback}\n`;
      assert.ok(HELP.includes(`\n${lines}`), lines);
    });
  }

  test("ends with a line break", () => {
    assert.ok(HELP.endsWith("\n"));
  });
});
