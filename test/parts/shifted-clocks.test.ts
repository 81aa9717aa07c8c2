// A real Node.js process with shifted clocks, in place of the agent.

import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { startAgent } from "./agent.ts";
import { folderOf } from "./scratch-folder.ts";

const HOUR_MS = 3_600_000;

// Prints the time in each way, and ends by itself after SIGTERM.
const PROGRAM = `
const begin = performance.now();
const timer = setInterval(() => {
  console.error(JSON.stringify({
    now: Date.now(),
    created: new Date().getTime(),
    text: Date.parse(Date()),
    fixed: new Date(0).toISOString(),
    isDate: new Date() instanceof Date,
    monotonic: performance.now() - begin,
  }));
}, 20);
process.once("SIGTERM", () => clearInterval(timer));
`;

test("the wall clock moves and comes back, the monotonic clock is not affected, and the process can end", async (t) => {
  const entry = join(await folderOf(t), "program.mjs");
  await writeFile(entry, PROGRAM);
  const begin = performance.now();
  const agent = await startAgent(t, { environment: {}, shiftableClock: true, entry });

  for (const shift of [-HOUR_MS, 2 * HOUR_MS, 0]) {
    const shiftedMs = Date.now();
    await agent.shiftWallClock(shift);
    const log = await agent.process.waitUntil("a log of the shifted clock", () =>
      agent.logs().find((each) => {
        const unshiftedMs = Number(each["now"]) - shift;
        return unshiftedMs >= shiftedMs && unshiftedMs <= Date.now();
      }),
    );
    const nowMs = Date.now();
    // The text has only whole seconds.
    for (const [key, toleranceMs] of [
      ["now", 0],
      ["created", 0],
      ["text", 1_000],
    ] as const) {
      const unshiftedMs = Number(log[key]) - shift;
      assert.ok(
        unshiftedMs >= shiftedMs - toleranceMs && unshiftedMs <= nowMs,
        `${key} is ${unshiftedMs} without the shift, expected ${shiftedMs} to ${nowMs}`,
      );
    }
    assert.equal(log["fixed"], "1970-01-01T00:00:00.000Z");
    assert.equal(log["isDate"], true);
    const monotonic = Number(log["monotonic"]);
    assert.ok(monotonic >= 0 && monotonic <= performance.now() - begin, `${monotonic} ms`);
  }

  await agent.stop();
  assert.deepEqual(await agent.process.exited, { code: 0, signal: null });
});

test("both clocks move ahead, and stay ahead", async (t) => {
  const entry = join(await folderOf(t), "program.mjs");
  await writeFile(entry, PROGRAM);
  const begin = performance.now();
  const agent = await startAgent(t, { environment: {}, shiftableClock: true, entry });
  const quarterMs = 900_000;
  for (const passedMs of [quarterMs, 2 * quarterMs]) {
    await agent.letPass(quarterMs);
    const logged = agent.logs().length;
    const log = await agent.process.waitUntil("a log", () => agent.logs()[logged + 1]);
    const offMs = Math.abs(Number(log["now"]) - Date.now() - passedMs);
    assert.ok(offMs < 2_000, `off by ${offMs} ms`);
    const monotonicMs = Number(log["monotonic"]) - passedMs;
    assert.ok(monotonicMs >= 0 && monotonicMs <= performance.now() - begin, `${monotonicMs} ms`);
  }
});

test("only the monotonic clock moves ahead", async (t) => {
  const entry = join(await folderOf(t), "program.mjs");
  await writeFile(entry, PROGRAM);
  const begin = performance.now();
  const agent = await startAgent(t, { environment: {}, shiftableClock: true, entry });
  const passedMs = 900_000;
  await agent.letMonotonicPass(passedMs);
  const logged = agent.logs().length;
  const log = await agent.process.waitUntil("a log", () => agent.logs()[logged + 1]);
  const offMs = Math.abs(Number(log["now"]) - Date.now());
  assert.ok(offMs < 2_000, `off by ${offMs} ms`);
  const monotonicMs = Number(log["monotonic"]) - passedMs;
  assert.ok(monotonicMs >= 0 && monotonicMs <= performance.now() - begin, `${monotonicMs} ms`);
});
