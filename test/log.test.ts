// The log's output to a terminal, and to other streams. The streams are arrays.

import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import { createLog, type Log, type LogLevel } from "../src/log.ts";

const NOW = "2026-11-22T16:55:13.796Z";

function logTo(t: TestContext, level: LogLevel, isTTY: boolean): { log: Log; written: string[] } {
  t.mock.timers.enable({ apis: ["Date"], now: Date.parse(NOW) });
  const written: string[] = [];
  const log = createLog(level, { write: (text) => written.push(text), isTTY });
  return { log, written };
}

describe("to a file or a pipe", () => {
  test("an event is one line of JSON: time, level, message and its fields", (t) => {
    const { log, written } = logTo(t, "info", false);
    log.warn("Something\nis wrong.", { times: 3, node: 'a "b"', late: true });
    const line = `{"time":"${NOW}","level":"warn","message":"Something\\nis wrong.","times":3,"node":"a \\"b\\"","late":true}\n`;
    assert.deepEqual(written, [line]);
  });

  test("an undefined field is left out", (t) => {
    const { log, written } = logTo(t, "info", false);
    log.info("So.", { known: 0, unknown: undefined });
    assert.deepEqual(JSON.parse(written.join("")), {
      time: NOW,
      level: "info",
      message: "So.",
      known: 0,
    });
  });
});

describe("to a terminal", () => {
  test("an event is a line for a person, in columns", (t) => {
    const { log, written } = logTo(t, "info", true);
    log.error("Something is wrong.");
    log.info("All is well.", { times: 3, unknown: undefined, for_seconds: 60 });
    assert.deepEqual(written, [
      "16:55:13.796 error Something is wrong.\n",
      "16:55:13.796 info  All is well.  (times: 3, for_seconds: 60)\n",
    ]);
  });

  test("without defined fields there are no empty brackets", (t) => {
    const { log, written } = logTo(t, "info", true);
    log.info("So.", { unknown: undefined });
    assert.deepEqual(written, ["16:55:13.796 info  So.\n"]);
  });
});

describe("the level selects the events that are at least as severe:", () => {
  const levels: readonly (readonly [level: LogLevel, written: readonly string[]])[] = [
    ["none", []],
    ["error", ["error"]],
    ["warn", ["error", "warn"]],
    ["info", ["error", "warn", "info"]],
    ["debug", ["error", "warn", "info", "debug"]],
    ["verbose", ["error", "warn", "info", "debug"]],
    ["all", ["error", "warn", "info", "debug"]],
  ];
  for (const [level, expected] of levels) {
    test(`${level}: ${expected.join(", ") || "nothing"}`, (t) => {
      const { log, written } = logTo(t, level, false);
      for (const severity of ["error", "warn", "info", "debug"] as const) {
        log[severity]("So.");
      }
      const severities = written.map((line) => (JSON.parse(line) as { level: string }).level);
      assert.deepEqual(severities, expected);
    });
  }
});

test("lines that cannot be written are counted, and reported once before the next one", (t) => {
  t.mock.timers.enable({ apis: ["Date"], now: Date.parse(NOW) });
  const written: unknown[] = [];
  let isFull = true;
  const log = createLog("info", {
    write: (text) => {
      if (isFull) {
        throw new Error("fake: no space left");
      }
      written.push(JSON.parse(text));
    },
  });
  log.info("Lost.");
  log.info("Lost, too.");
  isFull = false;
  log.info("Written.");
  log.info("Written, too.");
  const lost = "Lines of this log were lost: they could not be written.";
  assert.deepEqual(written, [
    { time: NOW, level: "warn", message: lost, lost: 2 },
    { time: NOW, level: "info", message: "Written." },
    { time: NOW, level: "info", message: "Written, too." },
  ]);
});
