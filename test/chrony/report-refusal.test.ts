// Which refusals of chronyd are remembered, and how long (src/chrony/report-refusal.ts).

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { ChronyError } from "../../src/chrony/chrony-error.ts";
import { isNoSuchSource, isRefusal, RefusedReports } from "../../src/chrony/report-refusal.ts";

function refused(status: number): ChronyError {
  return { kind: "refused", report: "NTP_DATA", status };
}

test("a report is rejected by status 2, 3 or 19; status 4 means that a source does not exist", () => {
  const statuses = Array.from({ length: 25 }, (_, status) => status);
  assert.deepEqual(
    statuses.filter((status) => isRefusal(refused(status))),
    [2, 3, 19],
  );
  assert.deepEqual(
    statuses.filter((status) => isNoSuchSource(refused(status))),
    [4],
  );
  const late = { kind: "timed out", report: "NTP_DATA", address: "", afterMs: 1 } as const;
  assert.deepEqual([isRefusal(late), isNoSuchSource(late)], [false, false]);
});

describe("a rejected report", () => {
  test("is requested again after ten minutes", () => {
    const reports = new RefusedReports<"a" | "b">();
    assert.equal(reports.has("a", 0), false);
    assert.equal(reports.add("a", 1_000), true);
    assert.deepEqual(
      [1_000, 600_999, 601_000].map((nowMs) => reports.has("a", nowMs)),
      [true, true, false],
    );
    assert.equal(reports.has("b", 1_000), false);
    assert.equal(reports.add("a", 601_000), false, "no news");
    assert.equal(reports.has("a", 1_200_999), true);
  });

  test("that is answered is no longer rejected", () => {
    const reports = new RefusedReports<"a">();
    reports.add("a", 0);
    assert.deepEqual([reports.delete("a"), reports.delete("a")], [true, false]);
    assert.equal(reports.has("a", 1), false);
    assert.equal(reports.add("a", 2), true);
  });

  test("is requested at once after a restart of chronyd, and is not logged when it is rejected again", () => {
    const reports = new RefusedReports<"a">();
    reports.add("a", 0);
    reports.chronydRestarted();
    assert.equal(reports.has("a", 1), false);
    assert.equal(reports.add("a", 2), false);
  });
});
