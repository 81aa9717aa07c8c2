// The demo's command line. An unknown argument must not start a demo.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Command, HELP, parseCommandLine } from "../../demo/command-line.ts";

const UNDERSTOOD: readonly (readonly [readonly string[], Command])[] = [
  [[], { kind: "watch" }],
  [["--incident"], { kind: "incident" }],
  [["--seconds", "15"], { kind: "check", seconds: 15 }],
  [["--seconds=2.5"], { kind: "check", seconds: 2.5 }],
  [["--help"], { kind: "help" }],
  [["-h", "--incident"], { kind: "help" }],
];

const MISUSED: readonly (readonly [readonly string[], RegExp])[] = [
  [
    ["--incidents"],
    /^Unknown argument: --incidents\. The options are --incident, --seconds N and --help/,
  ],
  [["15"], /^Unknown argument: 15\. .* npm run demo -- --seconds 10/],
  [["--seconds"], /^Unknown argument: --seconds\./],
  [["--seconds", "soon"], /^--seconds is soon: expected a number from 1 to 86400\.$/],
  [["--seconds", "0"], /^--seconds is 0:/],
  [["--seconds=-5"], /^--seconds is -5:/],
  [["--seconds", "1e9"], /^--seconds is 1e9:/],
  [["--seconds", ""], /^--seconds is :/],
  [["--seconds", "86401"], /^--seconds is 86401:/],
  [["--incident", "--seconds", "15"], /exclude each other/],
];

describe("the demo's command line", () => {
  for (const [args, command] of UNDERSTOOD) {
    test(`${JSON.stringify(args)} asks for ${command.kind}`, () => {
      assert.deepEqual(parseCommandLine(args), command);
    });
  }

  for (const [args, problem] of MISUSED) {
    test(`${JSON.stringify(args)} is rejected with a sentence`, () => {
      const command = parseCommandLine(args);
      assert.ok(command.kind === "usage error");
      assert.match(command.problem, problem);
    });
  }

  test("--help fits a terminal of 80 columns", () => {
    assert.deepEqual(
      HELP.split("\n").filter((line) => line.length > 80),
      [],
    );
  });
});
