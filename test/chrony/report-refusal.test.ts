// Which answers of chronyd last, and how long (src/chrony/report-refusal.ts).

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { ChronyError } from "../../src/chrony/chrony-error.ts";
import { isNoSuchSource, isRefusal, RefusedReports } from "../../src/chrony/report-refusal.ts";

function refused(status: number): ChronyError {
  return { kind: "refused", report: "NTP_DATA", status };
}

test("a report is refused by status 2, 3 or 19; by status 4 a source is not there", () => {
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

describe("a refused report", () => {
  test("is asked for again after ten minutes", () => {
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

  test("that is answered is as if it was never refused", () => {
    const reports = new RefusedReports<"a">();
    reports.add("a", 0);
    assert.deepEqual([reports.delete("a"), reports.delete("a")], [true, false]);
    assert.equal(reports.has("a", 1), false);
    assert.equal(reports.add("a", 2), true);
  });

  test("is asked for at once when chronyd was restarted, and is no news when it is refused again", () => {
    const reports = new RefusedReports<"a">();
    reports.add("a", 0);
    reports.chronydRestarted();
    assert.equal(reports.has("a", 1), false);
    assert.equal(reports.add("a", 2), false);
  });
});
