import assert from "node:assert/strict";
import { test } from "node:test";
import { freePort } from "./free-port.ts";
import { runToEnd } from "./run-to-end.ts";

test("a port of this process is not given to another one", async () => {
  const ours = await Promise.all(Array.from({ length: 200 }, () => freePort()));
  assert.equal(new Set(ours).size, ours.length);

  // Without the reservation, about 15 of 1,000 ports would be ours.
  const url = new URL("free-port.ts", import.meta.url).href;
  const script = `
    const { freePort } = await import(${JSON.stringify(url)});
    const ports = await Promise.all(Array.from({ length: 1000 }, () => freePort()));
    console.log(ports.join(" "));`;
  const output = await runToEnd({
    name: "another process",
    command: process.execPath,
    args: ["--input-type=module", "--eval", script],
    timeoutMs: 30_000,
  });
  const theirs = output.split(" ").map(Number);
  assert.equal(new Set(theirs).size, 1000);
  assert.deepEqual(
    theirs.filter((port) => ours.includes(port)),
    [],
  );
});
