// The log on descriptors that fail: a pipe that is not read, one whose reader has ended, a full disk.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { closeSync, constants, openSync, readSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { createLog } from "../src/log.ts";
import { openStandardError } from "../src/standard-error.ts";
import { folderOf } from "./parts/scratch-folder.ts";

const LINE = "x".repeat(10_000);

test("a pipe that is not read blocks nothing, and when it is read the log reports what was lost", async (t) => {
  const fifo = join(await folderOf(t), "fifo");
  execFileSync("mkfifo", [fifo]);
  const reader = openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK);
  const descriptor = openSync(fifo, constants.O_WRONLY);
  t.after(() => closeSync(reader));
  const log = createLog("info", openStandardError(descriptor));
  const bytes = Buffer.alloc(1_000_000);
  // More than the buffer of a pipe.
  for (let line = 0; line < 20; line += 1) {
    log.info(LINE);
  }
  const whole = bytes
    .toString("utf8", 0, readSync(reader, bytes))
    .split("\n")
    .filter((line) => line.endsWith("}")).length;
  log.info("It is read.");
  const [first, lost, next, ...others] = bytes
    .toString("utf8", 0, readSync(reader, bytes))
    .split("\n")
    .map((line) => (line.startsWith("{") ? JSON.parse(line) : line));
  assert.equal(first, "", "what was cut off ends");
  assert.match(lost.message, /lost/);
  assert.equal(lost.lost, 20 - whole);
  assert.equal(next.message, "It is read.");
  assert.deepEqual(others, [""]);
  closeSync(descriptor);
});

test("a pipe whose reader has ended, and a full disk, throw nothing", async (t) => {
  const fifo = join(await folderOf(t), "fifo");
  execFileSync("mkfifo", [fifo]);
  const reader = openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK);
  const broken = openSync(fifo, constants.O_WRONLY);
  closeSync(reader);
  const full = openSync("/dev/full", constants.O_WRONLY);
  for (const descriptor of [broken, full]) {
    const log = createLog("info", openStandardError(descriptor));
    log.error("It is lost.");
    log.error("So is this.");
    closeSync(descriptor);
  }
});
