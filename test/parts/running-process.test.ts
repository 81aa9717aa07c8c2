// Real child processes: small Node programs.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { type RunningProcess, startProcess } from "./running-process.ts";
import { waitFor } from "./wait-for.ts";

const MODULE = new URL("running-process.ts", import.meta.url).href;
const WAIT_MS = 10_000;

function startNode(program: string): RunningProcess {
  return startProcess({
    name: "the program",
    command: process.execPath,
    args: ["--input-type=module", "--eval", program],
    env: {},
  });
}

/** Whether a process exists and is not a zombie. */
async function isAlive(pid: number): Promise<boolean> {
  try {
    return !/^State:\s+Z/m.test(await readFile(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}

test("a wait fails as soon as the process ends, with its last output", async () => {
  const running = startNode('console.error("no such setting"); process.exit(2)');
  await assert.rejects(
    running.waitForLine(/ready/, WAIT_MS),
    /the program to say \/ready\/.*ended \(exit code 2\); its last output:\nno such setting/,
  );
  assert.deepEqual(await running.exited, { code: 2, signal: null });
});

test("a line that was written just before the end is found", async () => {
  const running = startNode('console.log("done")');
  await running.exited;
  assert.equal(await running.waitForLine(/^done$/, WAIT_MS), "done");
});

test("only the last 200 lines are kept", async () => {
  const running = startNode("for (let i = 1; i <= 1_000; i += 1) console.log(i)");
  await running.exited;
  const lines = running.output().split("\n");
  assert.deepEqual([lines.length, lines.at(0), lines.at(-1)], [200, "801", "1000"]);
});

test("a frozen process is stopped with SIGTERM, like any other", async () => {
  const running = startNode('console.log("up"); setInterval(() => {}, 1_000)');
  await running.waitForLine(/up/, WAIT_MS);
  running.signal("SIGSTOP");
  await running.stop();
  assert.deepEqual(await running.exited, { code: null, signal: "SIGTERM" });
  await running.stop();
});

test("a process that ignores SIGTERM is killed", async () => {
  const running = startNode(
    'process.on("SIGTERM", () => {}); console.log("up"); setInterval(() => {}, 1_000)',
  );
  await running.waitForLine(/up/, WAIT_MS);
  await running.stop();
  assert.deepEqual(await running.exited, { code: null, signal: "SIGKILL" });
});

test("a command that does not exist is an error that names it", () => {
  assert.throws(
    () => startProcess({ name: "the clock", command: "/no/such/clock", args: [] }),
    /cannot start the clock: \/no\/such\/clock does not exist/,
  );
});

for (const [how, end] of [
  ["comes to its end", "process.exit()"],
  ["fails", 'throw new Error("unexpected")'],
  ["is terminated", 'process.kill(process.pid, "SIGTERM"); setInterval(() => {}, 1_000)'],
] as const) {
  test(`no process outlives its parent when that ${how}`, async () => {
    const parent = startNode(`
      import { startProcess } from ${JSON.stringify(MODULE)};
      const child = startProcess({ name: "child", command: "sleep", args: ["600"], env: {} });
      process.stdout.write("child " + child.pid + "\\n", () => { ${end} });
    `);
    const line = await parent.waitForLine(/^child \d+$/, WAIT_MS);
    const childPid = Number(line.split(" ").at(1));
    await parent.exited;
    await waitFor("the child to be gone", async () => !(await isAlive(childPid)));
  });
}
