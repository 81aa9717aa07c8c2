import assert from "node:assert/strict";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { keepInCache } from "./cache.ts";
import { folderOf } from "./scratch-folder.ts";
import { setVariable } from "./set-variable.ts";

async function useEmptyCache(t: TestContext): Promise<string> {
  const folder = await folderOf(t);
  setVariable(t, "CHRONY_TRACKER_CACHE", folder);
  return folder;
}

test("an entry is made once, and found the next time", async (t) => {
  const cache = await useEmptyCache(t);
  const path = await keepInCache("system/part", (making) =>
    writeFile(join(making, "file"), "made"),
  );
  assert.equal(path, join(cache, "system/part"));
  const again = await keepInCache("system/part", () => Promise.reject(new Error("made again")));
  assert.equal(await readFile(join(again, "file"), "utf8"), "made");
});

test("a failure leaves nothing", async (t) => {
  const cache = await useEmptyCache(t);
  const failing = keepInCache("part", async (making) => {
    await writeFile(join(making, "file"), "half");
    throw new Error("the network is away");
  });
  await assert.rejects(failing, /the network is away/);
  assert.deepEqual(await readdir(cache), []);
});

test("two processes that make the same entry at once both get a complete one", async (t) => {
  const cache = await useEmptyCache(t);
  const bothBegun = Promise.withResolvers<void>();
  let begun = 0;
  const makeTogether = () =>
    keepInCache("part", async (making) => {
      await writeFile(join(making, "one"), "1");
      begun += 1;
      if (begun === 2) {
        bothBegun.resolve();
      }
      await bothBegun.promise;
      await writeFile(join(making, "two"), "2");
    });
  const paths = await Promise.all([makeTogether(), makeTogether()]);
  assert.deepEqual(paths, [join(cache, "part"), join(cache, "part")]);
  assert.deepEqual(await readdir(cache), ["part"]);
  assert.deepEqual(new Set(await readdir(join(cache, "part"))), new Set(["one", "two"]));
});
