// The end of a test's parts.

import assert from "node:assert/strict";
import { test } from "node:test";
import { endWith, Scope } from "./owner.ts";

test("the part that was started last ends first, one after another", async () => {
  const scope = new Scope();
  const ended: string[] = [];
  for (const name of ["server", "follower", "agent"]) {
    endWith(scope, async () => {
      await Promise.resolve();
      ended.push(name);
    });
  }
  await scope.end();
  assert.deepEqual(ended, ["agent", "follower", "server"]);
});

test("a part that fails to end is reported, and the others still end", async () => {
  const scope = new Scope();
  let isEnded = false;
  endWith(scope, () => {
    isEnded = true;
  });
  endWith(scope, () => Promise.reject(new Error("it hangs")));
  await assert.rejects(scope.end(), /1 parts did not end: Error: it hangs/);
  assert.ok(isEnded);
});

test("a part that hangs is reported, and the others still end", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const scope = new Scope();
  let isEnded = false;
  endWith(scope, () => {
    isEnded = true;
  });
  endWith(scope, () => new Promise(() => {}));
  const ending = assert.rejects(scope.end(), /had not ended after 15 s/);
  t.mock.timers.tick(15_000);
  await ending;
  assert.ok(isEnded);
});

test("a part that is started after an end is ended by the next one", async () => {
  const scope = new Scope();
  let ends = 0;
  const start = () =>
    endWith(scope, () => {
      ends += 1;
    });
  start();
  await scope.end();
  start();
  await scope.end();
  assert.equal(ends, 2);
});

test("the context of a test is an owner, also of a subtest", async (t) => {
  const ended: string[] = [];
  await t.test("a subtest", (inner) => {
    endWith(inner, () => {
      ended.push("first");
    });
    endWith(inner, () => {
      ended.push("second");
    });
  });
  assert.deepEqual(ended, ["second", "first"]);
});
