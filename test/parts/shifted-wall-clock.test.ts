// A real Node process under a shifted wall clock, in the agent's place.

import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { startAgent } from "./agent.ts";
import { scratchFolder } from "./scratch-folder.ts";

const hourMilliseconds = 3_600_000;

// Says what each way to ask for the time gives, and ends by itself after SIGTERM.
const program = `
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

test("the wall clock moves and comes back, the monotonic clock goes on, and the process can end", async (t) => {
  const folder = await scratchFolder("ct");
  t.after(() => folder.remove());
  const entry = join(folder.path, "program.mjs");
  await writeFile(entry, program);
  const begin = performance.now();
  const agent = await startAgent({ environment: {}, shiftableClock: true, entry });
  t.after(() => agent.stop());

  for (const shift of [-hourMilliseconds, 2 * hourMilliseconds, 0]) {
    await agent.shiftWallClock(shift);
    const logged = agent.logs().length;
    const log = await agent.process.waitUntil("a log", () => agent.logs()[logged + 1]);
    const expected = Date.now() + shift;
    // A second for a busy machine, and one because the text has whole seconds only.
    for (const key of ["now", "created", "text"]) {
      const offMilliseconds = Math.abs(Number(log[key]) - expected);
      assert.ok(offMilliseconds < 2_000, `${key} is off by ${offMilliseconds} ms`);
    }
    assert.equal(log["fixed"], "1970-01-01T00:00:00.000Z");
    assert.equal(log["isDate"], true);
    const monotonic = Number(log["monotonic"]);
    assert.ok(monotonic >= 0 && monotonic <= performance.now() - begin, `${monotonic} ms`);
  }

  await agent.stop();
  assert.deepEqual(await agent.process.exited, { code: 0, signal: null });
});
