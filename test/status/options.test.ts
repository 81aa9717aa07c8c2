// The arguments of `status`.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { parseStatusOptions, STATUS_HELP } from "../../src/status/options.ts";

function accepted(...words: string[]) {
  const options = parseStatusOptions(words);
  assert.ok(options.ok, options.ok ? "" : options.error);
  return options.value;
}

describe("the options of status", () => {
  test("have the defaults in --help", () => {
    assert.deepEqual(accepted(), {
      help: false,
      address: undefined,
      form: "full",
      watch: false,
      thresholds: { warningMs: 50, criticalMs: 250 },
    });
    assert.match(STATUS_HELP, /Default: 50 and 250, as the alerts\./);
  });

  test("set their values", () => {
    const options = accepted("--address", "udp://[::1]:323", "-w", "0.5", "--critical=2", "--json");
    assert.equal(options.address?.text, "udp://[::1]:323");
    assert.deepEqual(options.thresholds, { warningMs: 0.5, criticalMs: 2 });
    assert.equal(options.form, "json");
    assert.equal(accepted("--brief", "--watch").form, "brief");
    assert.equal(accepted("--brief", "--watch").watch, true);
    assert.equal(accepted("-h").help, true);
  });

  test("raise the second threshold to the first, unless it is given", () => {
    assert.deepEqual(accepted("-w", "500").thresholds, { warningMs: 500, criticalMs: 500 });
  });

  const refused: [string[], RegExp][] = [
    [["--verbose"], /^Unknown option '--verbose'\. See: chrony-tracker status --help\.$/],
    [["now"], /^Unexpected argument 'now'\. See/],
    [["--warning"], /^Option '-w, --warning <value>' argument missing\. See/],
    [["--json=yes"], /^Option '--json' does not take an argument\. See/],
    [
      ["-w", "ten"],
      /^--warning is "ten": expected a number from 0 to 86400000 \(milliseconds\)\.$/,
    ],
    [["-c", "-1"], /argument is ambiguous\. See/],
    [["-w", "20", "-c", "10"], /^--warning is 20: expected at most --critical, which is 10\.$/],
    [["--json", "--brief"], /^--json and --brief exclude each other/],
    [["--address", "localhost"], /^--address is "localhost": expected unix:\/\/\/PATH or udp:/],
  ];
  for (const [words, sentence] of refused) {
    test(`refuse ${words.join(" ")}, and say what is allowed`, () => {
      const options = parseStatusOptions(words);
      assert.ok(!options.ok);
      assert.match(options.error, sentence);
    });
  }

  test("are all explained by --help, in 80 columns", () => {
    for (const name of ["address", "warning", "critical", "brief", "json", "watch", "help"]) {
      assert.match(STATUS_HELP, new RegExp(`^  .*--${name}\\b`, "m"));
    }
    for (const line of STATUS_HELP.split("\n")) {
      assert.ok(line.length <= 80, `${line.length}: ${line}`);
    }
  });
});
