// The path in a request's target (RFC 9112, section 3.2), and the table of paths.

import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { describe, test } from "node:test";
import { PATHS, pathOf, queryOf } from "../../src/serve/paths.ts";

describe("a request's target", () => {
  const targets = [
    ["/metrics", "/metrics"],
    ["/metrics?name[]=chrony_up", "/metrics"],
    ["http://10.1.2.3:9464/metrics", "/metrics"],
    ["HTTP://node.example/livez?verbose", "/livez"],
    ["http://[fd00::1]:9464/readyz", "/readyz"],
    ["http://node.example", "/"],
    ["http://node.example?x=1", "/"],
    ["https://node.example/", "/"],
    ["/?x", "/"],
    ["", undefined],
    ["*", undefined],
    ["metrics", undefined],
    ["//metrics", undefined],
    ["/metrics/", undefined],
    ["/Metrics", undefined],
    ["/%6detrics", undefined],
    ["/__proto__", undefined],
    ["/constructor", undefined],
    ["http:///metrics", undefined],
    ["ftp://node.example/metrics", undefined],
    ["http://node.example/nowhere", undefined],
    ["http://node.example/http://node.example/metrics", undefined],
  ] as const;
  for (const [target, path] of targets) {
    test(`${JSON.stringify(target)} names ${path ?? "nothing"}`, () => {
      assert.equal(pathOf(target), path);
    });
  }
});

describe("a request's query", () => {
  const queries = [
    ["/synchronised?within=50", "within=50"],
    ["http://node.example:9464/synchronised?within=50", "within=50"],
    ["/synchronised?a?b", "a?b"],
    ["/synchronised?a#?b", "a"],
    ["/synchronised#?a", ""],
    ["/synchronised?", ""],
    ["/synchronised", ""],
    ["?a", "a"],
    ["", ""],
  ] as const;
  for (const [target, query] of queries) {
    test(`of ${JSON.stringify(target)} is ${JSON.stringify(query)}`, () => {
      assert.equal(queryOf(target), query);
    });
  }
});

test("only the paths of the table are served", async () => {
  const folder = new URL("../../src/serve/", import.meta.url);
  for (const file of await readdir(folder)) {
    const text = await readFile(new URL(file, folder), "utf8");
    const written = [...text.matchAll(/["'`](?<path>\/[\w./-]*)["'`]/g)].map(
      (found) => found.groups?.["path"] ?? "",
    );
    const unknown = written.filter((path) => !Object.hasOwn(PATHS, path));
    assert.deepEqual(unknown, [], `${file}: add a row to PATHS (src/serve/paths.ts)`);
  }
});
