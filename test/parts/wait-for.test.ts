import assert from "node:assert/strict";
import { test } from "node:test";
import { waitFor } from "./wait-for.ts";

test("returns the condition's result when it is neither undefined, nor false, nor an error", async () => {
  const answers = [
    () => undefined,
    () => false as const,
    () => {
      throw new Error("not yet");
    },
    () => 0,
  ];
  assert.equal(await waitFor("a number", () => answers.shift()?.()), 0);
});

test("fails with what it waited for and the last error", async () => {
  const noRoute = new Error("no route");
  await assert.rejects(
    waitFor("a road", () => Promise.reject(noRoute), 100),
    {
      message: "waited 0.1 s for a road; last seen: no route",
      cause: noRoute,
    },
  );
});

test("does not wait longer for a condition that hangs", async () => {
  const never = new Promise<undefined>(() => {});
  await assert.rejects(
    waitFor("an answer", () => never, 100),
    /waited 0\.1 s for an answer/,
  );
});

test("checks once more when it is aborted, because the last change may be the awaited one", async () => {
  const aborted = AbortSignal.abort(new Error("it is gone"));
  assert.equal(await waitFor("the last word", () => "farewell", 1_000, aborted), "farewell");
  await assert.rejects(
    waitFor("another word", () => undefined, 1_000, aborted),
    /it is gone/,
  );
});
