// A report about a real agent that is pushed through the real collector and scraped, with a chronyd that is 25 ms off and
// then ends.

import assert from "node:assert/strict";
import { test } from "node:test";
import { CLUSTER } from "../parts/collector.ts";
import { JOBS, NODE, type Path, startPath, type Way } from "../parts/path.ts";
import { folderOf } from "../parts/scratch-folder.ts";
import { waitFor } from "../parts/wait-for.ts";
import { reportJson, runReport } from "./run-report.ts";

const WAYS: readonly Way[] = ["push", "pull"];

test("a report of what a real agent reported", async (t) => {
  const path = await startPath(t);
  const peaks = await waitFor("peaks by push and by pull", async () => {
    const push = await path.history("chrony_clock_error_peak_ms", "push");
    const pull = await path.history("chrony_clock_error_peak_ms", "pull");
    return push.length >= 5 && pull.length >= 5 && { push, pull };
  });
  await path.chronyd.stop();
  const unreachable = await waitFor("the state unreachable by push and by pull", async () => {
    const ends = await Promise.all(
      Object.values(JOBS).map(async (job) => {
        const matcher = `chrony_sync_state{job="${job}",state="unreachable"}`;
        const [series] = await path.prometheus.series(matcher, 0, Date.now() / 1000);
        const times = (series?.samples ?? [])
          .filter(({ value }) => value === 1)
          .map(({ timestampSeconds }) => timestampSeconds);
        return times.length >= 3 ? times : undefined;
      }),
    );
    return ends.every((times) => times !== undefined) && ends.flatMap((times) => times ?? []);
  });

  // From a moment that both ways cover to one that neither covers.
  const fromMs =
    1000 * Math.max(...[peaks.push, peaks.pull].map((list) => list[0]?.timestampSeconds ?? 0));
  const toMs = 1000 * Math.max(...unreachable);
  const folder = await folderOf(t);
  const run = await runReport(folder, [
    `--prometheus=${path.prometheus.url}`,
    `--cluster=${CLUSTER}`,
    `--from=${new Date(fromMs).toISOString()}`,
    `--to=${new Date(toMs).toISOString()}`,
    "--within=20",
  ]);
  assert.deepEqual([run.code, run.stderr], [0, ""]);
  const { nodes, exceedances, data } = await reportJson(folder);
  const [node] = nodes;
  assert.equal(nodes.length, 1);
  assert.deepEqual(
    [node?.["cluster"], node?.node, node?.["judged_by"], node?.["steps"]],
    [CLUSTER, NODE, "peak", 0],
  );
  assert.deepEqual(data.lacks, []);

  // All known time is above the limit. On a busy machine not all time up to chronyd's end is known.
  const known = await Promise.all(WAYS.map((way) => knownSeconds(path, way)));
  const aboveSeconds = lengthOf(known.flat(), fromMs / 1000, toMs / 1000);
  assert.ok(aboveSeconds > 0);
  assert.equal(node?.["above_seconds"], aboveSeconds);
  assert.equal(node?.["within_seconds"], 0);
  assert.equal(node?.["not_known_seconds"], Math.round(toMs - fromMs - 1000 * aboveSeconds) / 1000);
  assert.ok(exceedances.length > 0);
  assert.ok(Number(node?.["largest_error_ms"]) >= 25);
  const { synchronised = 0, unreachable: silent = 0 } = node?.state_seconds ?? {};
  assert.ok(synchronised > 0 && silent > 0, JSON.stringify(node?.state_seconds));
  const [source] = (node?.["sources"] ?? []) as readonly { readonly name: string }[];
  assert.equal(source?.name, "127.0.0.1");
});

type Stretch = readonly [fromSeconds: number, toSeconds: number];

/** The periods in which the error is known, by the rules of docs/report.md. */
async function knownSeconds(path: Path, way: Way): Promise<Stretch[]> {
  const series = (metric: string) =>
    path.prometheus.series(`${metric}{job="${JOBS[way]}"}`, 0, Date.now() / 1000);
  const peaks = await path.history("chrony_clock_error_peak_ms", way);
  const silent = (await series("chrony_sync_state"))
    .filter(({ labels }) => labels["state"] === "unreachable" || labels["state"] === "local")
    .flatMap(({ samples }) => samples.filter(({ value }) => value === 1))
    .map(({ timestampSeconds }) => timestampSeconds);
  const polls = new Map<number, number>();
  for (const { samples } of await series("chrony_tracker_readings_total")) {
    for (const { timestampSeconds, value } of samples) {
      polls.set(timestampSeconds, value + (polls.get(timestampSeconds) ?? 0));
    }
  }
  const restarts = stretches([...polls].toSorted(([one], [other]) => one - other))
    .filter(([[, before], [, after]]) => after <= before)
    .map(([[from], [to]]): Stretch => [from, to]);
  return stretches(peaks.map(({ timestampSeconds }) => timestampSeconds)).filter(
    ([from, to]) =>
      !silent.some((second) => second > from && second < to) &&
      !restarts.some(([restartFrom, restartTo]) => restartFrom < to && restartTo > from),
  );
}

/** Each item with the one after it. */
function stretches<Item>(items: readonly Item[]): [Item, Item][] {
  return items.slice(1).map((item, index) => [items[index] as Item, item]);
}

/** The sum of their lengths between two times. */
function lengthOf(list: readonly Stretch[], fromSeconds: number, toSeconds: number): number {
  let lengthMs = 0;
  let endSeconds = fromSeconds;
  for (const [from, to] of list.toSorted(([one], [other]) => one - other)) {
    const end = Math.min(to, toSeconds);
    if (end > endSeconds) {
      lengthMs += Math.round(1000 * (end - Math.max(from, endSeconds)));
      endSeconds = end;
    }
  }
  return lengthMs / 1000;
}
