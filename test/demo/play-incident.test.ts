// A step whose effect is not seen ends the incident. The fake Prometheus has no result, or by one way only.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Parts } from "../../demo/parts.ts";
import { EffectMissing, playIncident } from "../../demo/play-incident.ts";
import { WAITING } from "./views.ts";

const STEP = { ...WAITING.step, longestSeconds: 0.1 };
const notInterrupted = new AbortController().signal;

function partsWithFakePrometheus(jobs: readonly string[]): Parts {
  const query = async () => jobs.map((job) => ({ labels: { job }, value: 1, timestampSeconds: 0 }));
  return { prometheus: { query } } as unknown as Parts;
}

for (const [jobs, missing] of [
  [[], "push and by pull"],
  [["chrony-tracker"], "pull"],
  [["chrony-tracker-pull"], "push"],
] as const) {
  test(`a step whose effect is not seen by ${missing} ends the incident with an error`, async () => {
    const playing = playIncident(
      [STEP, STEP],
      partsWithFakePrometheus(jobs),
      () => {},
      notInterrupted,
    );
    await assert.rejects(
      playing,
      new EffectMissing(
        `The step "the power fails" shows no effect after 0:00: by ${missing}, PromQL returns nothing for sum(lamps) == 0`,
      ),
    );
  });
}

test("an interruption ends an incident", async () => {
  const interruption = new AbortController();
  const reason = new Error("enough");
  const playing = playIncident(
    [{ ...STEP, longestSeconds: 60 }],
    partsWithFakePrometheus([]),
    () => interruption.abort(reason),
    interruption.signal,
  );
  await assert.rejects(playing, reason);
});
