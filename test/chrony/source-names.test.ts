// The names of chronyd's sources, and how long they are remembered.

import assert from "node:assert/strict";
import { test } from "node:test";
import { SourceNames } from "../../src/chrony/source-names.ts";

const TEN_MINUTES_MS = 600_000;

test("a name is known until ten minutes later, then chronyd has to be asked again", () => {
  const names = new SourceNames();
  assert.equal(names.get("192.0.2.1", 5_000), undefined);
  names.set("192.0.2.1", "ntp.example", 5_000);
  assert.equal(names.get("192.0.2.1", 5_000), "ntp.example");
  assert.equal(names.get("192.0.2.1", 5_000 + TEN_MINUTES_MS - 1), "ntp.example");
  assert.equal(names.get("192.0.2.1", 5_000 + TEN_MINUTES_MS), undefined);
  names.set("192.0.2.1", "other.example", 5_000 + TEN_MINUTES_MS);
  assert.equal(names.get("192.0.2.1", 4_999 + 2 * TEN_MINUTES_MS), "other.example");
});

test("a removed source is forgotten, the others are not", () => {
  const names = new SourceNames();
  for (const address of ["192.0.2.1", "192.0.2.2", "::1"]) {
    names.set(address, `name of ${address}`, 0);
  }
  names.keepOnly(
    new Map([
      ["::1", 1],
      ["192.0.2.9", 2],
    ]),
  );
  assert.deepEqual(
    ["192.0.2.1", "192.0.2.2", "::1", "192.0.2.9"].map((address) => names.get(address, 0)),
    [undefined, undefined, "name of ::1", undefined],
  );
});
