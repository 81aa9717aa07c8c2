// The options of the report, and the sentences about invalid ones.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { parseReportOptions } from "../../src/report/options.ts";

const NOW_MS = Date.parse("2026-11-28T12:00:00Z");
const NEEDED = [
  "--prometheus=https://p.example/path/",
  "--from=2026-10-01",
  "--to=2026-11-01T01:00:00+01:00",
  "--within=50",
];

describe("the options of a report", () => {
  test("with the required ones only, and the defaults of the others", () => {
    const command = parseReportOptions(NEEDED, NOW_MS);
    assert.deepEqual(command, {
      ok: true,
      value: {
        kind: "report",
        backend: { url: "https://p.example/path/", tokenFile: undefined, caFile: undefined },
        question: {
          fromMs: Date.parse("2026-10-01T00:00:00Z"),
          toMs: Date.parse("2026-11-01T00:00:00Z"),
          limitMs: 50,
          referenceErrorMs: 0,
          peakWindowMs: 60_000,
        },
        cluster: undefined,
        expected: [],
        output: "chrony-report",
        writesSamples: false,
      },
    });
  });

  test("all of them", () => {
    const command = parseReportOptions(
      [
        ...NEEDED,
        "--reference-error=0.5",
        "--cluster=blue",
        "--expect=a, b",
        "--expect=c",
        "--bearer-token-file=/t",
        "--ca-file=/c",
        "--peak-window=120",
        "--output=x",
        "--samples",
      ],
      NOW_MS,
    );
    assert.ok(command.ok && command.value.kind === "report");
    const { backend, question, cluster, expected, output, writesSamples } = command.value;
    assert.deepEqual(backend, { url: "https://p.example/path/", tokenFile: "/t", caFile: "/c" });
    assert.deepEqual([question.referenceErrorMs, question.peakWindowMs], [0.5, 120_000]);
    assert.deepEqual(
      [cluster, expected, output, writesSamples],
      ["blue", ["a", "b", "c"], "x", true],
    );
  });

  const time =
    "expected a date (2026-10-01, in UTC) or a time with its zone (2026-10-01T08:00:00Z).";
  const invalid: [string, string][] = [
    ["--from=yesterday", `--from is "yesterday": ${time}`],
    ["--from=2026-02-31", `--from is "2026-02-31": ${time}`],
    ["--to=2026-10-31T08:00:00", `--to is "2026-10-31T08:00:00": ${time}`],
    [
      "--to=2026-09-01",
      '--to is "2026-09-01": expected a time after --from, which is "2026-10-01".',
    ],
    [
      "--to=2026-11-29",
      '--to is "2026-11-29": expected a time that has passed; it is 2026-11-28T12:00:00.000Z.',
    ],
    ["--from=2025-01-01", '--from is "2025-01-01": expected at most 400 days before --to.'],
    ["--within=much", '--within is "much": expected a number from 0 to 86400000.'],
    ["--within=-1", '--within is "-1": expected a number from 0 to 86400000.'],
    ["--reference-error=NaN", '--reference-error is "NaN": expected a number from 0 to 86400000.'],
    ["--peak-window=30", '--peak-window is "30": expected a number from 60 to 3600.'],
    [
      "--prometheus=ftp://x",
      '--prometheus is "ftp://x": expected a URL like http://HOST:PORT or https://HOST.',
    ],
    [
      "--prometheus=https://x/?a=b",
      '--prometheus is "https://x/?…": expected a URL without ? and #.',
    ],
    ["--speed=1", "Unknown option '--speed'. See: chrony-tracker-report --help."],
  ];
  for (const [arg, sentence] of invalid) {
    test(`${arg} is invalid`, () => {
      assert.deepEqual(parseReportOptions([...NEEDED, arg], NOW_MS), {
        ok: false,
        error: [sentence],
      });
    });
  }

  test("that are missing are all named", () => {
    const command = parseReportOptions([], NOW_MS);
    const missing = ["prometheus", "from", "to", "within"].map(
      (name) => `--${name} is missing. See: chrony-tracker-report --help.`,
    );
    assert.deepEqual(command, { ok: false, error: missing });
  });

  test("do not repeat name and password of the address in an error", () => {
    const command = parseReportOptions([...NEEDED, "--prometheus=https://me:hidden@x"], NOW_MS);
    assert.ok(!command.ok && !command.error.join().includes("hidden"), JSON.stringify(command));
  });

  for (const url of ["http://127.0.0.1:9090", "http://localhost:9090", "http://[::1]:9090"]) {
    test(`a token may go to ${url}`, () => {
      const args = [...NEEDED, `--prometheus=${url}`, "--bearer-token-file=/t"];
      assert.ok(parseReportOptions(args, NOW_MS).ok);
    });
  }

  for (const url of ["http://p.example", "http://127.0.0.1.example", "http://10.0.0.1:9090"]) {
    test(`a token may not go to ${url}`, () => {
      const args = [...NEEDED, `--prometheus=${url}`, "--bearer-token-file=/t"];
      assert.deepEqual(parseReportOptions(args, NOW_MS), {
        ok: false,
        error: [
          `--prometheus is "${url}": expected https:// with --bearer-token-file, because a token is sent in clear only to this machine.`,
        ],
      });
    });
  }
});
