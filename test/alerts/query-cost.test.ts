// The cost of a query by Azure's formula (series × points / 5,000), for 5,000 nodes that push and are scraped every
// 30 s. The numbers are computed by hand.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { derivedFiles } from "../../alerts/files.ts";
import { queryCost } from "../../alerts/query-cost.ts";
import { ALERT_GROUPS } from "../../alerts/rules.ts";

const WEEK_SECONDS = 604_800;
/** A series of each node, twice, five minutes long: 10,000 × 10 / 5,000. */
const ONE_SELECTOR = 20;

describe("a query costs", () => {
  const cases: readonly (readonly [string, string, number, number])[] = [
    ["a series a node", "chrony_up", 0, ONE_SELECTOR],
    ["as many series as a label has values", "chrony_sync_state", 0, 6 * ONE_SELECTOR],
    ["those that match", 'chrony_sync_state{state="stale"}', 0, ONE_SELECTOR],
    ["those that match a pattern", 'chrony_sync_state{state=~"stale|local"}', 0, 2 * ONE_SELECTOR],
    ["those that match no pattern", 'chrony_sync_state{state!="stale"}', 0, 5 * ONE_SELECTOR],
    ["a window", "increase(chrony_up[1h])", 0, 240],
    ["a subquery, and the window in it", "max_over_time(sum(chrony_up)[55m:5m])", 0, 240],
    ["what is in a subquery alone", "chrony_up + max_over_time((chrony_up)[55m:5m])", 0, 260],
    ["each selector", 'sum by (cluster) (chrony_up{cluster="a)"} > 0 or chrony_up)', 0, 40],
    ["the time that is shown", "chrony_up", WEEK_SECONDS, 40_340],
    ["one node", 'chrony_up{k8s_node_name="a"}', WEEK_SECONDS, 40_340 / 5000],
    ["a recording of 60 clusters", "cluster:chrony_up:count", WEEK_SECONDS, (60 * 10_085) / 5000],
    ["a recording without an operation", "cluster:chrony_clock_skew_bound_ms", 0, (60 * 5) / 5000],
    ["a recording of each agent", "instance:chrony_clock_error_seconds:abs", 0, ONE_SELECTOR / 2],
    ["the worst ten of each", "cluster_node:chrony_up:returned", 0, (600 * 5) / 5000],
  ];
  for (const [name, expression, rangeSeconds, expected] of cases) {
    test(`${name}: ${expression}`, () => {
      assert.equal(queryCost(expression, rangeSeconds), expected);
    });
  }

  test("an unknown amount if a metric is unknown: it is rejected", () => {
    assert.throws(() => queryCost("chrony_unheard_of", 0), /How many series chrony_unheard_of has/);
  });
});

test("an alert whose range is too long for Azure is rejected", () => {
  const [group] = ALERT_GROUPS;
  const [alert] = group?.alerts ?? [];
  assert.ok(group && alert);
  const looksBack = { ...alert, expression: "avg_over_time(chrony_up[1d]) < 0.5" };
  assert.throws(
    () => derivedFiles([{ name: "g", alerts: [looksBack] }]),
    /ClockErrorHigh costs 5760 at 5000 nodes, and Azure allows 3000/,
  );
});
